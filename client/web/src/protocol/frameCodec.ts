/**
 * Frames as records and back (SPEC 17), by one table. Knows no order of frames: that is the
 * session's.
 */
import { readNumber } from "./bytes.ts";
import { malformed, ourOwn, RemoteError } from "./errors.ts";
import { row, uint } from "./fields.ts";
import {
  answers,
  bin,
  binUpTo,
  bitmap,
  bits,
  type Column,
  entries,
  estimate,
  integer,
  integerUpTo,
  interestNumber,
  joined,
  lineUpTo,
  nilOrBin,
  piecesOf,
  publicWants,
  smallInteger,
  versions,
} from "./frameColumns.ts";
import type { Frame } from "./frames.ts";
import {
  BLOCK_BYTES,
  CELL_BYTES,
  HASH_BYTES,
  HEAD_BYTES,
  HEADER_BYTES,
  MAX_CELLS,
  MAX_FRAME_BYTES,
  MAX_INTERESTS,
  MAX_LACKS,
  MAX_OFFERS,
  MAX_PAGES,
  MAX_RECEIPT_IDS,
  MAX_STATEMENT_BYTES,
  MAX_TOLD_CARD_BYTES,
  OFFER_BYTES,
  PAGE_LEAVES,
  SIGNATURE_BYTES,
} from "./limits.ts";
import { pack, unpack, type Value } from "./record.ts";

/** Types from here on are for growth: a reader ignores them. */
export const FIRST_RESERVED_TYPE = 128;

/** The page number under which the page roots are sent. */
export const PAGE_ROOTS = MAX_PAGES;

const PREFIX_BYTES = 4;
const MAX_CURSOR_BYTES = 64;
const MAX_WEEKS_LESS_ONE = 127;
const INTEREST = 3;

type FrameName = Frame["type"];

/** All that is known of one frame's record. */
interface Form {
  /** The first field; behind an interest's number its class. */
  readonly type: number;
  readonly interestClass?: number;
  readonly name: FrameName;
  readonly columns: readonly Column[];
  /** What the last field is where it is left out: it was appended later than the others. */
  readonly appended?: Value;
}

function frame(type: number, name: FrameName, ...columns: Column[]): Form {
  return { type, name, columns };
}

function interest(interestClass: number, name: FrameName, ...columns: Column[]): Form {
  return { type: INTEREST, interestClass, name, columns: [interestNumber("number"), ...columns] };
}

const hash = bin(HASH_BYTES);
const bin16 = bin(16);
const signature = bin(SIGNATURE_BYTES);
const offers = piecesOf(OFFER_BYTES, MAX_OFFERS);
const prefix = bin(PREFIX_BYTES);
const cursor = nilOrBin(MAX_CURSOR_BYTES);

const INTERESTS: readonly Form[] = [
  {
    ...interest(
      1,
      "deskInterest",
      binUpTo(MAX_STATEMENT_BYTES)("statement"),
      hash("signingKey"),
      smallInteger("firstEpoch"),
      smallInteger("lastEpoch"),
      cursor("cursor"),
      signature("signature"),
      estimate("estimate"),
    ),
    appended: null,
  },
  interest(2, "repliesInterest", bits("bits"), prefix("prefix")),
  {
    ...interest(
      3,
      "openedInterest",
      bits("bits"),
      piecesOf(PREFIX_BYTES, 64)("prefixes"),
      smallInteger("since"),
    ),
    appended: 0,
  },
  interest(4, "publicInterest", publicWants("wants")),
  interest(5, "allInterest", hash("signingKey"), cursor("cursor"), signature("signature")),
  interest(6, "cardInterest"),
];

const FRAMES: readonly Form[] = [
  frame(1, "hello", versions("versions")),
  frame(
    2,
    "welcome",
    integer("version"),
    smallInteger("day"),
    bin16("incarnation"),
    integer("largestBody"),
    bits("replyBits"),
    bits("openedBits"),
    integer("effort"),
  ),
  frame(4, "cursor", interestNumber("interest"), binUpTo(MAX_CURSOR_BYTES)("cursor")),
  frame(5, "offers", integer("first"), offers("offers")),
  frame(6, "answers", integer("first"), answers("codes")),
  frame(7, "partial", hash("parcelId"), bitmap("bitmap")),
  frame(8, "want", offers("offers")),
  frame(9, "header", integer("handle"), bin(HEADER_BYTES)("header")),
  frame(
    10,
    "leaves",
    integer("handle"),
    integerUpTo(PAGE_ROOTS)("page"),
    piecesOf(HASH_BYTES, MAX_PAGES)("hashes"),
  ),
  frame(11, "block", integer("handle"), integer("index"), binUpTo(BLOCK_BYTES, 1)("data")),
  frame(12, "ack", integer("commit"), entries("entries")),
  frame(
    13,
    "receipt",
    smallInteger("day"),
    bin16("seed"),
    piecesOf(HASH_BYTES, MAX_RECEIPT_IDS)("ids"),
    signature("signature"),
  ),
  frame(14, "opened", hash("parcelId"), hash("opened"), hash("signingKey"), signature("signature")),
  frame(15, "purge", hash("parcelId"), hash("purgeKey")),
  frame(16, "stamp", hash("parcelId"), smallInteger("epoch"), integer("effort"), bin16("nonce")),
  frame(
    17,
    "cells",
    interestNumber("interest"),
    smallInteger("first"),
    joined(CELL_BYTES, MAX_CELLS)("cells"),
  ),
  frame(
    18,
    "sketch",
    interestNumber("interest"),
    smallInteger("day"),
    bin16("key"),
    hash("fingerprint"),
    integer("expected"),
    integerUpTo(MAX_CELLS)("cells"),
  ),
  frame(
    19,
    "bisect",
    interestNumber("interest"),
    bits("bits"),
    prefix("prefix"),
    smallInteger("first"),
    integerUpTo(MAX_CELLS)("count"),
  ),
  { ...frame(20, "idle", integer("heard")), appended: 0 },
  frame(21, "error", integer("verdict"), lineUpTo(256)("detail")),
  frame(22, "end"),
  frame(23, "lack", interestNumber("interest"), piecesOf(HEAD_BYTES, MAX_LACKS, 0)("heads")),
  frame(24, "card", binUpTo(MAX_TOLD_CARD_BYTES, 1)("envelope")),
];

