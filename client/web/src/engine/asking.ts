/**
 * What a reporter asks a relay for, so little that many others might ask the same (SPEC 17).
 *
 * Replies are asked for by short prefixes as openings are (`openings`), bulletins by serial.
 */
import { bigEndian, readNumber } from "../protocol/bytes.ts";
import { epochOf } from "../protocol/days.ts";
import type { CardInterest, Frame, PublicWant, Welcome } from "../protocol/frames.ts";
import { MAX_GIVEN_BITS, MAX_INTERESTS } from "../protocol/limits.ts";
import { randomBytes } from "../protocol/random.ts";
import { mailboxPrefix } from "../protocol/tags.ts";
import { cut, MOST_INTERESTS } from "./openings.ts";

/** The number of the interest in the relay's own card. */
const LAST = MAX_INTERESTS - 1;
export const FIRST_OPENED = 1;
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
 * What to ask about documents and replies once a relay has told how short prefixes must be.
 *
 * `mailboxes`: the mailbox secrets (32 bytes) of the person's code towards each desk, if the code was
 * given.
 */
export function questions(
  welcome: Welcome,
  wants: readonly PublicWant[],
  mailboxes: readonly Uint8Array[],
): Frame[] {
  const replyBits = Math.min(welcome.replyBits, MAX_GIVEN_BITS);
  const frames: Frame[] = [];
  if (wants.length > 0) {
    frames.push({ type: "publicInterest", number: 0, wants: wants.slice(0, MOST_WANTS) });
  }
  if (replyBits === 0 || mailboxes.length > 0) {
    frames.push(
      ...replyInterests(FIRST_OPENED + MOST_INTERESTS, replyBits, welcome.day, mailboxes),
    );
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
  const heads = new Set(
    epochs.flatMap((epoch) => mailboxes.map((secret) => cut(mailboxPrefix(secret, epoch), bits))),
  );
  return [...heads].slice(0, LAST - number).map((head, at) => ({
    type: "repliesInterest",
    number: number + at,
    bits,
    prefix: bigEndian(head, 4),
  }));
}
