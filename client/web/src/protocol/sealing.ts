/** Sealing to a key, suite 1 (SPEC 2). Never decides who may read what. */
import { equal, littleEndian } from "./bytes.ts";
import { LocalError, RemoteError } from "./errors.ts";
import { sha256 } from "./hashing.ts";
import { ENC_BYTES, ENCAPSULATION_SEED_BYTES, open, sealWith } from "./hpke.ts";
import { SEAL_OVERHEAD_BYTES, SEALING_KEY_BYTES } from "./limits.ts";
import { randomBytes } from "./random.ts";
import { publicKeyOf } from "./xWing.ts";

const SEED_BYTES = 32;
const MLKEM_PUBLIC_BYTES = 1184;
/** FIPS 203 section 7.2: 768 coefficients of 12 bits, each below 3329, then a seed of 32 bytes. */
const COEFFICIENTS_BYTES = 1152;
const MLKEM_PRIME = 3329;

/** RFC 7748 section 4.1. X25519 itself would take every number for its rest modulo this. */
const X25519_PRIME = 2n ** 255n - 19n;
/**
 * The u of the points whose order divides 8, on the curve and on its twist: with a clamped scalar
 * X25519 gives zeros for these alone. 0 is of order 2; 1 and -1 of order 4; the others of order 8.
 */
const SMALL_ORDER_U = new Set([
  0n,
  1n,
  X25519_PRIME - 1n,
  325606250916557431795983626356110631294008115727848805560023387167927233504n,
  39382357235489614581723060781553021112529911719440698176882885853963445705823n,
]);

/** A secret key for opening; `publicKey` is its 1216-byte key to seal to. */
export class SealingSecret {
  readonly seed: Uint8Array;
  readonly publicKey: Uint8Array;

  /** `bad_key` (local) unless the seed has 32 bytes. */
  constructor(seed: Uint8Array) {
    if (seed.length !== SEED_BYTES) {
      throw new LocalError("bad_key", `a sealing key's seed has 32 bytes, not ${seed.length}`);
    }
    this.seed = seed;
    this.publicKey = publicKeyOf(seed);
  }

  /** A fresh key from the system's randomness. */
  static generate(): SealingSecret {
    return new SealingSecret(randomBytes(SEED_BYTES));
  }

  /** What was sealed to this key under this info, else `cannot_open`. */
  open(info: Uint8Array, sealed: Uint8Array): Uint8Array {
    const enc = sealed.subarray(0, ENC_BYTES);
    if (sealed.length < SEAL_OVERHEAD_BYTES || isOfSmallOrder(enc.subarray(-32))) {
      throw new RemoteError("cannot_open", "it was not sealed to this key");
    }
    try {
      return open(this.seed, info, sealed);
    } catch (error) {
      // The library's one way to say that it does not authenticate.
      if (!(error instanceof Error)) throw error;
      throw new RemoteError("cannot_open", "it was not sealed to this key, or under another info");
    }
  }
}

/**
 * `bad_key` unless these are 1216 bytes, both keys in them are canonically encoded and the X25519
 * key has an order that hides a secret.
 */
export function checkSealingKey(publicKey: Uint8Array): void {
  if (publicKey.length !== SEALING_KEY_BYTES) {
    throw new RemoteError("bad_key", `a sealing key has 1216 bytes, not ${publicKey.length}`);
  }
  const u = littleEndian(publicKey.subarray(MLKEM_PUBLIC_BYTES));
  if (u >= X25519_PRIME) {
    // What is sealed to it nobody opens: its holder computes with the canonical form.
    throw new RemoteError("bad_key", "a sealing key is not canonically encoded");
  }
  if (SMALL_ORDER_U.has(u)) throw new RemoteError("bad_key", "a sealing key is of small order");
  for (let at = 0; at < COEFFICIENTS_BYTES; at += 3) {
    const [low = 0, middle = 0, high = 0] = publicKey.subarray(at, at + 3);
    const even = low | ((middle & 0x0f) << 8);
    const odd = (middle >> 4) | (high << 4);
    if (even >= MLKEM_PRIME || odd >= MLKEM_PRIME) {
      throw new RemoteError("bad_key", "a sealing key that no honest program makes");
    }
  }
}

/** X25519 ignores the highest bit and reduces the rest. */
function isOfSmallOrder(x25519: Uint8Array): boolean {
  return SMALL_ORDER_U.has((littleEndian(x25519) % 2n ** 255n) % X25519_PRIME);
}

let hashed: { publicKey: Uint8Array; hash: Uint8Array } | undefined;

/** The SHA-256 of a public sealing key, by which contexts name it. */
export function keyHash(publicKey: Uint8Array): Uint8Array {
  // One key seals all that is written in a week.
  if (hashed === undefined || !equal(hashed.publicKey, publicKey)) {
    hashed = { publicKey: publicKey.slice(), hash: sha256(publicKey) };
  }
  return hashed.hash;
}

/** enc (1120) || ciphertext: 1136 bytes longer than the plaintext. May throw `bad_key`. */
export function seal(
  publicKey: Uint8Array,
  info: Uint8Array,
  plaintext: Uint8Array,
  random = randomBytes(ENCAPSULATION_SEED_BYTES),
): Uint8Array {
  checkSealingKey(publicKey);
  return sealWith(publicKey, info, plaintext, random);
}
