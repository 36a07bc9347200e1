/**
 * Desk cards: everything that it takes to write to a desk, signed by it (SPEC 9).
 *
 * Never judges by a clock: the day comes in.
 */
import { equal, isZeroFrom } from "./bytes.ts";
import { epochOf, lastDay } from "./days.ts";
import { DocumentType, openEnvelope } from "./envelope.ts";
import { localMalformed, malformed, RemoteError } from "./errors.ts";
import { arrayOf, binary, binaryOf, line, row, text, uint, version } from "./fields.ts";
import { sha256 } from "./hashing.ts";
import { label } from "./labels.ts";
import { HASH_BYTES, MAX_CARD_BYTES, MAX_STATEMENT_BYTES, SEALING_KEY_BYTES } from "./limits.ts";
import { unpack } from "./record.ts";
import { MAX_RELAYS, type RelayEntry, relayField } from "./relayEntry.ts";
import { checkSealingKey } from "./sealing.ts";
import { checkCertified, isRevoked, parseStatement, type Statement } from "./statement.ts";

const MAX_NAME_BYTES = 128;
const MAX_LANGUAGES = 16;
const MAX_LANGUAGE_BYTES = 35;
const MAX_NOTE_BYTES = 2048;
const MAX_GRACE_DAYS = 180;
/** A key for each week of a year. */
const MAX_SEALING_KEYS = 53;
const MAX_SOURCES = 16;
const MAX_SOURCE_BYTES = 256;

/** A desk's card. */
export interface DeskCard {
  readonly statement: Statement;
  /** Signed the card. */
  readonly signer: Uint8Array;
  readonly serial: number;
  readonly previous: Uint8Array;
  readonly issuedDay: number;
  readonly name: string;
  readonly languages: readonly string[];
  readonly note: string;
  readonly graceDays: number;
  readonly firstEpoch: number;
  /** 1216 bytes each, for `firstEpoch` and the weeks that follow it. */
  readonly sealingKeys: readonly Uint8Array[];
  readonly relays: readonly RelayEntry[];
  readonly sources: readonly string[];
  readonly cardHash: Uint8Array;
  /** As received. */
  readonly envelope: Uint8Array;
}

const cardRow = row<
  [
    number,
    Uint8Array,
    number,
    Uint8Array,
    number,
    string,
    readonly string[],
    string,
    number,
    number,
    readonly Uint8Array[],
    readonly RelayEntry[],
    readonly string[],
  ]
>(
  version(),
  binaryOf(0, MAX_STATEMENT_BYTES),
  uint(1),
  binary(HASH_BYTES),
  uint(),
  line(MAX_NAME_BYTES, 1),
  arrayOf(line(MAX_LANGUAGE_BYTES), MAX_LANGUAGES),
  text(MAX_NOTE_BYTES),
  uint(1, MAX_GRACE_DAYS),
  uint(),
  arrayOf(binary(SEALING_KEY_BYTES), MAX_SEALING_KEYS, 1),
  arrayOf(relayField, MAX_RELAYS),
  arrayOf(line(MAX_SOURCE_BYTES), MAX_SOURCES),
);

/** The card in an envelope of at most 131,072 bytes, its signer certified by its statement. */
export function parseCard(envelope: Uint8Array): DeskCard {
  const { content, signer } = openEnvelope(envelope, DocumentType.DESK_CARD, MAX_CARD_BYTES);
  const fields = cardRow(unpack(content, MAX_CARD_BYTES));
  const [, statementBytes, serial, previous, issuedDay, name, languages, note] = fields;
  const [, , , , , , , , graceDays, firstEpoch, sealingKeys, relays, sources] = fields;
  if (serial === 1 && !isZeroFrom(previous, 0)) {
    throw malformed("the first card names one before it");
  }
  sealingKeys.forEach(checkSealingKey);
  const statement = parseStatement(statementBytes);
  checkCertified(statement, signer, issuedDay);
  const card: DeskCard = {
    statement,
    signer,
    serial,
    previous,
    issuedDay,
    name,
    languages,
    note,
    graceDays,
    firstEpoch,
    sealingKeys,
    relays,
    sources,
    cardHash: sha256(label("card"), content),
    envelope,
  };
  // A header holds the expiry in 32 bits, so no parcel could be sealed to a later week.
  if (!(expiryDay(card, lastEpoch(card)) < 2 ** 32)) {
    throw malformed(`the card is for week ${firstEpoch}, which no parcel can name`);
  }
  return card;
}

