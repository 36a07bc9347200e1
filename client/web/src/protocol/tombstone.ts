/**
 * Locks, and what opens them: how a parcel is marked opened or purged (SPEC 12).
 *
 * Knows keys and hashes, never who holds which parcel.
 */
import { equal } from "./bytes.ts";
import { RemoteError } from "./errors.ts";
import type { Opened } from "./frames.ts";
import { expand, sha256 } from "./hashing.ts";
import { label } from "./labels.ts";
import { verifySignature } from "./signing.ts";

/** What the holder of a content key (32 bytes) reveals to free the parcel's space: 32 bytes. */
export function purgeKey(contentKey: Uint8Array): Uint8Array {
  return expand(contentKey, label("purge"), 32);
}

/** The opened value (32 bytes) that belongs to a purge key. */
export function openedOf(revealed: Uint8Array): Uint8Array {
  return sha256(label("opened"), revealed);
}

/** What only someone who holds the content key could say before the purge key is out. */
export function openedValue(contentKey: Uint8Array): Uint8Array {
  return openedOf(purgeKey(contentKey));
}

/** The lock (32 bytes) that stands in the header of a parcel with this content key. */
export function lockOf(contentKey: Uint8Array): Uint8Array {
  return lockOver(openedValue(contentKey));
}

/** `bad_lock` unless `opened` fits the lock of a header. */
export function checkOpened(lock: Uint8Array, opened: Uint8Array): void {
  if (!equal(lockOver(opened), lock)) {
    throw new RemoteError("bad_lock", "the opened value does not fit the parcel's lock");
  }
}

/** `bad_lock` unless a purge key fits the lock of a header. */
export function checkPurge(lock: Uint8Array, revealed: Uint8Array): void {
  if (!equal(lockOver(openedOf(revealed)), lock)) {
    throw new RemoteError("bad_lock", "the purge key does not fit the parcel's lock");
  }
}

/**
 * `bad_signature`, `bad_key` or `unknown_suite` unless the frame's own key signed it.
 *
 * Whether that key is the desk's is for whoever knows a statement; the lock is for `checkOpened`.
 */
export function verifyOpened(frame: Opened): void {
  const { parcelId, opened, signingKey, signature } = frame;
  verifySignature(signingKey, signature, "opened-by", parcelId, opened);
}

function lockOver(opened: Uint8Array): Uint8Array {
  return sha256(label("lock"), opened);
}
