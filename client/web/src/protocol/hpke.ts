/**
 * HPKE (RFC 9180), base mode, single shot, for suite 1 alone: X-Wing, HKDF-SHA256, AES-256-GCM.
 *
 * Only the key schedule of section 5.1 is written here.
 */
import { gcm } from "@noble/ciphers/aes.js";
import { expand, extract } from "@noble/hashes/hkdf.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { bigEndian, concat } from "./bytes.ts";
import { decapsulate, encapsulate } from "./xWing.ts";

/** What an encapsulation is long: an ML-KEM-768 ciphertext and an X25519 key. */
export const ENC_BYTES = 1120;

/** Randomness of one encapsulation. */
export const ENCAPSULATION_SEED_BYTES = 64;

const utf8 = new TextEncoder();
const NOTHING = new Uint8Array(0);
const MODE_BASE = Uint8Array.of(0);
const KDF_HKDF_SHA256 = 1;
const SUITE_1 = suiteId(0x647a, 2);

/** enc || ciphertext, with an empty AAD; `random` is used for this alone. */
export function sealWith(
  publicKey: Uint8Array,
  info: Uint8Array,
  plaintext: Uint8Array,
  random: Uint8Array,
): Uint8Array {
  const { enc, sharedSecret } = encapsulate(publicKey, random);
  const { key, nonce } = keySchedule(sharedSecret, info, SUITE_1);
  return concat(enc, gcm(key, nonce).encrypt(plaintext));
}

/** What was sealed to the key of this seed; throws what the libraries throw where it does not open. */
export function open(seed: Uint8Array, info: Uint8Array, sealed: Uint8Array): Uint8Array {
  const sharedSecret = decapsulate(sealed.subarray(0, ENC_BYTES), seed);
  const { key, nonce } = keySchedule(sharedSecret, info, SUITE_1);
  return gcm(key, nonce).decrypt(sealed.subarray(ENC_BYTES));
}

/** What the labels of a suite with HKDF-SHA256 begin with, by its KEM's and its AEAD's number. */
export function suiteId(kem: number, aead: number): Uint8Array {
  return concat(
    utf8.encode("HPKE"),
    ...[kem, KDF_HKDF_SHA256, aead].map((number) => bigEndian(number, 2)),
  );
}

/** Key (32 bytes) and base nonce (12) of RFC 9180 section 5.1, in base mode. */
export function keySchedule(
  sharedSecret: Uint8Array,
  info: Uint8Array,
  suite: Uint8Array,
): { key: Uint8Array; nonce: Uint8Array } {
  const context = concat(
    MODE_BASE,
    labeledExtract(suite, NOTHING, "psk_id_hash", NOTHING),
    labeledExtract(suite, NOTHING, "info_hash", info),
  );
  const secret = labeledExtract(suite, sharedSecret, "secret", NOTHING);
  return {
    key: labeledExpand(suite, secret, "key", context, 32),
    nonce: labeledExpand(suite, secret, "base_nonce", context, 12),
  };
}

function labeledExtract(suite: Uint8Array, salt: Uint8Array, name: string, ikm: Uint8Array) {
  return extract(sha256, concat(utf8.encode("HPKE-v1"), suite, utf8.encode(name), ikm), salt);
}

function labeledExpand(
  suite: Uint8Array,
  key: Uint8Array,
  name: string,
  info: Uint8Array,
  size: number,
): Uint8Array {
  const labeled = concat(
    bigEndian(size, 2),
    utf8.encode("HPKE-v1"),
    suite,
    utf8.encode(name),
    info,
  );
  return expand(sha256, key, labeled, size);
}
