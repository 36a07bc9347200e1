/**
 * The store in IndexedDB: opening it, the steps of its schema, and transactions.
 *
 * A database comes into being with the first thing that is kept: looking makes none, so that a wipe
 * in another tab stays one.
 */
import { type IDBPDatabase, type IDBPTransaction, openDB } from "idb";
import { EngineError } from "./engine.ts";
import { MemoryStore } from "./memoryStore.ts";
import {
  type Key,
  type Part,
  SHAPES,
  type Store,
  TABLES,
  type TableName,
  type Tables,
  type Transaction,
} from "./tables.ts";

export const DATABASE = "qanat";

type Upgrade = IDBPTransaction<unknown, string[], "versionchange">;

/** A step of the schema; step n leads from version n to the next. Steps are only ever added. */
export type Step = (database: IDBPDatabase, transaction: Upgrade) => void | Promise<void>;

export const STEPS: readonly Step[] = [0, 1, 2].map(makingTables);

/** Makes the tables that came with a step. */
function makingTables(own: number): Step {
  return (database) => {
    for (const name of TABLES) {
      const { key, counts = false, indexes = [], step = 0 } = SHAPES[name];
      if (step !== own) continue;
      const keyPath = typeof key === "string" ? key : [...key];
      const table = database.createObjectStore(name, { keyPath, autoIncrement: counts });
      for (const index of indexes) table.createIndex(index, index);
    }
  };
}

/** Room was refused because nothing is there to be looked at. */
class NothingHere extends Error {}

export class DatabaseStore implements Store {
  readonly isKept = true;
  readonly #name: string;
  readonly #steps: readonly Step[];
  #open: Promise<IDBPDatabase> | undefined;

  constructor(name = DATABASE, steps: readonly Step[] = STEPS) {
    this.#name = name;
    this.#steps = steps;
  }

  async read<T>(tables: readonly TableName[], work: (rows: Transaction) => Promise<T>): Promise<T> {
    try {
      return await this.#run(tables, "readonly", work, false);
    } catch (error) {
      if (error instanceof NothingHere) return new MemoryStore().read(tables, work);
      throw error;
    }
  }

  write<T>(tables: readonly TableName[], work: (rows: Transaction) => Promise<T>): Promise<T> {
    return this.#run(tables, "readwrite", work, true, "strict");
  }

  writeLoosely<T>(
    tables: readonly TableName[],
    work: (rows: Transaction) => Promise<T>,
  ): Promise<T> {
    return this.#run(tables, "readwrite", work, true, "relaxed");
  }

  async close(): Promise<void> {
    const open = this.#open;
    this.#open = undefined;
    if (open === undefined) return;
    await open.then(
      (database) => database.close(),
      () => undefined,
    );
  }

  async #run<T>(
    tables: readonly TableName[],
    mode: "readonly" | "readwrite",
    work: (rows: Transaction) => Promise<T>,
    mayMake: boolean,
    durability: "strict" | "relaxed" = "relaxed",
  ): Promise<T> {
    const transaction = await this.#begin(tables, mode, mayMake, durability);
    // Whoever runs the work is told of its error; this one says that it was undone for it.
    const done = transaction.done.then(
      () => undefined,
      (error: unknown) => error ?? new Error("the database undid a transaction"),
    );
    try {
      const result = await work(rowsOf(transaction as AnyTransaction));
      const error = await done;
      if (error !== undefined) throw error;
      return result;
    } catch (error) {
      try {
        transaction.abort();
      } catch (late) {
        // It has ended already, of itself.
        if (!(late instanceof Error || late instanceof DOMException)) throw late;
      }
      await done;
      // A full disk is told by the transaction, not by the row that found it.
      throw transaction.error?.name === "QuotaExceededError" ? transaction.error : error;
    }
  }

  async #begin(
    tables: readonly TableName[],
    mode: "readonly" | "readwrite",
    mayMake: boolean,
    durability: "strict" | "relaxed",
  ) {
    for (let tried = 0; ; tried++) {
      const database = await this.#database(mayMake);
      try {
        return database.transaction([...tables], mode, { durability });
      } catch (error) {
        // Another tab has taken the database away for a newer version or a wipe, or the browser
        // has closed it.
        if (tried > 0 || !(error instanceof Error) || error.name !== "InvalidStateError")
          throw error;
        this.#open = undefined;
      }
    }
  }

  async #database(mayMake: boolean): Promise<IDBPDatabase> {
    if (this.#open === undefined) {
      const opening = this.#opened(mayMake);
      this.#open = opening;
      opening.catch(() => {
        if (this.#open === opening) this.#open = undefined;
      });
    }
    try {
      return await this.#open;
    } catch (error) {
      if (error instanceof NothingHere && mayMake) return this.#database(true);
      throw error;
    }
  }

  async #opened(mayMake: boolean): Promise<IDBPDatabase> {
    let isNothing = false;
    const forget = () => {
      this.#open = undefined;
    };
    try {
      const database = await openDB(this.#name, this.#steps.length, {
        upgrade: async (made, from, _, transaction) => {
          if (from === 0 && !mayMake) {
            isNothing = true;
            // Whoever opens it is told.
            transaction.done.catch(() => undefined);
            transaction.abort();
            return;
          }
          for (const step of this.#steps.slice(from)) await step(made, transaction as Upgrade);
        },
        blocking: (_from, _to, event) => {
          (event.target as IDBDatabase).close();
          forget();
        },
        terminated: forget,
      });
      return database;
    } catch (error) {
      if (isNothing) throw new NothingHere();
      if (error instanceof Error && error.name === "VersionError") {
        throw new EngineError("failed", "a newer app has kept its things here: load it again");
      }
      throw error;
    }
  }
}

type AnyTransaction = IDBPTransaction<unknown, string[], "readwrite">;

/** Every row whose key of several values begins with this one. */
function under(first: Part): IDBKeyRange {
  // An array is above every number and string.
  return IDBKeyRange.bound([first], [first, []]);
}

function keyOf(key: Key): IDBValidKey {
  return typeof key === "object" ? [...key] : key;
}

function rowsOf(transaction: AnyTransaction): Transaction {
  return {
    get: <N extends TableName>(table: N, key: Key) =>
      transaction.objectStore(table).get(keyOf(key)) as Promise<Tables[N] | undefined>,
    put: async (table, row) => {
      const key = await transaction.objectStore(table).put(row);
      return (Array.isArray(key) ? key[0] : key) as Part;
    },
    remove: (table, key) => transaction.objectStore(table).delete(keyOf(key)),
    removeUnder: (table, first) => transaction.objectStore(table).delete(under(first)),
    all: <N extends TableName>(table: N, first?: Part) =>
      transaction
        .objectStore(table)
        .getAll(first === undefined ? undefined : under(first)) as Promise<Tables[N][]>,
    by: <N extends TableName>(table: N, index: string, value: Part) =>
      transaction.objectStore(table).index(index).getAll(value) as Promise<Tables[N][]>,
  };
}
