/** The hash of what is long, against noble's. */
import { sha256 } from "@noble/hashes/sha2.js";
import { expect, test } from "vitest";
import { hex } from "../src/protocol/bytes.ts";
import { wasmSha256 } from "../src/protocol/wasmSha256.ts";

function made(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, at) => (at * at + (at >> 7)) & 255);
}

test.each([
  0, 1, 3, 55, 56, 63, 64, 65, 119, 120, 128, 1000, 65_471, 65_472, 65_480, 65_535, 65_536, 65_537,
  131_072, 300_001,
])("%i bytes hash alike", async (length) => {
  const data = made(length);
  const hash = await wasmSha256();
  hash.update(data);
  expect(hex(hash.digest())).toBe(hex(sha256(data)));
});

test.each([1, 7, 64, 16_384, 65_535, 65_537])("in pieces of %i bytes, too", async (step) => {
  const data = made(200_003);
  const hash = await wasmSha256();
  for (let at = 0; at < data.length; at += step) hash.update(data.subarray(at, at + step));
  expect(hex(hash.digest())).toBe(hex(sha256(data)));
});

test("two hashes do not know of each other", async () => {
  const [one, two] = [await wasmSha256(), await wasmSha256()];
  one.update(made(10));
  two.update(made(20));
  one.update(made(30));
  expect(hex(two.digest())).toBe(hex(sha256(made(20))));
  expect(hex(one.digest())).toBe(hex(sha256.create().update(made(10)).update(made(30)).digest()));
});
