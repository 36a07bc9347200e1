/**
 * What the outbox shows of each report: how far it has come, in the words that are true.
 *
 * Reads the queue, never changes it. That something left the country it says only where the person
 * has said which one that is, and a desk's card that the relay is in another.
 */
import { BLOCK_BYTES } from "../protocol/limits.ts";
import { parseHeader } from "../protocol/parcel.ts";
import { desksIn } from "./desks.ts";
import type { ItemPart, OutboxItem, ReportState } from "./engine.ts";
import { homeIn } from "./home.ts";
import { Word } from "./outbox.ts";
import type { CustodyRow, ParcelRow, RelayRow, Store } from "./tables.ts";

const TABLES = ["desk", "item", "parcel", "custody", "relay", "setting"] as const;
const BITS = Array.from(
  { length: 256 },
  (_, byte) => [...byte.toString(2)].filter((bit) => bit === "1").length,
);

/** All reports, newest first, as they stand on a day. */
export async function ledger(store: Store, today: number): Promise<OutboxItem[]> {
  const found = await store.read(TABLES, async (rows) => ({
    desks: await desksIn(rows),
    items: await rows.all("item"),
    parcels: await rows.all("parcel"),
    custody: await rows.all("custody"),
    relays: await rows.all("relay"),
    home: await homeIn(rows),
  }));
  const names = new Map(found.desks.map(({ id, card }) => [id, card.name]));
  const relays = new Map(found.relays.map((relay) => [relay.key, relay]));
  const shown: OutboxItem[] = [];
  for (const { number = 0, isPaused, desk, sealedHour, expiryDay, files } of found.items) {
    const parcels = found.parcels
      .filter((parcel) => parcel.item === number)
      .sort((one, other) => one.position - other.position);
    const saidOf = (parcel: ParcelRow) => found.custody.filter((row) => row.parcel === parcel.key);
    const [letter] = parcels;
    if (letter === undefined) continue;
    const outsideOf = (parcel: ParcelRow) =>
      countriesOf(saidOf(parcel), relays).filter((country) => country !== found.home);
    const isKnown = found.home !== "";
    const parts = parcels.map((parcel) =>
      partOf(parcel, saidOf(parcel), {
        isOver: expiryDay < today,
        isAbroad: isKnown && outsideOf(parcel).length > 0,
      }),
    );
    shown.push({
      number,
      desk,
      deskName: names.get(desk) ?? "",
      sealedHour,
      size: parts.reduce((sum, part) => sum + part.size, 0),
      files,
      state: stateOf(parts),
      relays: saidOf(letter).filter(isSigned).length,
      countries: outsideOf(letter),
      expiryDay,
      isPaused,
      isHere: parcels.some((parcel) => parcel.hasBody),
      parts,
    });
  }
  return shown.sort((one, other) => other.number - one.number);
}

/** What is known of a parcel beside the words of relays. */
interface Facts {
  readonly isOver: boolean;
  readonly isAbroad: boolean;
}

function isSigned({ word }: CustodyRow): boolean {
  return word === Word.SIGNED;
}

function partOf(parcel: ParcelRow, said: readonly CustodyRow[], facts: Facts): ItemPart {
  const { bodySize: size } = parseHeader(parcel.header);
  const strongest = Math.max(0, ...said.map(({ word }) => word));
  const most = Math.max(0, ...said.map((row) => heldBytes(row, size)));
  return { role: parcel.role, size, held: most, state: partState(parcel, strongest, most, facts) };
}

function partState(
  parcel: ParcelRow,
  strongest: number,
  held: number,
  { isOver, isAbroad }: Facts,
): ReportState {
  if (parcel.openedDay !== null) return "opened";
  if (isOver) return "expired";
  if (isAbroad) return "abroad";
  if (strongest === Word.SIGNED) return "signed";
  if (strongest >= Word.HOLDS) return "held";
  return held > 0 ? "part_sent" : "queued";
}

function heldBytes({ word, held }: CustodyRow, size: number): number {
  if (word >= Word.HOLDS) return size;
  const blocks = (held ?? new Uint8Array(0)).reduce((sum, byte) => sum + (BITS[byte] as number), 0);
  return Math.min(size, blocks * BLOCK_BYTES);
}

/** That of the letter; but something of a queued report may be out there. */
function stateOf(parts: readonly ItemPart[]): ReportState {
  const letter = parts[0]?.state ?? "queued";
  return letter === "queued" && parts.some((part) => part.held > 0) ? "part_sent" : letter;
}

/** Those of the relays that signed. A country that only relays tell is nobody's. */
function countriesOf(said: readonly CustodyRow[], relays: ReadonlyMap<string, RelayRow>): string[] {
  const named = said.filter(isSigned).map(({ relay }) => relays.get(relay));
  const countries = named.flatMap((row) =>
    row?.namedBy === null && row.country ? [row.country] : [],
  );
  return [...new Set(countries)].sort();
}
