/**
 * The outbox: sealed reports and what has become of them. Holds no key that opens anything in it.
 *
 * Nothing is deleted because it was sent. How reports come in is in `sealingRoom`.
 */
import { hex, pieces } from "../protocol/bytes.ts";
import type { Stamp } from "../protocol/frames.ts";
import { Rank } from "../protocol/kinds.ts";
import { BLOCK_BYTES, HASH_BYTES, PREVIEW_BODY_BYTES } from "../protocol/limits.ts";
import { type Header, parseHeader, rankOf } from "../protocol/parcel.ts";
import { EngineError } from "./engine.ts";
import type { Unopened } from "./openings.ts";
import { removeBodyIn } from "./sealingRoom.ts";
import type { ParcelRow, Store, Transaction } from "./tables.ts";

/** What a relay has said of a parcel, over the sealed channel. */
export const Word = { HALF: 1, HOLDS: 2, SIGNED: 3, PURGED: 4 } as const;
export type Word = (typeof Word)[keyof typeof Word];

/** A relay's word on a parcel (its key here); `held`: which blocks it has, where not all. */
export interface Said {
  readonly key: number;
  readonly word: Word;
  readonly held: Uint8Array | null;
}

/** A parcel that is queued. Relays stand in hex, by their signing keys. */
export interface StoredParcel {
  readonly key: number;
  readonly item: number;
  readonly desk: string;
  readonly id: Uint8Array;
  readonly header: Header;
  readonly rank: Rank;
  /** The desk asked for it first. */
  readonly isWanted: boolean;
  readonly sealedDay: number;
  /** By relay: its newest word and the day of it. */
  readonly words: ReadonlyMap<string, { readonly word: number; readonly day: number }>;
  /** By relay: which blocks it has, where it has not all. */
  readonly held: ReadonlyMap<string, Uint8Array>;
  readonly stamp: Stamp | null;
}

/** As relays rank it (SPEC 3); but a file no larger than a preview goes where one would. */
function sendingRank(header: Header): Rank {
  const rank = rankOf(header);
  const isSmall = rank === Rank.ORIGINAL && header.bodySize <= PREVIEW_BODY_BYTES;
  return isSmall ? Rank.PREVIEW : rank;
}

const ROWS = ["item", "parcel", "custody"] as const;

