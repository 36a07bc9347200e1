/**
 * Custody receipts: a relay's signed word that it held parcels on a day (SPEC 13).
 *
 * A receipt covers a session's parcels; a single receipt shows one of them and hides the others.
 */
import { concat, pieces, u32 } from "./bytes.ts";
import { malformed } from "./errors.ts";
import { binary, binaryOf, row, uint, version } from "./fields.ts";
import type { Receipt } from "./frames.ts";
import { sha256 } from "./hashing.ts";
import { label } from "./labels.ts";
import { HASH_BYTES, MAX_RECEIPT_IDS, SIGNATURE_BYTES, SIGNING_KEY_BYTES } from "./limits.ts";
import { inclusionPaths, leafHash, rootByPath, rootOf } from "./merkle.ts";
import { pack, unpack } from "./record.ts";
import { verifySignature } from "./signing.ts";

const NONCE_BYTES = 16;
const MAX_U32 = 2 ** 32 - 1;
const MAX_PATH_HASHES = 9;
const MAX_SINGLE_BYTES = 1024;

const singleRow = row<
  [number, Uint8Array, number, number, number, Uint8Array, Uint8Array, Uint8Array, Uint8Array]
>(
  version(),
  binary(SIGNING_KEY_BYTES),
  uint(0, MAX_U32),
  uint(1, MAX_RECEIPT_IDS),
  uint(),
  binary(HASH_BYTES),
  binary(NONCE_BYTES),
  binaryOf(0, MAX_PATH_HASHES * HASH_BYTES),
  binary(SIGNATURE_BYTES),
);

/** One relay's word that it held this parcel on this day. `relayKey` is its signing key. */
export interface SingleReceipt {
  readonly relayKey: Uint8Array;
  readonly day: number;
  readonly parcelId: Uint8Array;
}

/** The root (32 bytes) over parcel ids in this order, each hidden by a nonce from the seed. */
export function custodyRoot(ids: readonly Uint8Array[], seed: Uint8Array): Uint8Array {
  return rootOf(ids.map((id, index) => leafOf(id, nonceOf(seed, index))));
}

/** Throws unless the relay with this signing key signed the receipt. */
export function verifyReceipt(relayKey: Uint8Array, frame: Receipt): void {
  const context = contextOf(relayKey, frame.day, frame.ids.length);
  const root = custodyRoot(frame.ids, frame.seed);
  verifySignature(relayKey, frame.signature, "custody", context, root);
}

/** A single receipt (a record) for each id of a receipt, in its order. */
export function singleReceipts(relayKey: Uint8Array, frame: Receipt): Uint8Array[] {
  const nonces = frame.ids.map((_, index) => nonceOf(frame.seed, index));
  const leaves = frame.ids.map((id, index) => leafOf(id, nonces[index] as Uint8Array));
  const paths = inclusionPaths(leaves);
  return frame.ids.map((id, index) =>
    pack([
      1,
      relayKey,
      frame.day,
      leaves.length,
      index,
      id,
      nonces[index] as Uint8Array,
      concat(...(paths[index] as Uint8Array[])),
      frame.signature,
    ]),
  );
}

/**
 * What a single receipt says, its path and the relay's signature verified.
 *
 * `malformed` also for a path that is too short or too long.
 */
export function verifySingle(data: Uint8Array): SingleReceipt {
  const fields = singleRow(unpack(data, MAX_SINGLE_BYTES));
  const [, relayKey, day, count, index, parcelId, nonce, path, signature] = fields;
  const root = rootByPath(leafOf(parcelId, nonce), index, count, pieces(path, HASH_BYTES));
  if (root === undefined || path.length % HASH_BYTES !== 0) {
    throw malformed(`${path.length} bytes are no path from parcel ${index} of ${count}`);
  }
  verifySignature(relayKey, signature, "custody", contextOf(relayKey, day, count), root);
  return { relayKey, day, parcelId };
}

function nonceOf(seed: Uint8Array, index: number): Uint8Array {
  return sha256(label("custody-nonce"), seed, u32(index)).slice(0, NONCE_BYTES);
}

function leafOf(parcelId: Uint8Array, nonce: Uint8Array): Uint8Array {
  return leafHash(sha256(label("custody-leaf"), parcelId, nonce));
}

function contextOf(relayKey: Uint8Array, day: number, count: number): Uint8Array {
  return concat(relayKey, u32(day), u32(count));
}
