/**
 * Where a report is sealed, part by part, until its letter puts all of it into the outbox at once.
 *
 * Parts whose page was closed before are cleared away. Holds no key that opens anything.
 */
import { concat, hex } from "../protocol/bytes.ts";
import { BLOCK_BYTES, PAGE_LEAVES } from "../protocol/limits.ts";
import { leavesOf, rootOf } from "../protocol/merkle.ts";
import type { Header } from "../protocol/parcel.ts";
import type { SealedGroup } from "../protocol/part.ts";
import { EngineError } from "./engine.ts";
import type { Locks } from "./locks.ts";
import type { ItemRow, ParcelRow, Role, Store, Transaction } from "./tables.ts";

/** Blocks in a row: fewer and larger rows are faster, and a sync reads ahead by them. */
export const GROUP_BLOCKS = 64;
/** Groups stored in one transaction (4 MiB): what a sealing holds in memory, twice. */
const GROUPS_AT_ONCE = 4;
/** The number of the row that holds the page roots (SPEC 17, LEAVES). */
export const ROOTS_PAGE = 1024;

const TABLES = ["item", "parcel", "body", "page"] as const;

/** A report and its letter, for the outbox. */
export interface SealedItem extends Omit<ItemRow, "number"> {
  readonly header: Header;
  readonly body: Uint8Array;
  /** How many parts were sealed before. */
  readonly parts: number;
}

export class SealingRoom {
  readonly #store: Store;
  readonly #locks: Locks;

  constructor(store: Store, locks: Locks) {
    this.#store = store;
    this.#locks = locks;
  }

  /** Runs a sealing whose parts are cleared away unless it has queued them. */
  run<T>(batch: string, work: () => Promise<T>): Promise<T> {
    return this.#locks.run(lockOf(batch), async () => {
      try {
        return await work();
      } catch (error) {
        await this.#clear(batch);
        throw error;
      }
    });
  }

  /** Keeps a part as it comes; throws `cancelled` where another tab has cleared it away. */
  async add(
    batch: string,
    position: number,
    role: Role,
    sealed: AsyncIterable<SealedGroup>,
    headerOf: () => Header,
  ): Promise<Header> {
    const row: ParcelRow = { ...blank(position, role), batch };
    const key = await this.#store.writeLoosely(["parcel"], (rows) => rows.put("parcel", row));
    const leaves: Uint8Array[] = [];
    let groups: Uint8Array[] = [];
    let stored = 0;
    let storing: Promise<void> = Promise.resolve();
    const store = async () => {
      const first = stored;
      const some = groups;
      stored += groups.length;
      groups = [];
      // The next ones are sealed meanwhile.
      await storing;
      storing = this.#addGroups(batch, key as number, first, some);
      // Whoever waits for it next is told what it throws.
      storing.catch(() => undefined);
    };
    for await (const group of sealed) {
      leaves.push(...group.leaves);
      groups.push(group.data);
      if (groups.length === GROUPS_AT_ONCE) await store();
    }
    await store();
    await storing;
    const header = headerOf();
    const whole = {
      ...row,
      key: key as number,
      id: hex(header.parcelId),
      header: header.encode(),
    };
    await this.#store.writeLoosely(TABLES, async (rows) => {
      await required(rows, batch, key as number);
      await rows.put("parcel", whole);
      await addPages(rows, key as number, leaves);
    });
    return header;
  }

  /** Queues a letter with the parts of its batch, all at once and durably; its number. */
  queue(batch: string, sealed: SealedItem): Promise<number> {
    const { header, body, parts, ...item } = sealed;
    return this.#store.write(TABLES, async (rows) => {
      const found = await rows.by("parcel", "batch", batch);
      if (found.length !== parts) throw clearedAway();
      const number = (await rows.put("item", item)) as number;
      const key = (await rows.put("parcel", {
        ...blank(0, "letter"),
        item: number,
        id: hex(header.parcelId),
        header: header.encode(),
      })) as number;
      for (let group = 0; group * GROUP_BLOCKS * BLOCK_BYTES < body.length; group++) {
        const start = group * GROUP_BLOCKS * BLOCK_BYTES;
        const data = body.slice(start, start + GROUP_BLOCKS * BLOCK_BYTES);
        await rows.put("body", { parcel: key, group, data });
      }
      await addPages(rows, key, leavesOf(body));
      for (const { batch: _, ...part } of found)
        await rows.put("parcel", { ...part, item: number });
      return number;
    });
  }

  /** Removes the parts of sealings whose page is gone. */
  async clearAbandoned(): Promise<void> {
    const parcels = await this.#store.read(["parcel"], (rows) => rows.all("parcel"));
    const batches = new Set(parcels.flatMap(({ batch }) => (batch === undefined ? [] : [batch])));
    for (const batch of batches) {
      if (!(await this.#locks.isHeld(lockOf(batch)))) await this.#clear(batch);
    }
  }

  async #clear(batch: string): Promise<void> {
    await this.#store.write(["parcel", "body", "page"], async (rows) => {
      for (const { key = 0 } of await rows.by("parcel", "batch", batch)) {
        await rows.remove("parcel", key);
        await removeBodyIn(rows, key);
      }
    });
  }

  #addGroups(
    batch: string,
    key: number,
    first: number,
    groups: readonly Uint8Array[],
  ): Promise<void> {
    return this.#store.writeLoosely(["parcel", "body"], async (rows) => {
      // All asked for at once: each answer of the database takes its time.
      await Promise.all([
        required(rows, batch, key),
        ...groups.map((data, at) => rows.put("body", { parcel: key, group: first + at, data })),
      ]);
    });
  }
}

/** Removes a parcel's body and its lists, within a transaction on `body` and `page`. */
export async function removeBodyIn(rows: Transaction, key: number): Promise<void> {
  await rows.removeUnder("body", key);
  await rows.removeUnder("page", key);
}

function lockOf(batch: string): string {
  return `seal ${batch}`;
}

/** A parcel of which nothing is sealed yet. */
export function blank(position: number, role: Role): ParcelRow {
  return {
    position,
    role,
    id: "",
    header: new Uint8Array(0),
    isWanted: false,
    openedDay: null,
    hasBody: true,
    stamp: null,
  };
}

function clearedAway(): EngineError {
  return new EngineError("cancelled", "the page stood still and another one has cleared it away");
}

async function required(rows: Transaction, batch: string, key: number): Promise<void> {
  if ((await rows.get("parcel", key))?.batch !== batch) throw clearedAway();
}

async function addPages(
  rows: Transaction,
  parcel: number,
  leaves: readonly Uint8Array[],
): Promise<void> {
  if (leaves.length === 1) return;
  const roots: Uint8Array[] = [];
  for (let page = 0; page * PAGE_LEAVES < leaves.length; page++) {
    const some = leaves.slice(page * PAGE_LEAVES, (page + 1) * PAGE_LEAVES);
    roots.push(rootOf(some));
    await rows.put("page", { parcel, page, leaves: concat(...some) });
  }
  if (roots.length > 1) {
    await rows.put("page", { parcel, page: ROOTS_PAGE, leaves: concat(...roots) });
  }
}
