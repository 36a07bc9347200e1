/** A store that lasts as long as the page: for browsers that keep nothing. One writer at a time. */
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

interface Entry {
  readonly key: readonly Part[];
  readonly row: object;
}

type Table = Map<string, Entry>;

export class MemoryStore implements Store {
  readonly isKept = false;
  #tables = new Map<TableName, Table>(TABLES.map((name) => [name, new Map()]));
  readonly #counts = new Map<TableName, number>();
  #last: Promise<unknown> = Promise.resolve();

  read<T>(_: readonly TableName[], work: (rows: Transaction) => Promise<T>): Promise<T> {
    return this.#inTurn(() => work(this.#rows()));
  }

  write<T>(tables: readonly TableName[], work: (rows: Transaction) => Promise<T>): Promise<T> {
    return this.#inTurn(async () => {
      const before = new Map(this.#tables);
      for (const name of tables) this.#tables.set(name, new Map(this.#table(name)));
      try {
        return await work(this.#rows());
      } catch (error) {
        this.#tables = before;
        throw error;
      }
    });
  }

  writeLoosely<T>(
    tables: readonly TableName[],
    work: (rows: Transaction) => Promise<T>,
  ): Promise<T> {
    return this.write(tables, work);
  }

  /** Forgets all of it. */
  async close(): Promise<void> {
    await this.#inTurn(async () => {
      this.#tables = new Map(TABLES.map((name) => [name, new Map()]));
    });
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(work, work);
    this.#last = turn.catch(() => undefined);
    return turn;
  }

  #table(name: TableName): Table {
    return this.#tables.get(name) as Table;
  }

  #rows(): Transaction {
    return {
      get: async <N extends TableName>(name: N, key: Key) =>
        this.#table(name).get(placeOf(parts(key)))?.row as Tables[N] | undefined,
      put: async (name, row) => this.#put(name, row),
      remove: async (name, key) => {
        this.#table(name).delete(placeOf(parts(key)));
      },
      removeUnder: async (name, first) => {
        for (const [place, entry] of [...this.#table(name)]) {
          if (entry.key[0] === first) this.#table(name).delete(place);
        }
      },
      all: async <N extends TableName>(name: N, first?: Part) =>
        this.#sorted(name)
          .filter((entry) => first === undefined || entry.key[0] === first)
          .map((entry) => entry.row as Tables[N]),
      by: async <N extends TableName>(name: N, index: string, value: Part) =>
        this.#sorted(name)
          .map((entry) => entry.row as Tables[N])
          .filter((row) => (row as unknown as Record<string, unknown>)[index] === value),
    };
  }

  #put(name: TableName, row: object): Part {
    const { key: path, counts } = SHAPES[name];
    const kept = { ...row } as Record<string, unknown>;
    const names = typeof path === "string" ? [path] : path;
    const [first = ""] = names;
    if (counts === true && kept[first] === undefined) {
      const number = (this.#counts.get(name) ?? 0) + 1;
      this.#counts.set(name, number);
      kept[first] = number;
    }
    const key = names.map((part) => kept[part] as Part);
    this.#table(name).set(placeOf(key), { key, row: kept });
    return key[0] as Part;
  }

  #sorted(name: TableName): Entry[] {
    return [...this.#table(name).values()].sort((one, other) => compare(one.key, other.key));
  }
}

function parts(key: Key): readonly Part[] {
  return Array.isArray(key) ? (key as readonly Part[]) : [key as Part];
}

function placeOf(key: readonly Part[]): string {
  return JSON.stringify(key);
}

function compare(one: readonly Part[], other: readonly Part[]): number {
  for (const [at, part] of one.entries()) {
    const theirs = other[at] as Part;
    if (part !== theirs) return part < theirs ? -1 : 1;
  }
  return 0;
}
