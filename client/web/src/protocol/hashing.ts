/** SHA-256 and HKDF-Expand (SPEC 1), without WebCrypto: they are there on plain-http pages too. */
import { expand as hkdfExpand } from "@noble/hashes/hkdf.js";
import { sha256 as nobleSha256 } from "@noble/hashes/sha2.js";
import { localMalformed } from "./errors.ts";
import { wasmSha256 } from "./wasmSha256.ts";

const MAX_EXPANDED_BYTES = 255 * 32;

/** SHA-256 of the parts, one after the other. */
export function sha256(...parts: readonly Uint8Array[]): Uint8Array {
  const hash = nobleSha256.create();
  for (const part of parts) hash.update(part);
  return hash.digest();
}

/** A hash that takes its data piece by piece. */
export interface Hash {
  update(data: Uint8Array): void;
  digest(): Uint8Array;
}

/** Three times as fast as `Sha256`, for what is long; that where the page may run no wasm. */
export async function fastSha256(): Promise<Hash> {
  try {
    return await wasmSha256();
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    return new Sha256();
  }
}

/** SHA-256 of data, by WebCrypto where the page has it. */
export async function sha256Fast(data: Uint8Array): Promise<Uint8Array> {
  if (globalThis.crypto.subtle === undefined) return sha256(data);
  return new Uint8Array(await crypto.subtle.digest("SHA-256", data as BufferSource));
}

/** A SHA-256 that takes its data piece by piece. */
export class Sha256 implements Hash {
  readonly #hash = nobleSha256.create();

  update(data: Uint8Array): void {
    this.#hash.update(data);
  }

  digest(): Uint8Array {
    return this.#hash.digest();
  }
}

/** HKDF-Expand with SHA-256 (RFC 5869 section 2.3): `length` bytes, 1 to 8160. */
export function expand(key: Uint8Array, info: Uint8Array, length: number): Uint8Array {
  if (!(length > 0 && length <= MAX_EXPANDED_BYTES)) {
    throw localMalformed(`${length} bytes asked of HKDF-Expand, which gives 1 to 8160`);
  }
  return hkdfExpand(nobleSha256, key, info, length);
}
