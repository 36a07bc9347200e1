/**
 * What is kept in a browser, row by row, and what a store of it can do.
 *
 * Sealed parcels, public documents and what relays said. Never anything readable, a file's name, a
 * code, a report's id, or a key that opens something.
 */

/** A desk's card, and its newest statement where that came without a card; by the id in hex. */
export interface DeskRow {
  readonly id: string;
  readonly card: Uint8Array;
  readonly statement: Uint8Array | null;
}

/** A report that is queued. Nothing here comes from its content. */
export interface ItemRow {
  /** Given by the store. */
  readonly number?: number;
  readonly desk: string;
  readonly epoch: number;
  readonly expiryDay: number;
  /** Unix hours by the device's clock: coarse, but enough to tell one report from another. */
  readonly sealedHour: number;
  readonly files: number;
  readonly isPaused: boolean;
}

export type Role = "letter" | "thumbnail" | "preview" | "original";

/** Work that a relay asked for. `nonce`: null while it is only asked for. */
export interface StampRow {
  readonly epoch: number;
  readonly effort: number;
  readonly nonce: Uint8Array | null;
}

/** A letter (position 0) or a part. It has a batch while its report is being sealed, then an item. */
export interface ParcelRow {
  /** Given by the store. */
  readonly key?: number;
  readonly item?: number;
  readonly batch?: string;
  readonly position: number;
  readonly role: Role;
  /** Hex; empty until it is sealed to its end. */
  readonly id: string;
  readonly header: Uint8Array;
  readonly isWanted: boolean;
  /** The day on which the desk's signed word that it has opened it arrived here. */
  readonly openedDay: number | null;
  /** Whether the blocks are still here. */
  readonly hasBody: boolean;
  readonly stamp: StampRow | null;
}

/** Sixty-four blocks of a body (1 MiB), the last group perhaps fewer. */
export interface BodyRow {
  readonly parcel: number;
  readonly group: number;
  readonly data: Uint8Array;
}

/** The leaves of a page of 64 blocks, 32 bytes each; page 1024 holds the page roots. */
export interface PageRow {
  readonly parcel: number;
  readonly page: number;
  readonly leaves: Uint8Array;
}

/** What a relay says of a parcel: the strongest word, and which blocks it has where not all. */
export interface CustodyRow {
  readonly parcel: number;
  /** Its signing key in hex. */
  readonly relay: string;
  readonly word: number;
  readonly day: number;
  readonly held: Uint8Array | null;
}

/** Where a relay is and who says so (null: a desk's card; else the signing key of a relay). */
export interface RelayRow {
  readonly key: string;
  readonly address: string;
  readonly country: string;
  readonly largestBody: number | null;
  readonly namedBy: string | null;
}

/**
 * The day of a relay's on which it told all that a desk had opened by then. Only while something waits
 * for the desk's word.
 */
export interface ToldRow {
  readonly relay: string;
  readonly desk: string;
  readonly day: number;
}

/** The newest card of a relay that a desk's card names. */
export interface RelayCardRow {
  readonly key: string;
  readonly envelope: Uint8Array;
}

/** A reply as it was received: sealed. Most are for others. */
export interface ReplyRow {
  readonly id: string;
  readonly header: Uint8Array;
  readonly body: Uint8Array;
}

/** A bulletin, public by nature, or a desk's card in a parcel. */
export interface DocumentRow {
  readonly desk: string;
  readonly documentClass: number;
  readonly serial: number;
  readonly issuedDay: number;
  readonly hash: Uint8Array;
  readonly header: Uint8Array;
  readonly body: Uint8Array;
}

/** Who works on something that one alone may, where the browser has no locks of its own. */
export interface LockRow {
  readonly name: string;
  readonly holder: string;
  readonly untilMs: number;
}

/** Something that the person chose once and that what is kept is shown by. */
export interface SettingRow {
  readonly name: "home";
  readonly value: string;
}

/** The rows of each table. */
export interface Tables {
  desk: DeskRow;
  item: ItemRow;
  parcel: ParcelRow;
  body: BodyRow;
  page: PageRow;
  custody: CustodyRow;
  relay: RelayRow;
  relayCard: RelayCardRow;
  reply: ReplyRow;
  document: DocumentRow;
  lock: LockRow;
  setting: SettingRow;
  told: ToldRow;
}

export type TableName = keyof Tables;
export type Part = string | number;
/** A row's key: one value, or several in their order. */
export type Key = Part | readonly Part[];

/** A table's key, whether the store counts it, and by what else its rows are found. */
export interface Shape {
  readonly key: string | readonly string[];
  readonly counts?: boolean;
  readonly indexes?: readonly string[];
  /** The step of the schema that makes it, where that is not the first. */
  readonly step?: number;
}

export const SHAPES: Readonly<Record<TableName, Shape>> = {
  desk: { key: "id" },
  item: { key: "number", counts: true },
  parcel: { key: "key", counts: true, indexes: ["item", "batch", "id"] },
  body: { key: ["parcel", "group"] },
  page: { key: ["parcel", "page"] },
  custody: { key: ["parcel", "relay"] },
  relay: { key: "key" },
  relayCard: { key: "key" },
  reply: { key: "id" },
  document: { key: ["desk", "documentClass", "serial"] },
  lock: { key: "name" },
  setting: { key: "name", step: 1 },
  told: { key: ["relay", "desk"], step: 2 },
};

export const TABLES = Object.keys(SHAPES) as TableName[];

/** One transaction. What runs in it waits for nothing but it. */
export interface Transaction {
  get<N extends TableName>(table: N, key: Key): Promise<Tables[N] | undefined>;
  /** Writes a row in place of the one with its key; gives the first part of the key. */
  put<N extends TableName>(table: N, row: Tables[N]): Promise<Part>;
  remove(table: TableName, key: Key): Promise<void>;
  /** Removes every row whose key of several values begins with this one. */
  removeUnder(table: TableName, first: Part): Promise<void>;
  /** All rows by their keys, or those whose key of several values begins with this one. */
  all<N extends TableName>(table: N, first?: Part): Promise<Tables[N][]>;
  /** The rows with this value in an index. */
  by<N extends TableName>(table: N, index: string, value: Part): Promise<Tables[N][]>;
}

/** A place for rows. Each call is one transaction: all of it or nothing. */
export interface Store {
  /** Whether what is written is there when the page was closed. */
  readonly isKept: boolean;
  read<T>(tables: readonly TableName[], work: (rows: Transaction) => Promise<T>): Promise<T>;
  /** Durable when it resolves, as far as the browser lets anybody know. */
  write<T>(tables: readonly TableName[], work: (rows: Transaction) => Promise<T>): Promise<T>;
  /** The same for what counts only with a later `write`. */
  writeLoosely<T>(
    tables: readonly TableName[],
    work: (rows: Transaction) => Promise<T>,
  ): Promise<T>;
  close(): Promise<void>;
}
