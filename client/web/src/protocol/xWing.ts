/**
 * X-Wing (draft-connolly-cfrg-xwing-kem-06, section 5): ML-KEM-768 and X25519 as one KEM.
 *
 * Only how the two are put together is written here. The library's own way brings every other pair
 * of its kind along, ten of the hundred kB that a first visit may load.
 */
import { pow } from "@noble/curves/abstract/modular.js";
import { montgomery } from "@noble/curves/abstract/montgomery.js";
import { sha3_256, shake256 } from "@noble/hashes/sha3.js";
import { ml_kem768 as mlKem } from "@noble/post-quantum/ml-kem.js";
import { concat } from "./bytes.ts";

const MLKEM_SEED_BYTES = 64;
const MLKEM_PUBLIC_BYTES = 1184;
const MLKEM_CIPHERTEXT_BYTES = 1088;
const RANDOM_BYTES = 32;
const LABEL = new TextEncoder().encode("\\.//^\\");

const P = 2n ** 255n - 19n;
/** RFC 7748 section 5. */
const x25519 = montgomery({
  P,
  type: "x25519",
  powPminus2: (x) => pow(x, P - 2n, P),
  adjustScalarBytes: (bytes: Uint8Array) => {
    bytes[0] = (bytes[0] as number) & 248;
    bytes[31] = ((bytes[31] as number) & 127) | 64;
    return bytes;
  },
});

/** The public key (1216 bytes) of a seed (32 bytes). */
export function publicKeyOf(seed: Uint8Array): Uint8Array {
  const { mlKemKeys, x25519Public } = expanded(seed);
  return concat(mlKemKeys.publicKey, x25519Public);
}

/** A shared secret (32 bytes) and what carries it (1120), from 64 random bytes. Throws. */
export function encapsulate(
  publicKey: Uint8Array,
  random: Uint8Array,
): { enc: Uint8Array; sharedSecret: Uint8Array } {
  const ofMlKem = mlKem.encapsulate(
    publicKey.subarray(0, MLKEM_PUBLIC_BYTES),
    random.subarray(0, RANDOM_BYTES),
  );
  const x25519Public = publicKey.subarray(MLKEM_PUBLIC_BYTES);
  const ephemeral = random.subarray(RANDOM_BYTES);
  const carried = x25519.getPublicKey(ephemeral);
  const shared = x25519.getSharedSecret(ephemeral, x25519Public);
  return {
    enc: concat(ofMlKem.cipherText, carried),
    sharedSecret: combined(ofMlKem.sharedSecret, shared, carried, x25519Public),
  };
}

/** The shared secret that `enc` (1120 bytes) carries to the key of a seed. Throws. */
export function decapsulate(enc: Uint8Array, seed: Uint8Array): Uint8Array {
  const { mlKemKeys, x25519Secret, x25519Public } = expanded(seed);
  const carried = enc.subarray(MLKEM_CIPHERTEXT_BYTES);
  const ofMlKem = mlKem.decapsulate(enc.subarray(0, MLKEM_CIPHERTEXT_BYTES), mlKemKeys.secretKey);
  return combined(ofMlKem, x25519.getSharedSecret(x25519Secret, carried), carried, x25519Public);
}

function expanded(seed: Uint8Array) {
  const both = shake256(seed, { dkLen: MLKEM_SEED_BYTES + 32 });
  const x25519Secret = both.subarray(MLKEM_SEED_BYTES);
  return {
    mlKemKeys: mlKem.keygen(both.subarray(0, MLKEM_SEED_BYTES)),
    x25519Secret,
    x25519Public: x25519.getPublicKey(x25519Secret),
  };
}

function combined(...parts: readonly Uint8Array[]): Uint8Array {
  return sha3_256(concat(...parts, LABEL));
}