const BY_TYPE = new Map(FRAMES.map((form) => [form.type, form]));
const BY_CLASS = new Map(INTERESTS.map((form) => [form.interestClass, form]));
const BY_NAME = new Map([...FRAMES, ...INTERESTS].map((form) => [form.name, form]));

const typeField = uint();
const interestHead = row<[number, number, number]>(typeField, uint(0, MAX_INTERESTS - 1), uint());

/**
 * The record of a frame; LocalError where the other side would refuse it.
 *
 * It always fits a packet: what the table allows at most is far below 65,517 bytes.
 */
export function encodeFrame(frame: Frame): Uint8Array {
  const form = BY_NAME.get(frame.type) as Form;
  const fields = frame as unknown as Readonly<Record<string, unknown>>;
  const values = form.columns.map((column) => column.write(fields[column.name]));
  ourOwn(() => check(build(form, values)));
  const isLeftOut = form.appended !== undefined && values[values.length - 1] === form.appended;
  const written = isLeftOut ? values.slice(0, -1) : values;
  if (form.interestClass === undefined) return pack([form.type, ...written]);
  // An interest's number stands before its class.
  const [number = 0, ...rest] = written;
  return pack([form.type, number, form.interestClass, ...rest]);
}

/**
 * The frame of a record, or null for a type that is reserved for growth.
 *
 * `too_large` above 65,517 bytes, `unexpected_frame` for an unknown type, `unknown_kind` for an
 * unknown class of interest, and `malformed`.
 */
export function decodeFrame(data: Uint8Array): Frame | null {
  const fields = unpack(data, MAX_FRAME_BYTES);
  const [first, number, , ...behindClass] = fields;
  if (first === undefined) throw malformed("a frame without a type");
  const type = typeField(first);
  if (type >= FIRST_RESERVED_TYPE) return null;
  if (type === INTEREST) {
    const [, , interestClass] = interestHead(fields);
    const form = BY_CLASS.get(interestClass);
    if (form === undefined)
      throw new RemoteError("unknown_kind", `interest class ${interestClass}`);
    return check(build(form, [number as Value, ...behindClass]));
  }
  const form = BY_TYPE.get(type);
  if (form === undefined) throw new RemoteError("unexpected_frame", `frame type ${type}`);
  return check(build(form, fields.slice(1)));
}

function build(form: Form, values: readonly Value[]): Frame {
  // If the appended field was left out; behind it nothing is read.
  const fields = form.appended === undefined ? values : [...values, form.appended];
  const read = row<readonly unknown[]>(...form.columns.map((column) => column.read))(fields);
  const named = form.columns.map((column, at) => [column.name, read[at]] as const);
  return { type: form.name, ...Object.fromEntries(named) } as unknown as Frame;
}

/** What the table says of two fields together. */
function check(frame: Frame): Frame {
  switch (frame.type) {
    case "leaves":
      if (frame.page !== PAGE_ROOTS && frame.hashes.length > PAGE_LEAVES) {
        throw malformed(`${frame.hashes.length} leaves in a page; at most ${PAGE_LEAVES}`);
      }
      break;
    case "deskInterest": {
      const weeks = frame.lastEpoch - frame.firstEpoch;
      if (!(weeks >= 0 && weeks <= MAX_WEEKS_LESS_ONE)) {
        throw malformed(`an interest in the weeks ${frame.firstEpoch} to ${frame.lastEpoch}`);
      }
      break;
    }
    case "repliesInterest":
    case "bisect":
      checkPrefixes(frame.bits, [frame.prefix]);
      break;
    case "openedInterest":
      checkPrefixes(frame.bits, frame.prefixes);
      break;
  }
  return frame;
}

function checkPrefixes(count: number, prefixes: readonly Uint8Array[]): void {
  for (const one of prefixes) {
    if (readNumber(one, 0, PREFIX_BYTES) % 2 ** (32 - count) !== 0) {
      throw malformed(`a prefix of ${count} bits has more of them set`);
    }
  }
}
