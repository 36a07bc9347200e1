/** A relay's words on their way to the disk: what comes while a write is under way goes together. */
import type { Outbox, Said } from "./outbox.ts";

export class Words {
  /** The relay's day, once it has told it. */
  today: number;
  readonly #outbox: Outbox;
  readonly #relay: string;
  /** By the day and the parcel's key: the newest of a parcel takes the place of the one before. */
  #pending = new Map<string, { day: number; said: Said }>();
  #writing: Promise<void> | undefined;

  constructor(outbox: Outbox, relay: string, today: number) {
    this.#outbox = outbox;
    this.#relay = relay;
    this.today = today;
  }

  /** Resolves at once; `settle` tells when it is kept. Throws what an earlier write did. */
  keep(words: readonly Said[], day = this.today): void {
    for (const said of words) {
      const place = `${day} ${said.key}`;
      const before = this.#pending.get(place);
      if (before === undefined || before.said.word <= said.word) {
        this.#pending.set(place, { day, said });
      }
    }
    if (this.#pending.size === 0 || this.#writing !== undefined) return;
    this.#writing = this.#write();
    // Whoever settles is told.
    this.#writing.catch(() => undefined);
  }

  /** Waits until all of it is kept. */
  async settle(): Promise<void> {
    await this.#writing;
  }

  async #write(): Promise<void> {
    while (this.#pending.size > 0) {
      const some = [...this.#pending.values()];
      this.#pending = new Map();
      for (const day of new Set(some.map((one) => one.day))) {
        const words = some.filter((one) => one.day === day).map(({ said }) => said);
        await this.#outbox.note(this.#relay, day, words);
      }
    }
    this.#writing = undefined;
  }
}
