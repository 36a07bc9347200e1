/**
 * Ed25519 signatures, verified strictly (SPEC 1): one rule on every platform for what is a key and
 * what is a signature.
 */
import { getPublicKey, hashes, Point, sign } from "@noble/ed25519";
import { sha512 } from "@noble/hashes/sha2.js";
import { concat, equal, littleEndian } from "./bytes.ts";
import { LocalError, malformed, RemoteError } from "./errors.ts";
import { label } from "./labels.ts";
import { SIGNATURE_BYTES, SIGNING_KEY_BYTES } from "./limits.ts";
import { randomBytes } from "./random.ts";
import type { Fault } from "./verdicts.ts";

/** Ed25519, the first byte of a signature. */
export const ALGORITHM = 1;

hashes.sha512 = sha512;

const { p: P, n: L } = Point.CURVE();
const SIGN_BIT = 1n << 255n;
/** The y of the 8 points whose order divides 8; with each of them either sign goes, or x is 0. */
const Y_OF_ORDER_8 = 0x05fc536d880238b13933c6d305acdfd5f098eff289f4c345b027b2c28f95e826n;
const SMALL_ORDER_Y = new Set([1n, P - 1n, 0n, Y_OF_ORDER_8, P - Y_OF_ORDER_8]);

/** A secret key for signing; `publicKey` is its 32-byte key for everybody. */
export class SigningKey {
  readonly seed: Uint8Array;
  readonly publicKey: Uint8Array;

  /** `bad_key` (local) unless the seed has 32 bytes. */
  constructor(seed: Uint8Array) {
    if (seed.length !== SIGNING_KEY_BYTES) {
      throw new LocalError("bad_key", `a signing key's seed has 32 bytes, not ${seed.length}`);
    }
    this.seed = seed;
    this.publicKey = getPublicKey(seed);
  }

  /** A fresh key from the system's randomness. */
  static generate(): SigningKey {
    return new SigningKey(randomBytes(SIGNING_KEY_BYTES));
  }

  /** The 65-byte signature over label || context || content (SPEC 1). */
  sign(labelName: string, context: Uint8Array, content: Uint8Array): Uint8Array {
    const message = concat(label(labelName), context, content);
    return concat(Uint8Array.of(ALGORITHM), sign(message, this.seed));
  }
}

/** `bad_key` unless these are 32 bytes, canonical, a point, and not of small order. */
export function checkKey(publicKey: Uint8Array): void {
  keyPoint(publicKey);
}

/**
 * Check a 65-byte signature over label || context || content.
 *
 * `unknown_suite` for another algorithm, `bad_key`, `bad_signature`; `malformed` for another length.
 */
export function verifySignature(
  publicKey: Uint8Array,
  signature: Uint8Array,
  labelName: string,
  context: Uint8Array,
  content: Uint8Array,
): void {
  if (signature.length !== SIGNATURE_BYTES) {
    throw malformed(`a signature has 65 bytes, not ${signature.length}`);
  }
  if (signature[0] !== ALGORITHM) {
    throw new RemoteError(
      "unknown_suite",
      `signature algorithm ${signature[0]}; this program knows 1`,
    );
  }
  verify(publicKey, signature.subarray(1), concat(label(labelName), context, content));
}

/** Check a bare 64-byte Ed25519 signature by the strict rule. `bad_key` or `bad_signature`. */
export function verify(publicKey: Uint8Array, signature: Uint8Array, message: Uint8Array): void {
  const key = keyPoint(publicKey);
  if (signature.length !== SIGNATURE_BYTES - 1) {
    throw badSignature(`an Ed25519 signature has 64 bytes, not ${signature.length}`);
  }
  const r = signature.subarray(0, 32);
  checkEncoding(r, "bad_signature", "R");
  const s = littleEndian(signature.subarray(32));
  if (s >= L) throw badSignature("S is not below the order of the base point");
  // The library's own `verify` multiplies by the cofactor; the rule is the equation without it.
  const k = littleEndian(sha512(concat(r, publicKey, message))) % L;
  const expected = Point.BASE.multiplyUnsafe(s).add(key.negate().multiplyUnsafe(k));
  if (!equal(expected.toBytes(), r)) throw badSignature("a signature does not hold");
}

function badSignature(detail: string): RemoteError {
  return new RemoteError("bad_signature", detail);
}

function keyPoint(publicKey: Uint8Array): Point {
  if (publicKey.length !== SIGNING_KEY_BYTES) {
    throw new RemoteError("bad_key", `a signing key has 32 bytes, not ${publicKey.length}`);
  }
  checkEncoding(publicKey, "bad_key", "a signing key");
  try {
    return Point.fromBytes(publicKey);
  } catch (error) {
    // The library's one way to say so; what else could be wrong was looked at above.
    if (!(error instanceof Error)) throw error;
    throw new RemoteError("bad_key", "a signing key is no point of the curve");
  }
}

/**
 * Refuse what does not encode a point canonically, or one of small order.
 *
 * Where x = 0, y is 1 or -1: of small order, so that a sign on x = 0 needs no look of its own.
 */
function checkEncoding(point: Uint8Array, verdict: Fault, name: string): void {
  const y = littleEndian(point) % SIGN_BIT;
  if (y >= P) throw new RemoteError(verdict, `${name} is not canonically encoded`);
  if (SMALL_ORDER_Y.has(y)) throw new RemoteError(verdict, `${name} is of small order`);
}
