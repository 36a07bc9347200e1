/**
 * The stamps that relays under a flood ask for: worked on in slices, so that a sync goes on beside
 * it, and kept for good.
 */
import { epochOf } from "../protocol/days.ts";
import type { Stamp } from "../protocol/frames.ts";
import { randomBytes } from "../protocol/random.ts";
import { findStamp, MAX_EFFORT } from "../protocol/stamp.ts";
import type { Outbox, StoredParcel } from "./outbox.ts";

/** How long one sync works for stamps in all: it costs a phone's battery. */
const MOST_S = 120;
/** An effort is for so much of a body begun (SPEC 14). */
const WEIGHT_BYTES = 131_072;
const FIRST_TRIES = 1000;
const SLICE_S = 0.05;

interface Job {
  readonly parcel: StoredParcel;
  readonly epoch: number;
  readonly effort: number;
}

/** Whether a stamp counts on a day and shows so much work. */
export function serves(stamp: Stamp | null, day: number, effort: number): boolean {
  if (stamp === null) return false;
  return [epochOf(day) - 1, epochOf(day)].includes(stamp.epoch) && stamp.effort >= effort;
}

/** One sync's. */
export class Stamper {
  /** Called when one more was found, and now and then while one is worked on. */
  onFound: () => void = () => undefined;
  onWork: () => void = () => undefined;
  readonly #outbox: Outbox;
  readonly #signal: AbortSignal;
  readonly #jobs = new Map<number, Job>();
  #working: Promise<void> | undefined;
  #workedS = 0;
  #found = 0;
  #triesAtOnce = FIRST_TRIES;
  /** Tries in a second; 0 until it is known. */
  #rate = 0;

  constructor(outbox: Outbox, signal: AbortSignal) {
    this.#outbox = outbox;
    this.#signal = signal;
  }

  /** Seconds that have been worked, while something is; otherwise null. */
  get workedS(): number | null {
    return this.#working === undefined ? null : this.#workedS;
  }

  /**
   * A relay asks for `effort` for each 128 KiB; the smallest parcels come first. `wasRefused`: it
   * did not take the parcel without.
   */
  want(parcel: StoredParcel, day: number, effort: number, wasRefused = false): void {
    const weight = Math.ceil(parcel.header.bodySize / WEIGHT_BYTES);
    const needed = Math.min(effort * weight, MAX_EFFORT);
    const job = { parcel, epoch: epochOf(day), effort: needed };
    if (serves(parcel.stamp, day, needed)) return;
    const known = this.#jobs.get(parcel.key);
    if (known === undefined || known.effort < needed) this.#jobs.set(parcel.key, job);
    this.#working ??= this.#work(wasRefused ? job : undefined).finally(() => {
      this.#working = undefined;
    });
    // Whoever settles is told.
    this.#working.catch(() => undefined);
  }

  /** Whether a stamp for this parcel may still be found; the outbox has it before that ends. */
  worksOn(key: number): boolean {
    return this.#jobs.has(key);
  }

  /** Waits for what is worked on; whether anything was found since the last time. */
  async settle(): Promise<boolean> {
    await this.#working;
    const found = this.#found > 0;
    this.#found = 0;
    return found;
  }

  async #work(asked: Job | undefined): Promise<void> {
    if (asked !== undefined) {
      await this.#outbox.askStamp(asked.parcel.key, asked.epoch, asked.effort);
    }
    for (let job = this.#smallest(); job !== undefined; job = this.#smallest()) {
      const stamp = await this.#search(job);
      if (stamp === undefined) {
        // What is larger needs no less.
        this.#jobs.clear();
        return;
      }
      await this.#outbox.keepStamp(job.parcel.key, stamp);
      if (this.#jobs.get(job.parcel.key) === job) this.#jobs.delete(job.parcel.key);
      this.#found += 1;
      this.onFound();
    }
  }

  #smallest(): Job | undefined {
    const jobs = [...this.#jobs.values()];
    return jobs.sort(
      (one, other) => one.effort - other.effort || one.parcel.key - other.parcel.key,
    )[0];
  }

  /** The stamp; undefined where it would take, or took, longer than a sync works. */
  async #search({ parcel, epoch, effort }: Job): Promise<Stamp | undefined> {
    while (!this.#signal.aborted) {
      const leftS = MOST_S - this.#workedS;
      if (leftS <= 0 || (this.#rate > 0 && effort / this.#rate > leftS)) return undefined;
      const begunMs = Date.now();
      const stamp = findStamp(parcel.id, epoch, effort, randomBytes(16), this.#triesAtOnce);
      const tookS = Math.max(0.001, (Date.now() - begunMs) / 1000);
      this.#workedS += tookS;
      if (stamp !== null) return stamp;
      this.#rate = this.#triesAtOnce / tookS;
      this.#triesAtOnce = Math.max(FIRST_TRIES, Math.round(this.#rate * SLICE_S));
      this.onWork();
      // What came from relays meanwhile has its turn.
      await new Promise((resolve) => setTimeout(resolve, 0));
    }
    return undefined;
  }
}
