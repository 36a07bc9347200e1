/**
 * Records: msgpack in the one canonical form (SPEC 1). Decides what bytes are well formed, never
 * what they mean; `fields` checks what a document's table asks of them.
 */
import { bigEndian, concat, readNumber } from "./bytes.ts";
import { localMalformed, malformed, RemoteError } from "./errors.ts";
import { MAX_DEPTH, MAX_INT, MAX_VALUES } from "./limits.ts";

/** What a record's field may be. */
export type Value = Uint8Array | string | number | boolean | null | readonly Value[];

/** Half a surrogate pair, which no UTF-8 can hold; whole pairs are one code point to this. */
const LONE_SURROGATE = /\p{Surrogate}/u;

/** Whether a string is Unicode text, so that UTF-8 can hold it. */
export function isUnicode(text: string): boolean {
  return !LONE_SURROGATE.test(text);
}

/** The canonical bytes of a record. LocalError for what a record cannot hold. */
export function pack(fields: readonly Value[]): Uint8Array {
  const count = countPackable(fields, 1);
  if (count > MAX_VALUES) {
    throw localMalformed(`${count} values; a record holds at most ${MAX_VALUES}`);
  }
  const parts: Uint8Array[] = [];
  encode(fields, parts);
  return concat(...parts);
}

function countPackable(fields: readonly Value[], depth: number): number {
  if (depth > MAX_DEPTH) throw localMalformed(`arrays nest deeper than ${MAX_DEPTH}`);
  let count = fields.length;
  for (const value of fields) {
    if (typeof value === "number") {
      // The encoder would write -0 as 0 and what is no integer as a float.
      if (!Number.isSafeInteger(value) || value < 0) {
        throw localMalformed(`${value} is not an integer from 0 to 2^53 - 1`);
      }
    } else if (typeof value === "string") {
      if (!isUnicode(value)) throw localMalformed("a string is not Unicode text");
    } else if (Array.isArray(value)) {
      count += countPackable(value, depth + 1);
    } else if (!(value === null || typeof value === "boolean" || value instanceof Uint8Array)) {
      throw localMalformed(`a record cannot hold a ${typeof value}`);
    }
  }
  return count;
}

/**
 * The fields of a record of at most `maxBytes`; `too_large` beyond them, else `malformed`.
 *
 * Accepts exactly what repacks to the same bytes. Nothing is allocated from a claimed length, and
 * what is returned shares no memory with the data.
 */
export function unpack(data: Uint8Array, maxBytes: number): Value[] {
  if (data.length > maxBytes) {
    throw new RemoteError(
      "too_large",
      `a record of ${data.length} bytes; at most ${maxBytes} are taken`,
    );
  }
  const head = data[0];
  if (head === undefined || !((head & 0xf0) === 0x90 || head === 0xdc || head === 0xdd)) {
    throw malformed("a record does not begin with an array");
  }
  const reader = new Reader(data);
  const value = reader.value(0);
  if (reader.at !== data.length) {
    throw malformed(`${data.length - reader.at} bytes behind the end of a record`);
  }
  return value as Value[];
}

type Length = "uint" | "bin" | "str" | "array";

/** Head byte -> (type, bytes of the number behind it, the least number that needs this head). */
const HEADS: Readonly<Record<number, readonly [Length, number, number]>> = {
  196: ["bin", 1, 0],
  197: ["bin", 2, 2 ** 8],
  198: ["bin", 4, 2 ** 16],
  204: ["uint", 1, 2 ** 7],
  205: ["uint", 2, 2 ** 8],
  206: ["uint", 4, 2 ** 16],
  207: ["uint", 8, 2 ** 32],
  217: ["str", 1, 2 ** 5],
  218: ["str", 2, 2 ** 8],
  219: ["str", 4, 2 ** 16],
  220: ["array", 2, 2 ** 4],
  221: ["array", 4, 2 ** 16],
};

const HEADS_IN_ORDER = Object.entries(HEADS).map(([byte, head]) => [Number(byte), head] as const);

const utf8 = new TextEncoder();

