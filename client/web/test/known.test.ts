/** Published answers (protocol/vectors/known) against the libraries, as the protocol uses them. */
import { inflateSync } from "node:zlib";
import { gcm } from "@noble/ciphers/aes.js";
import { chacha20poly1305 } from "@noble/ciphers/chacha.js";
import { sha512 } from "@noble/hashes/sha2.js";
import { afterEach, describe, expect, test, vi } from "vitest";
import { argon2id } from "../src/protocol/argon2.ts";
import { hex } from "../src/protocol/bytes.ts";
import { openChunked } from "../src/protocol/chunked.ts";
import { ProtocolError } from "../src/protocol/errors.ts";
import { expand } from "../src/protocol/hashing.ts";
import { keySchedule, suiteId } from "../src/protocol/hpke.ts";
import { leafHash, rootOf } from "../src/protocol/merkle.ts";
import { SealingSecret } from "../src/protocol/sealing.ts";
import { SigningKey, verify } from "../src/protocol/signing.ts";
import { decapsulate, encapsulate } from "../src/protocol/xWing.ts";
import { read } from "./vectorFiles.ts";
import { unhex } from "./vectors.ts";

const X_WING = 0x647a;

type Case = Readonly<Record<string, unknown>>;

function each(primitive: string, wanted: (one: Case) => boolean = () => true): [string, Case][] {
  const { cases } = read<{ cases: Case[] }>("known", `${primitive}.json`);
  const chosen = cases.filter(wanted);
  if (chosen.length === 0) throw new Error(`no case of ${primitive}`);
  return chosen.map((one) => [String(one.name), one]);
}

function bytes(one: Case, name: string): Uint8Array {
  return unhex(String(one[name]));
}

/** "ok", or the verdict of what is thrown. */
function verdictOf(action: () => unknown): string {
  try {
    action();
    return "ok";
  } catch (error) {
    if (error instanceof ProtocolError) return error.verdict;
    throw error;
  }
}

describe("Ed25519 under the strict rule", () => {
  test.each(each("ed25519"))("%s", (_, one) => {
    const message = bytes(one, "message");
    const found = verdictOf(() =>
      verify(bytes(one, "public_key"), bytes(one, "signature"), message),
    );
    expect(found).toBe(one.error ?? one.verdict);
    if (one.seed !== undefined) {
      expect(hex(new SigningKey(bytes(one, "seed")).publicKey)).toBe(one.public_key);
    }
  });
});

describe("HKDF-Expand", () => {
  test.each(each("hkdf"))("%s", (_, one) => {
    const okm = expand(bytes(one, "prk"), bytes(one, "info"), Number(one.size_bytes));
    expect(hex(okm)).toBe(one.okm);
  });
});

describe("X-Wing", () => {
  test.each(each("xwing"))("%s", (_, one) => {
    const secret = new SealingSecret(bytes(one, "seed"));
    expect(hex(secret.publicKey)).toBe(one.public_key);
    const { enc, sharedSecret } = encapsulate(secret.publicKey, bytes(one, "eseed"));
    expect(hex(enc)).toBe(one.ciphertext);
    expect(hex(sharedSecret)).toBe(one.shared_secret);
    expect(hex(decapsulate(enc, secret.seed))).toBe(one.shared_secret);
  });
});

describe("HPKE's key schedule and first message", () => {
  // Of X25519 alone the shared secret is taken as it is given, so that a changed enc goes unseen.
  const isOurs = (one: Case) => one.kem_id === X_WING || !String(one.name).includes("bit of enc");
  test.each(each("hpke", isOurs))("%s", (_, one) => {
    const sharedSecret =
      one.kem_id === X_WING
        ? decapsulate(bytes(one, "enc"), bytes(one, "private_key"))
        : bytes(one, "shared_secret");
    const suite = suiteId(Number(one.kem_id), Number(one.aead_id));
    const { key, nonce } = keySchedule(sharedSecret, bytes(one, "info"), suite);
    const aead = one.aead_id === 2 ? gcm : chacha20poly1305;
    const opened = () => aead(key, nonce, bytes(one, "aad")).decrypt(bytes(one, "ciphertext"));
    if (one.verdict !== "ok") {
      expect(opened).toThrow();
      return;
    }
    expect([hex(key), hex(nonce)]).toEqual([one.key, one.base_nonce]);
    expect(hex(opened())).toBe(one.plaintext);
  });
});

describe("Cobblestone-256", () => {
  test.each(each("chunked"))("%s", (_, one) => {
    const ciphertext =
      one.ciphertext === undefined
        ? new Uint8Array(inflateSync(bytes(one, "ciphertext_zlib")))
        : bytes(one, "ciphertext");
    const open = () => openChunked(bytes(one, "key"), bytes(one, "context"), ciphertext);
    if (one.verdict === "ok") expect(hex(sha512(open()))).toBe(one.plaintext_sha512);
    else expect(["cannot_open", "bad_key"]).toContain(verdictOf(open));
  });
});

describe("Merkle roots", () => {
  test.each(each("merkle", (one) => one.kind === "root"))("%s", (_, one) => {
    const leaves = (one.entries as string[]).map((entry) => leafHash(unhex(entry)));
    expect(hex(rootOf(leaves))).toBe(one.root);
  });
});

describe("Argon2id", () => {
  const isOurs = (one: Case) => one.secret === "" && one.password !== "";
  const computed = async (one: Case) => {
    const tag = await argon2id(bytes(one, "password"), bytes(one, "salt"), {
      memoryKib: Number(one.memory_kib),
      passes: Number(one.iterations),
      lanes: Number(one.lanes),
      sizeBytes: Number(one.size_bytes),
    });
    expect(hex(tag)).toBe(one.tag);
  };
  afterEach(() => vi.unstubAllGlobals());
  test.each(each("argon2id", isOurs))("%s", (_, one) => computed(one));
  const isQuick = (one: Case) => isOurs(one) && Number(one.memory_kib) < 1024;
  test.each(each("argon2id", isQuick))("%s, where no wasm may run", (_, one) => {
    vi.stubGlobal("WebAssembly", undefined);
    return computed(one);
  });
});
