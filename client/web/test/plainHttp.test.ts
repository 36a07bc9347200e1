/** A page from a plain-http address has no `crypto.subtle`: the same bytes come out without it. */
import { afterEach, beforeEach, expect, test } from "vitest";
import { concat, equal, hex, pieces } from "../src/protocol/bytes.ts";
import { Rendition } from "../src/protocol/kinds.ts";
import { openPart, PartSealer } from "../src/protocol/part.ts";
import { judge } from "./operations.ts";
import { filesOf, read } from "./vectorFiles.ts";
import { Given, type Scenario } from "./vectors.ts";

const { subtle } = globalThis.crypto;

function withSubtle(value: SubtleCrypto | undefined): void {
  Object.defineProperty(globalThis.crypto, "subtle", { value, configurable: true });
}

beforeEach(() => withSubtle(undefined));
afterEach(() => withSubtle(subtle));

const DATA = Uint8Array.from({ length: 100_000 }, (_, at) => at % 251);
const KNOWN = { contentKey: new Uint8Array(32).fill(7), salt: new Uint8Array(24).fill(8) };

async function sealed() {
  const draft = {
    tag: new Uint8Array(16),
    expiryDay: 20_000,
    length: DATA.length,
    rendition: Rendition.ORIGINAL,
  };
  const sealer = new PartSealer(draft, KNOWN);
  const blocks: Uint8Array[] = [];
  for await (const block of sealer.blocks(pieces(DATA, 777))) blocks.push(block.data);
  return { ...sealer.sealed, body: concat(...blocks) };
}

test("a part has the same bytes with and without WebCrypto, and opens with either", async () => {
  const without = await sealed();
  withSubtle(subtle);
  const made = await sealed();
  expect(hex(made.header.encode())).toBe(hex(without.header.encode()));
  expect(equal(made.body, without.body)).toBe(true);
  const key = { contentKey: KNOWN.contentKey, length: DATA.length, sha256: made.sha256 };
  for (const available of [subtle, undefined]) {
    withSubtle(available);
    const found: Uint8Array[] = [];
    for await (const piece of openPart(made.header, key, pieces(made.body, 5000))) {
      found.push(piece);
    }
    expect(equal(concat(...found), DATA)).toBe(true);
  }
});

test.each(["open_letter", "open_part", "client_reads"])(
  "%s does without WebCrypto",
  async (name) => {
    for (const file of filesOf(name)) {
      const scenario = read<Scenario>(name, file);
      const { verdict } = await judge(name, new Given(scenario.input));
      expect(verdict, file).toBe(scenario.verdict);
    }
  },
);