export class Outbox {
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
  }

  /**
   * Every parcel whose sealed copy is here and may go, oldest first.
   *
   * Expired ones too: this device's clock may be wrong, and a relay knows better.
   */
  async waiting(): Promise<StoredParcel[]> {
    const [items, parcels, custody] = await this.#store.read(ROWS, async (rows) => [
      await rows.all("item"),
      await rows.all("parcel"),
      await rows.all("custody"),
    ]);
    const byNumber = new Map(items.map((item) => [item.number, item]));
    const found: StoredParcel[] = [];
    for (const row of parcels) {
      const item = byNumber.get(row.item);
      if (row.key === undefined || item?.number === undefined || item.isPaused) continue;
      if (!row.hasBody || row.openedDay !== null) continue;
      const header = parseHeader(row.header);
      const said = custody.filter(({ parcel }) => parcel === row.key);
      found.push({
        key: row.key,
        item: item.number,
        desk: item.desk,
        id: header.parcelId,
        header,
        rank: sendingRank(header),
        isWanted: row.isWanted,
        sealedDay: Math.floor(item.sealedHour / 24),
        words: new Map(said.map(({ relay, word, day }) => [relay, { word, day }])),
        held: new Map(said.flatMap(({ relay, held }) => (held === null ? [] : [[relay, held]]))),
        stamp: stampOf(row, header.parcelId),
      });
    }
    // A letter has a higher key than its parts, which were sealed before it.
    return found.sort(
      (one, other) => one.item - other.item || one.rank - other.rank || one.key - other.key,
    );
  }

  /** All that no desk has said to have opened, newest first. */
  unopened(): Promise<Unopened[]> {
    return this.#store.read(["item", "parcel"], async (rows) => {
      const found = await unopenedIn(rows);
      return found
        .sort(
          ({ row: one }, { row: other }) =>
            (other.item as number) - (one.item as number) || one.position - other.position,
        )
        .map(({ row, desk }) => ({ id: parseHeader(row.header).parcelId, desk }));
    });
  }

  /** A group of a body's blocks; undefined where it was dropped. */
  async group(key: number, group: number): Promise<Uint8Array[] | undefined> {
    const row = await this.#store.read(["body"], (rows) => rows.get("body", [key, group]));
    return row && pieces(row.data, BLOCK_BYTES);
  }

  /** The leaves of a page, or the page roots; undefined where the body was dropped. */
  async leaves(key: number, page: number): Promise<Uint8Array[] | undefined> {
    const row = await this.#store.read(["page"], (rows) => rows.get("page", [key, page]));
    return row && pieces(row.leaves, HASH_BYTES);
  }

  /** Keeps what a relay says of parcels; a weaker word never replaces a stronger. */
  async note(relay: string, day: number, words: readonly Said[]): Promise<void> {
    await this.#store.write(["parcel", "custody"], async (rows) => {
      for (const { key, word, held } of words) {
        if ((await rows.get("parcel", key)) === undefined) continue;
        const known = await rows.get("custody", [key, relay]);
        const isWeaker = known !== undefined && known.word > word;
        await rows.put("custody", {
          parcel: key,
          relay,
          word: isWeaker ? known.word : word,
          day: Math.max(known?.day ?? 0, day),
          held: isWeaker ? null : held,
        });
      }
    });
  }

  /** Notes that a relay asks for a stamp; one that is here stays until a better one is. */
  async askStamp(key: number, epoch: number, effort: number): Promise<void> {
    await this.#change(key, (row) =>
      row.stamp?.nonce ? row : { ...row, stamp: { epoch, effort, nonce: null } },
    );
  }

  /** Keeps a stamp with its parcel, so that the work is done once. */
  async keepStamp(key: number, { epoch, effort, nonce }: Stamp): Promise<void> {
    await this.#change(key, (row) => ({ ...row, stamp: { epoch, effort, nonce } }));
  }

  async setPaused(number: number, isPaused: boolean): Promise<void> {
    await this.#store.write(["item"], async (rows) => {
      const item = await rows.get("item", number);
      if (item === undefined) throw noReport(number);
      await rows.put("item", { ...item, isPaused });
    });
  }

  /** Forgets a report, on the person's own word. */
  async drop(number: number): Promise<void> {
    await this.#store.write([...ROWS, "body", "page", "told"], async (rows) => {
      if ((await rows.get("item", number)) === undefined) throw noReport(number);
      await rows.remove("item", number);
      const parcels = await rows.by("parcel", "item", number);
      for (const { key = 0 } of parcels) {
        await rows.remove("parcel", key);
        await rows.removeUnder("custody", key);
        await removeBodyIn(rows, key);
      }
      await forgetToldIn(rows);
    });
  }

  /** Moves parcels that the desk asked for to the front; writes nothing where they are there. */
  async markWanted(ids: readonly Uint8Array[]): Promise<void> {
    const asked = new Set(ids.map(hex));
    const all = await this.#store.read(["parcel"], (rows) => rows.all("parcel"));
    for (const { key = 0, id, isWanted } of all) {
      if (asked.has(id) && !isWanted)
        await this.#change(key, (row) => ({ ...row, isWanted: true }));
    }
  }

  async #change(key: number, change: (row: ParcelRow) => ParcelRow): Promise<void> {
    await this.#store.write(["parcel"], async (rows) => {
      const row = await rows.get("parcel", key);
      if (row !== undefined) await rows.put("parcel", change(row));
    });
  }
}

/** The parcel with this id that was queued here, within a transaction on `parcel` and `item`. */
export async function queuedIn(
  rows: Transaction,
  id: Uint8Array,
): Promise<{ row: ParcelRow; desk: string } | undefined> {
  const [row] = await rows.by("parcel", "id", hex(id));
  const item = row?.item === undefined ? undefined : await rows.get("item", row.item);
  return row && item && { row, desk: item.desk };
}

async function unopenedIn(rows: Transaction): Promise<{ row: ParcelRow; desk: string }[]> {
  const deskOf = new Map((await rows.all("item")).map(({ number, desk }) => [number, desk]));
  return (await rows.all("parcel")).flatMap((row) => {
    const desk = row.item === undefined ? undefined : deskOf.get(row.item);
    return desk === undefined || row.openedDay !== null ? [] : [{ row, desk }];
  });
}

/** Forgets until when relays told of openings, where nothing waits for a desk's word any more. */
export async function forgetToldIn(rows: Transaction): Promise<void> {
  const told = await rows.all("told");
  if (told.length === 0) return;
  const waiting = new Set((await unopenedIn(rows)).map(({ desk }) => desk));
  for (const { relay, desk } of told) {
    if (!waiting.has(desk)) await rows.remove("told", [relay, desk]);
  }
}

function stampOf({ stamp }: ParcelRow, parcelId: Uint8Array): Stamp | null {
  if (stamp === null || stamp.nonce === null) return null;
  return { type: "stamp", parcelId, epoch: stamp.epoch, effort: stamp.effort, nonce: stamp.nonce };
}

function noReport(number: number): EngineError {
  return new EngineError("failed", `there is no report ${number} in the outbox`);
}