/** The epoch of the late key. */
export function lastEpoch(card: DeskCard): number {
  return card.firstEpoch + card.sealingKeys.length - 1;
}

/** The epoch to seal to on a day by this device's clock, which may be wrong. */
export function epochFor(card: DeskCard, today: number): number {
  const now = epochOf(Math.max(today, card.issuedDay));
  return Math.min(Math.max(now, card.firstEpoch), lastEpoch(card));
}

/** The key (1216 bytes) of an epoch; LocalError where the card has none for it. */
export function sealingKey(card: DeskCard, epoch: number): Uint8Array {
  const key = card.sealingKeys[epoch - card.firstEpoch];
  if (key === undefined) {
    throw localMalformed(
      `the card has keys for weeks ${card.firstEpoch} to ${lastEpoch(card)}, not ${epoch}`,
    );
  }
  return key;
}

/** The last day on which a parcel that is sealed to an epoch is carried. */
export function expiryDay(card: DeskCard, epoch: number): number {
  return lastDay(epoch) + card.graceDays;
}

/**
 * How one card follows another: on a jump `missing` cards (at least 1) lie between, else 0.
 *
 * Only "next" shows that the desk's cards form a chain; a jump is taken and the gap is told.
 * "anew": the card that is held was signed by a key that the desk has revoked since, so its serial
 * and hash bind nobody.
 */
export interface Replacement {
  readonly kind: "same" | "next" | "jump" | "anew";
  readonly missing: number;
}

/**
 * How a card that came in follows the one that is held of the same desk.
 *
 * Throws `wrong_recipient` for another desk's card, `older_serial`, `bad_chain` where the serials
 * follow each other and the hashes do not, and `not_certified` where the newer of the two
 * statements does not certify the new card's signer: an old statement must not bring a revoked key
 * back.
 */
export function checkReplaces(old: DeskCard, next: DeskCard): Replacement {
  if (!equal(next.statement.deskId, old.statement.deskId)) {
    throw new RemoteError("wrong_recipient", "the card is of another desk");
  }
  const isChained = equal(next.previous, old.cardHash);
  const follows = next.serial === old.serial + 1 && isChained;
  if (revokesSignerOf(old, next) && !follows) return { kind: "anew", missing: 0 };
  if (next.serial < old.serial) {
    throw new RemoteError(
      "older_serial",
      `card ${next.serial} came in, card ${old.serial} is here: an older card replaces none`,
    );
  }
  if (next.serial === old.serial) {
    if (!equal(next.cardHash, old.cardHash)) {
      throw new RemoteError("bad_chain", `there are two cards with serial ${next.serial}`);
    }
    return { kind: "same", missing: 0 };
  }
  if (old.statement.serial > next.statement.serial) {
    checkCertified(old.statement, next.signer, next.issuedDay);
  }
  const missing = next.serial - old.serial - 1;
  if (missing > 0) return { kind: "jump", missing };
  if (!isChained) {
    throw new RemoteError(
      "bad_chain",
      `card ${next.serial} does not follow the card ${old.serial} that is here`,
    );
  }
  return { kind: "next", missing: 0 };
}

function revokesSignerOf(old: DeskCard, next: DeskCard): boolean {
  return next.statement.serial > old.statement.serial && isRevoked(next.statement, old.signer);
}
