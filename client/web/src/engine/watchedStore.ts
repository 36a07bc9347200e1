/** A store that tells when it was written to, in this tab and, where the browser can, in others. */
import { EngineError } from "./engine.ts";
import type { Store, TableName, Transaction } from "./tables.ts";

const CHANNEL = "qanat";

/** Called with the tables that were written, or when another tab has wiped all of them. */
export type Heard = (tables: readonly TableName[] | "wiped") => void;

export class WatchedStore implements Store {
  readonly #store: Store;
  readonly #heard: Heard;
  readonly #channel: BroadcastChannel | undefined;
  #isClosed = false;

  constructor(store: Store, heard: Heard) {
    this.#store = store;
    this.#heard = heard;
    if (typeof BroadcastChannel !== "undefined" && store.isKept) {
      this.#channel = new BroadcastChannel(CHANNEL);
      this.#channel.onmessage = ({ data }) => {
        heard(data as TableName[] | "wiped");
      };
    }
  }

  get isKept(): boolean {
    return this.#store.isKept;
  }

  read<T>(tables: readonly TableName[], work: (rows: Transaction) => Promise<T>): Promise<T> {
    return this.#store.read(tables, work);
  }

  async write<T>(
    tables: readonly TableName[],
    work: (rows: Transaction) => Promise<T>,
  ): Promise<T> {
    this.#checkOpen();
    const result = await this.#store.write(tables, work);
    if (tables.some((table) => table !== "lock")) {
      this.#heard(tables);
      this.#channel?.postMessage(tables);
    }
    return result;
  }

  /** Nothing that counts is written so, and nobody is told. */
  writeLoosely<T>(
    tables: readonly TableName[],
    work: (rows: Transaction) => Promise<T>,
  ): Promise<T> {
    this.#checkOpen();
    return this.#store.writeLoosely(tables, work);
  }

  /** Nothing is written any more, so that nothing comes back behind a wipe. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#channel?.postMessage("wiped");
    this.#channel?.close();
    await this.#store.close();
  }

  #checkOpen(): void {
    if (this.#isClosed) throw new EngineError("cancelled", "everything was wiped");
  }
}
