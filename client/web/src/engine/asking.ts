/**
 * What a reporter asks a relay for, so little that many others might ask the same (SPEC 17).
 *
 * Openings and replies are asked for by short prefixes, bulletins by serial.
 */
import { bigEndian, hex, readNumber } from "../protocol/bytes.ts";
import { epochOf } from "../protocol/days.ts";
import type { CardInterest, Frame, PublicWant, Welcome } from "../protocol/frames.ts";
import { MAX_GIVEN_BITS, MAX_INTERESTS } from "../protocol/limits.ts";
import { randomBytes } from "../protocol/random.ts";
import { mailboxPrefix } from "../protocol/tags.ts";

/** The number of the interest in the relay's own card. */
const LAST = MAX_INTERESTS - 1;
const PREFIXES_AT_ONCE = 64;
const OPENED_INTERESTS = 8;
/** A reply is carried for 30 days after its week: this week and five before. */
const REPLY_EPOCHS = 6;
/**
 * Weeks asked for in every session; of those before, one that is drawn. All six prefixes together
 * would tell one mailbox from all others, and two sessions of it from two of different people.
 */
const SURE_EPOCHS = 2;
const MOST_WANTS = 32;

/** One of so many, by lot. */
export function drawn(count: number): number {
  return Math.floor((readNumber(randomBytes(6), 0, 6) / 2 ** 48) * count);
}

/** The interest in the relay's own card, which never tells whether one is here. */
export const CARD_INTEREST: CardInterest = { type: "cardInterest", number: LAST };

/**
 * What to ask once a relay has told how short prefixes must be.
 *
 * `openedIds`: of parcels that nobody has opened; `mailboxes`: the mailbox secrets (32 bytes) of the
 * person's code towards each desk, if the code was given.
 */
export function questions(
  welcome: Welcome,
  wants: readonly PublicWant[],
  openedIds: readonly Uint8Array[],
  mailboxes: readonly Uint8Array[],
): Frame[] {
  const openedBits = Math.min(welcome.openedBits, MAX_GIVEN_BITS);
  const replyBits = Math.min(welcome.replyBits, MAX_GIVEN_BITS);
  const frames: Frame[] = [];
  if (wants.length > 0) {
    frames.push({ type: "publicInterest", number: 0, wants: wants.slice(0, MOST_WANTS) });
  }
  frames.push(...openedInterests(1, openedBits, openedIds));
  if (replyBits === 0 || mailboxes.length > 0) {
    frames.push(...replyInterests(1 + OPENED_INTERESTS, replyBits, welcome.day, mailboxes));
  }
  return frames;
}

/** The first bits of 4 bytes, the rest zero. */
function cut(prefix: Uint8Array, bits: number): Uint8Array {
  const unit = 2 ** (32 - bits);
  return bigEndian(Math.floor(readNumber(prefix, 0, 4) / unit) * unit, 4);
}

/** Each of them once, in their order. */
function distinct(prefixes: readonly Uint8Array[]): Uint8Array[] {
  return [...new Map(prefixes.map((prefix) => [hex(prefix), prefix])).values()];
}

function openedInterests(number: number, bits: number, ids: readonly Uint8Array[]): Frame[] {
  const prefixes = distinct(ids.map((id) => cut(id, bits)));
  const frames: Frame[] = [];
  for (let start = 0; start < prefixes.length; start += PREFIXES_AT_ONCE) {
    if (frames.length === OPENED_INTERESTS) break;
    const some = prefixes.slice(start, start + PREFIXES_AT_ONCE);
    some.sort((one, other) => readNumber(one, 0, 4) - readNumber(other, 0, 4));
    frames.push({ type: "openedInterest", number: number + frames.length, bits, prefixes: some });
  }
  return frames;
}

function replyInterests(
  number: number,
  bits: number,
  day: number,
  mailboxes: readonly Uint8Array[],
): Frame[] {
  if (bits === 0) return [{ type: "repliesInterest", number, bits, prefix: new Uint8Array(4) }];
  const newest = epochOf(day);
  const count = Math.min(REPLY_EPOCHS, newest + 1);
  const epochs = Array.from({ length: count }, (_, before) => newest - before);
  const older = epochs.splice(SURE_EPOCHS);
  if (older.length > 0) epochs.push(older[drawn(older.length)] as number);
  const prefixes = distinct(
    epochs.flatMap((epoch) => mailboxes.map((secret) => cut(mailboxPrefix(secret, epoch), bits))),
  );
  return prefixes.slice(0, LAST - number).map((prefix, at) => ({
    type: "repliesInterest",
    number: number + at,
    bits,
    prefix,
  }));
}
