/**
 * Argon2id (RFC 9106): in WebAssembly, and in plain script where the page may run none. Chrome before
 * version 95 doesn't know the word by which a policy allows the one without the other.
 */
import { argon2idAsync } from "@noble/hashes/argon2.js";
import compiled from "argon2id/dist/no-simd.wasm?url&inline";
import load from "argon2id/lib/setup.js";

export interface Costs {
  readonly memoryKib: number;
  readonly passes: number;
  readonly lanes: number;
  readonly sizeBytes: number;
}

/** The hash. In plain script it takes seven times as long. */
export async function argon2id(
  password: Uint8Array,
  salt: Uint8Array,
  { memoryKib, passes, lanes, sizeBytes }: Costs,
): Promise<Uint8Array> {
  const compute = await inWasm();
  if (compute === null) {
    const costs = { m: memoryKib, t: passes, p: lanes, dkLen: sizeBytes };
    return argon2idAsync(password, salt, costs);
  }
  const costs = { memorySize: memoryKib, passes, parallelism: lanes, tagLength: sizeBytes };
  return compute({ password, salt, ...costs });
}

async function inWasm() {
  try {
    return await load(noSimd, instance);
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    return null;
  }
}

/** Left out: it is as large again, and saves half of what is a second without it. */
function noSimd(): never {
  throw new Error("left out");
}

function instance(imports: WebAssembly.Imports) {
  const [, base64 = ""] = compiled.split(",");
  const code = Uint8Array.from(atob(base64), (sign) => sign.charCodeAt(0));
  return WebAssembly.instantiate(code, imports);
}
