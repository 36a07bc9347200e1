/**
 * Mailbox tags: under which 16 bytes a parcel waits (SPEC 9 to 11, and 17 for prefixes).
 *
 * Pure functions of ids, secrets and weeks. An epoch or number is a u32, else LocalError.
 */
import { concat, readNumber, u32 } from "./bytes.ts";
import { sha256 } from "./hashing.ts";
import { label } from "./labels.ts";

/** The tag (16 bytes) of letters and parts for a desk in one epoch. */
export function deskTag(deskId: Uint8Array, epoch: number): Uint8Array {
  return sha256(label("desk-tag"), deskId, u32(epoch)).slice(0, 16);
}

/** The tag (16 bytes) of a desk's public documents. */
export function publicTag(deskId: Uint8Array): Uint8Array {
  return sha256(label("public-tag"), deskId).slice(0, 16);
}

/** The first 4 bytes of the tags of all replies to one reporter in one epoch. */
export function mailboxPrefix(mailboxSecret: Uint8Array, epoch: number): Uint8Array {
  return sha256(label("mailbox-prefix"), mailboxSecret, u32(epoch)).slice(0, 4);
}

/** The tag (16 bytes) of the reply with this number, counted from 0 per mailbox and epoch. */
export function replyTag(mailboxSecret: Uint8Array, epoch: number, number: number): Uint8Array {
  const rest = sha256(label("mailbox-tag"), mailboxSecret, u32(epoch), u32(number));
  return concat(mailboxPrefix(mailboxSecret, epoch), rest.subarray(0, 12));
}

/**
 * Whether a tag or parcel id begins with the first `bits` (0 to 32) bits of `prefix` (4 bytes).
 *
 * Bits of the prefix behind `bits` do not count, so that a relay can allow fewer than were asked.
 */
export function prefixMatches(tagOrId: Uint8Array, prefix: Uint8Array, bits: number): boolean {
  const unit = 2 ** (32 - bits);
  const [ours, theirs] = [readNumber(tagOrId, 0, 4), readNumber(prefix, 0, 4)];
  return Math.floor(ours / unit) === Math.floor(theirs / unit);
}
