/** Transfers that resume, what the giver may not do, and the bitmaps that tell what is held. */
import { describe, expect, test } from "vitest";
import { Bitmap } from "../src/protocol/bitmap.ts";
import { BundleWriter } from "../src/protocol/bundle.ts";
import { equal, hex, pieces } from "../src/protocol/bytes.ts";
import { LocalError, RemoteError } from "../src/protocol/errors.ts";
import type { Block, HeaderFrame, Leaves } from "../src/protocol/frames.ts";
import { Kind } from "../src/protocol/kinds.ts";
import { leavesOf, pageRoots, rootOf } from "../src/protocol/merkle.ts";
import { Header } from "../src/protocol/parcel.ts";
import { Intake, Outgoing } from "../src/protocol/transfer.ts";

/** 66 blocks, so that there are two pages. */
const BODY = Uint8Array.from({ length: 66 * 16_384 }, (_, at) => (at >> 14) + 1);
const BLOCKS = pieces(BODY, 16_384);
const LEAVES = leavesOf(BODY);
const HEADER = new Header({
  kind: Kind.PART,
  urgent: false,
  expiryDay: 20_000,
  bodySize: BODY.length,
  tag: new Uint8Array(16),
  lock: new Uint8Array(32),
  root: rootOf(LEAVES),
});

/** The indices of the blocks that pass when the taker has told to hold some of them. */
function pass(held: Bitmap): number[] {
  const outgoing = new Outgoing(0, HEADER, held);
  const intake = new Intake();
  const [header, roots] = outgoing.start(pageRoots(LEAVES));
  intake.open(header as HeaderFrame);
  intake.leaveOut(0, held);
  if (roots !== undefined) intake.leaves(roots as Leaves);
  const passed: number[] = [];
  for (const index of outgoing.missing()) {
    const page = outgoing.pageNeeded(index);
    if (page !== undefined) {
      intake.leaves(outgoing.page(page, LEAVES.slice(page * 64, page * 64 + 64)));
    }
    const verified = intake.block(outgoing.block(index, BLOCKS[index] as Uint8Array));
    if (verified !== undefined) passed.push(verified.index);
    expect(intake.openHandles).toEqual(verified?.complete ? [] : [0]);
  }
  return passed;
}

function faultOf(action: () => unknown): [string, boolean] {
  try {
    action();
  } catch (error) {
    if (error instanceof LocalError) return [error.verdict, false];
    if (error instanceof RemoteError) return [error.verdict, true];
    throw error;
  }
  return ["ok", false];
}

describe("a transfer", () => {
  test("carries every block where nothing is held", () => {
    expect(pass(Bitmap.fromIndices([]))).toEqual(BLOCKS.map((_, index) => index));
  });

  test("leaves out what the taker holds, and is complete with the last of the others", () => {
    const held = Bitmap.fromIndices(BLOCKS.map((_, index) => index).filter((at) => at % 13 !== 5));
    expect(pass(held)).toEqual([5, 18, 31, 44, 57]);
  });

  test("is complete at once where all is held", () => {
    expect(pass(Bitmap.fromIndices(BLOCKS.map((_, index) => index)))).toEqual([]);
  });

  test("is given in its order alone", () => {
    const outgoing = new Outgoing(0, HEADER);
    expect(faultOf(() => outgoing.page(0, LEAVES))).toEqual(["unexpected_frame", false]);
    expect(faultOf(() => outgoing.start([]))).toEqual(["malformed", false]);
    outgoing.start(pageRoots(LEAVES));
    expect(faultOf(() => outgoing.start([]))).toEqual(["unexpected_frame", false]);
    const block = BLOCKS[0] as Uint8Array;
    expect(faultOf(() => outgoing.block(0, block))).toEqual(["unexpected_frame", false]);
    outgoing.page(0, LEAVES.slice(0, 64));
    expect(faultOf(() => outgoing.block(0, block.subarray(1)))).toEqual(["malformed", false]);
    outgoing.block(0, block);
    expect(faultOf(() => outgoing.block(0, block))).toEqual(["unexpected_frame", false]);
    outgoing.page(1, LEAVES.slice(64));
    expect(outgoing.isPast(0)).toBe(true);
    expect(faultOf(() => outgoing.block(1, block))).toEqual(["unexpected_frame", false]);
  });

  test("is closed by a block that does not hash, whose handle is told", () => {
    const intake = new Intake();
    const one = new Header({ ...HEADER, bodySize: 16_384, root: rootOf(LEAVES.slice(0, 1)) });
    intake.open({ type: "header", handle: 0, header: one.encode() });
    const block: Block = { type: "block", handle: 0, index: 0, data: BLOCKS[1] as Uint8Array };
    expect(() => intake.block(block)).toThrow(expect.objectContaining({ handle: 0 }));
    expect(intake.openHandles).toEqual([]);
    expect(intake.block({ ...block, data: BLOCKS[0] as Uint8Array })).toBeUndefined();
  });

  test("does not open beside 64 others", () => {
    const intake = new Intake();
    for (let handle = 0; handle < 64; handle++) {
      intake.open({ type: "header", handle, header: HEADER.encode() });
    }
    const last = { type: "header", handle: 64, header: HEADER.encode() } as const;
    expect(faultOf(() => intake.open(last))).toEqual(["too_large", true]);
    intake.close(3);
    intake.open(last);
  });
});

describe("a bitmap", () => {
  test("has one form for each set", () => {
    expect(hex(Bitmap.fromIndices([0, 9, 8]).bytes)).toBe("80c0");
    expect(hex(Bitmap.fromIndices([]).bytes)).toBe("");
    expect(Bitmap.fromBytes(Uint8Array.of(0x80, 0xc0)).missing(11)).toEqual([
      1, 2, 3, 4, 5, 6, 7, 10,
    ]);
  });

  test("is refused with zeros at its end, or with more than a body has", () => {
    expect(faultOf(() => Bitmap.fromBytes(Uint8Array.of(1, 0)))).toEqual(["malformed", true]);
    const long = new Uint8Array(8193).fill(1);
    expect(faultOf(() => Bitmap.fromBytes(long))).toEqual(["malformed", true]);
    for (const index of [-1, 65_536, 0.5]) {
      expect(faultOf(() => Bitmap.fromIndices([index]))).toEqual(["malformed", false]);
    }
  });
});

describe("a bundle", () => {
  const small = new Header({ ...HEADER, kind: Kind.LETTER, bodySize: 4096 });

  test("is written in its order alone", () => {
    const writer = new BundleWriter([small]);
    writer.plan();
    expect(faultOf(() => writer.block(new Uint8Array(4096)))).toEqual(["unexpected_frame", false]);
    expect(faultOf(() => writer.end())).toEqual(["unexpected_frame", false]);
    writer.parcel();
    expect(faultOf(() => writer.end())).toEqual(["unexpected_frame", false]);
    writer.block(new Uint8Array(4096));
    expect(faultOf(() => writer.parcel())).toEqual(["unexpected_frame", false]);
    expect(equal(writer.end().subarray(2), Uint8Array.of(0x91, 22))).toBe(true);
  });

  test("has at most 65,536 entries", () => {
    const many = Array.from({ length: 65_537 }, () => small);
    expect(faultOf(() => new BundleWriter(many))).toEqual(["too_large", false]);
  });
});
