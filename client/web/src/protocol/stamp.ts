/**
 * Stamps: work that anyone may do for a parcel, to give it a better place (SPEC 14).
 *
 * Searches as long as it is told to, and reads no clock.
 */
import { sha256 as nobleSha256 } from "@noble/hashes/sha2.js";
import { bigNumber, concat, u32, u64 } from "./bytes.ts";
import { epochOf } from "./days.ts";
import { localMalformed, RemoteError } from "./errors.ts";
import type { Stamp } from "./frames.ts";
import { label } from "./labels.ts";

/** Two weeks of a phone at a million hashes a second: a higher claim is a mistake or an attack. */
export const MAX_EFFORT = 2 ** 40;

const NONCE_BYTES = 16;

/**
 * A stamp whose nonce is one of the `tries` from `start` (16 random bytes) on, or null.
 *
 * One try in `effort` (1 to 2^40) succeeds on average. To go on after null, start at other random
 * bytes. LocalError for another effort.
 */
export function findStamp(
  parcelId: Uint8Array,
  epoch: number,
  effort: number,
  start: Uint8Array,
  tries: number,
): Stamp | null {
  if (!isEffort(effort)) {
    throw localMalformed(`a stamp's effort is 1 to ${MAX_EFFORT}, not ${effort}`);
  }
  const hashed = concat(start, behindNonce(parcelId, epoch, effort));
  for (let tried = 0; tried < tries; tried++) {
    if (isEnough(hashed, effort)) {
      return { type: "stamp", parcelId, epoch, effort, nonce: hashed.slice(0, NONCE_BYTES) };
    }
    increment(hashed);
  }
  return null;
}

/** `bad_stamp` unless the work was done, in the week of `today` (a day) or the last. */
export function checkStamp(frame: Stamp, today: number): void {
  const { parcelId, epoch, effort, nonce } = frame;
  if (!isEffort(effort)) {
    throw badStamp(`a stamp's effort is 1 to ${MAX_EFFORT}, not ${effort}`);
  }
  const current = epochOf(today);
  if (epoch !== current && epoch !== current - 1) {
    throw badStamp(`the stamp is of week ${epoch}, this is week ${current}`);
  }
  if (!isEnough(concat(nonce, behindNonce(parcelId, epoch, effort)), effort)) {
    throw badStamp(`the stamp does not show an effort of ${effort}`);
  }
}

function isEffort(effort: number): boolean {
  return Number.isInteger(effort) && effort >= 1 && effort <= MAX_EFFORT;
}

function badStamp(detail: string): RemoteError {
  return new RemoteError("bad_stamp", detail);
}

function behindNonce(parcelId: Uint8Array, epoch: number, effort: number): Uint8Array {
  return concat(u64(effort), u32(epoch), parcelId, label("stamp"));
}

function isEnough(hashed: Uint8Array, effort: number): boolean {
  return bigNumber(nobleSha256(hashed).subarray(0, 8)) * BigInt(effort) < 2n ** 64n;
}

/** The next nonce; behind the last comes the first. */
function increment(hashed: Uint8Array): void {
  for (let at = NONCE_BYTES - 1; at >= 0; at--) {
    const byte = ((hashed[at] as number) + 1) & 0xff;
    hashed[at] = byte;
    if (byte !== 0) return;
  }
}
