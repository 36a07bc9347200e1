/**
 * The desks that the person knows: their cards, as they were received. Never trusts them blindly.
 *
 * A card is public. What makes it the right one is a fingerprint that was compared by voice.
 */
import { hex } from "../protocol/bytes.ts";
import { checkReplaces, type DeskCard, expiryDay, lastEpoch, parseCard } from "../protocol/card.ts";
import { lastDay } from "../protocol/days.ts";
import { malformed } from "../protocol/errors.ts";
import { sha256 } from "../protocol/hashing.ts";
import { MAX_CARD_BYTES } from "../protocol/limits.ts";
import {
  checkCertified,
  fingerprint,
  newestOf,
  parseStatement,
  type Statement,
} from "../protocol/statement.ts";
import { type DeskView, EngineError } from "./engine.ts";
import type { DeskRow, Store, Transaction } from "./tables.ts";

/** A desk as it is known here. `statement` is the newest that was seen: the card's, or a later. */
export interface KnownDesk {
  readonly id: string;
  readonly card: DeskCard;
  readonly statement: Statement;
}

/** Cards as they were parsed, by the hash of their bytes: each of their keys takes a check. */
const parsedCards = new Map<string, DeskCard>();
const MOST_PARSED = 32;

function parsed(envelope: Uint8Array): DeskCard {
  const name = hex(sha256(envelope));
  let card = parsedCards.get(name);
  if (card === undefined) {
    card = parseCard(envelope);
    if (parsedCards.size >= MOST_PARSED) parsedCards.clear();
    parsedCards.set(name, card);
  }
  return card;
}

function known(row: DeskRow): KnownDesk {
  const card = parsed(row.card);
  const statement =
    row.statement === null
      ? card.statement
      : newestOf(card.statement, parseStatement(row.statement));
  return { id: row.id, card, statement };
}

/** All desks within a transaction on `desk`, by name. */
export async function desksIn(rows: Transaction): Promise<KnownDesk[]> {
  const found = (await rows.all("desk")).map(known);
  return found.sort((one, other) => {
    const [ours, theirs] = [`${one.card.name} ${one.id}`, `${other.card.name} ${other.id}`];
    return ours < theirs ? -1 : 1;
  });
}

/** One desk within a transaction on `desk`. */
export async function deskIn(rows: Transaction, id: string): Promise<KnownDesk | undefined> {
  const row = await rows.get("desk", id);
  return row && known(row);
}

/**
 * Judge a card beside what is known, and keep it where it is new or newer. Throws a ProtocolError
 * for one that is older or breaks the chain. Whether it was news.
 */
export async function keepCardIn(rows: Transaction, card: DeskCard): Promise<boolean> {
  const id = hex(card.statement.deskId);
  const row = await rows.get("desk", id);
  if (row !== undefined) {
    const desk = known(row);
    if (desk.statement.serial > card.statement.serial) {
      checkCertified(desk.statement, card.signer, card.issuedDay);
    }
    if (checkReplaces(desk.card, card).kind === "same") return false;
  }
  await rows.put("desk", { id, card: card.envelope, statement: row?.statement ?? null });
  return true;
}

/** Take note of a statement that came inside something else; the newest there is. */
export async function hearStatementIn(
  rows: Transaction,
  id: string,
  envelope: Uint8Array,
): Promise<Statement> {
  const row = await rows.get("desk", id);
  if (row === undefined) throw new EngineError("unknown_desk", id);
  const desk = known(row);
  const newest = newestOf(desk.statement, parseStatement(envelope));
  if (newest.serial > desk.statement.serial)
    await rows.put("desk", { ...row, statement: envelope });
  return newest;
}

/** The cards in a store. */
export class Desks {
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
  }

  all(): Promise<KnownDesk[]> {
    return this.#store.read(["desk"], desksIn);
  }

  /** Throws `unknown_desk`. */
  async find(id: string): Promise<KnownDesk> {
    const desk = await this.#store.read(["desk"], (rows) => deskIn(rows, id));
    if (desk === undefined) throw new EngineError("unknown_desk", id);
    return desk;
  }

  /** What a card says, judged beside what is known here, and not kept. */
  async weigh(given: Uint8Array | string): Promise<DeskCard> {
    const card = parsed(envelopeOf(given));
    await this.#store.read(["desk"], (rows) => keepCardIn({ ...rows, put: async () => "" }, card));
    return card;
  }

  async add(given: Uint8Array | string): Promise<DeskCard> {
    const card = parsed(envelopeOf(given));
    await this.#store.write(["desk"], (rows) => keepCardIn(rows, card));
    return card;
  }

  /** Removes a desk's card and what was heard of its keys. */
  async forget(id: string): Promise<void> {
    await this.#store.write(["desk"], (rows) => rows.remove("desk", id));
  }
}

/** The last day on which something that is sealed to the card as it is would still be carried. */
export function lastDayOf(card: DeskCard): number {
  return expiryDay(card, lastEpoch(card));
}

/** As the screens show it. */
export function viewOf(card: DeskCard): DeskView {
  return {
    id: hex(card.statement.deskId),
    name: card.name,
    fingerprint: fingerprint(card.statement.deskId),
    lastDay: lastDay(lastEpoch(card)),
    relays: card.relays.map(({ addresses, country }) => ({ addresses, country })),
  };
}

/** A card's bytes: as they are, or in base64url behind the # of a link. */
function envelopeOf(given: Uint8Array | string): Uint8Array {
  if (typeof given !== "string") return given.slice();
  const text = given.slice(given.lastIndexOf("#") + 1).replace(/[\s=]/g, "");
  if (text.length > 2 * MAX_CARD_BYTES || !/^[\w+/-]+$/.test(text)) {
    throw malformed("there is no card in this link");
  }
  try {
    const bytes = atob(text.replace(/-/g, "+").replace(/_/g, "/"));
    return Uint8Array.from(bytes, (sign) => sign.charCodeAt(0));
  } catch (error) {
    if (!(error instanceof Error || error instanceof DOMException)) throw error;
    throw malformed("there is no card in this link");
  }
}