/** The head of a value of this type, in the shortest encoding of its length or number. */
function head(type: Length, number: number): Uint8Array {
  if (type === "array" && number < 16) return Uint8Array.of(0x90 | number);
  if (type === "str" && number < 32) return Uint8Array.of(0xa0 | number);
  if (type === "uint" && number < 128) return Uint8Array.of(number);
  const fitting = HEADS_IN_ORDER.find(
    ([, [known, width]]) => known === type && number < 2 ** (8 * width),
  );
  // A length of more than 32 bits is nothing that memory holds.
  const [byte, [, width]] = fitting as (typeof HEADS_IN_ORDER)[number];
  return concat(Uint8Array.of(byte), bigEndian(number, width));
}

function encode(value: Value, parts: Uint8Array[]): void {
  if (value === null) {
    parts.push(Uint8Array.of(0xc0));
  } else if (typeof value === "boolean") {
    parts.push(Uint8Array.of(value ? 0xc3 : 0xc2));
  } else if (typeof value === "number") {
    parts.push(head("uint", value));
  } else if (typeof value === "string") {
    const text = utf8.encode(value);
    parts.push(head("str", text.length), text);
  } else if (value instanceof Uint8Array) {
    parts.push(head("bin", value.length), value);
  } else {
    parts.push(head("array", value.length));
    for (const one of value) encode(one, parts);
  }
}

/** One record as it is read: its bytes, and how many more values its arrays may hold. */
class Reader {
  at = 0;
  readonly #data: Uint8Array;
  #valuesLeft = MAX_VALUES;

  constructor(data: Uint8Array) {
    this.#data = data;
  }

  /** The value from `at` on, inside `depth` arrays. */
  value(depth: number): Value {
    const head = this.#data[this.at];
    if (head === undefined) throw malformed("a record ends too early");
    this.at += 1;
    if (head < 0x80) return head;
    if (head === 0xc0) return null;
    if (head === 0xc2 || head === 0xc3) return head === 0xc3;
    if ((head & 0xf0) === 0x90) return this.#array(head & 0x0f, depth + 1);
    if ((head & 0xe0) === 0xa0) return this.#text(head & 0x1f);
    const known = HEADS[head];
    if (known === undefined) {
      const shown = head.toString(16);
      throw malformed(`a map, float, extension or negative integer (0x${shown}) in a record`);
    }
    const [type, width, least] = known;
    if (this.at + width > this.#data.length) throw malformed("a record ends too early");
    const number = readNumber(this.#data, this.at, width);
    this.at += width;
    if (number < least) throw malformed("a number is not in its shortest encoding");
    if (type === "uint") {
      // Above 2^53 a number is not exact here, and never comes out below it.
      if (number > MAX_INT) throw malformed("an integer is above 2^53 - 1");
      return number;
    }
    if (type === "bin") return this.#take(number).slice();
    return type === "str" ? this.#text(number) : this.#array(number, depth + 1);
  }

  #array(count: number, depth: number): Value[] {
    this.#checkClaim(count);
    if (depth > MAX_DEPTH) throw malformed(`arrays nest deeper than ${MAX_DEPTH}`);
    this.#valuesLeft -= count;
    if (this.#valuesLeft < 0) throw malformed(`a record holds more than ${MAX_VALUES} values`);
    const values: Value[] = [];
    for (let index = 0; index < count; index++) values.push(this.value(depth));
    return values;
  }

  #text(length: number): string {
    const data = this.#take(length);
    try {
      // A byte order mark is text like any other.
      return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(data);
    } catch (error) {
      if (error instanceof TypeError) throw malformed("a string is not UTF-8");
      throw error;
    }
  }

  #take(length: number): Uint8Array {
    this.#checkClaim(length);
    const start = this.at;
    this.at += length;
    return this.#data.subarray(start, this.at);
  }

  /** Every element of an array takes a byte at least. */
  #checkClaim(number: number): void {
    const left = this.#data.length - this.at;
    if (number > left) throw malformed(`${number} claimed where ${left} bytes are left`);
  }
}
