/**
 * Inflation of what a letter holds (RFC 1951), bounded and strict: the stream ends exactly where the
 * data does. A library that also does all else is four times as large, and a first visit is not.
 */
import { malformed, RemoteError } from "./errors.ts";

const MAX_BITS = 15;
/** How many code lengths there are, in the order of section 3.2.7. */
const LENGTHS_ORDER = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];
const END_OF_BLOCK = 256;
const MOST_LITERALS = 286;
const MOST_DISTANCES = 30;
const LONGEST = 258;

/** Section 3.2.5: for each symbol its least value, and how many bits are added to that. */
function ranges(symbols: number, perBit: number, least: number): [number, number][] {
  let base = least;
  return Array.from({ length: symbols }, (_, symbol) => {
    const bits = Math.max(0, Math.floor(symbol / perBit) - 1);
    const range: [number, number] = [base, bits];
    base += 2 ** bits;
    return range;
  });
}

const LENGTHS = ranges(28, 4, 3);
LENGTHS.push([LONGEST, 0]);
const DISTANCES = ranges(MOST_DISTANCES, 2, 1);

/** A canonical Huffman code: how many symbols there are of each length, and the symbols in order. */
interface Code {
  readonly counts: readonly number[];
  readonly symbols: readonly number[];
}

/** `malformed` for lengths that make no code; one symbol alone may stand for a code. */
function codeOf(lengths: readonly number[]): Code {
  const counts = new Array<number>(MAX_BITS + 1).fill(0);
  for (const length of lengths) counts[length] = (counts[length] as number) + 1;
  const symbols = [...lengths.keys()]
    .filter((symbol) => lengths[symbol] !== 0)
    .sort((one, other) => (lengths[one] as number) - (lengths[other] as number) || one - other);
  let left = 1;
  for (let length = 1; length <= MAX_BITS; length++) left = 2 * left - (counts[length] as number);
  const isOneAlone = symbols.length <= 1 && (symbols.length === 0 || counts[1] === 1);
  // Where too many share a length nothing makes up for it at a greater one.
  if (isOver(counts) || (left > 0 && !isOneAlone)) throw damaged();
  return { counts, symbols };
}

function isOver(counts: readonly number[]): boolean {
  let left = 1;
  return counts.slice(1).some((count) => {
    left = 2 * left - count;
    return left < 0;
  });
}

const FIXED_LITERALS = codeOf(
  Array.from({ length: 288 }, (_, symbol) =>
    symbol < 144 ? 8 : symbol < 256 ? 9 : symbol < 280 ? 7 : 8,
  ),
);
const FIXED_DISTANCES = codeOf(new Array<number>(32).fill(5));

/** The content of raw DEFLATE; `malformed`, or `too_large` where it is longer than `most` bytes. */
export function inflateRaw(data: Uint8Array, most: number): Uint8Array {
  const inflating = new Inflating(data, most);
  while (!inflating.block());
  return inflating.whole();
}

class Inflating {
  readonly #data: Uint8Array;
  readonly #out: Uint8Array;
  #at = 0;
  #held = 0;
  #heldBits = 0;
  #size = 0;

  constructor(data: Uint8Array, most: number) {
    this.#data = data;
    this.#out = new Uint8Array(most);
  }

  /** One block; whether it was the last. */
  block(): boolean {
    const isLast = this.#bits(1) === 1;
    const type = this.#bits(2);
    if (type === 0) this.#stored();
    else if (type === 1) this.#coded(FIXED_LITERALS, FIXED_DISTANCES);
    else if (type === 2) this.#dynamic();
    else throw damaged();
    return isLast;
  }

  whole(): Uint8Array {
    if (this.#at !== this.#data.length) throw damaged();
    return this.#out.slice(0, this.#size);
  }

  #bits(count: number): number {
    while (this.#heldBits < count) {
      const byte = this.#data[this.#at];
      if (byte === undefined) throw damaged();
      this.#at += 1;
      this.#held |= byte << this.#heldBits;
      this.#heldBits += 8;
    }
    const bits = this.#held & ((1 << count) - 1);
    this.#held >>>= count;
    this.#heldBits -= count;
    return bits;
  }

  #put(byte: number): void {
    if (this.#size === this.#out.length) throw new RemoteError("too_large", "it inflates to more");
    this.#out[this.#size] = byte;
    this.#size += 1;
  }

  #stored(): void {
    this.#held = 0;
    this.#heldBits = 0;
    const length = this.#bits(16);
    if (this.#bits(16) !== (~length & 0xffff)) throw damaged();
    for (let left = length; left > 0; left--) this.#put(this.#bits(8));
  }

  #dynamic(): void {
    const literals = this.#bits(5) + 257;
    const distances = this.#bits(5) + 1;
    const given = this.#bits(4) + 4;
    if (literals > MOST_LITERALS || distances > MOST_DISTANCES) throw damaged();
    const front = new Array<number>(LENGTHS_ORDER.length).fill(0);
    for (const place of LENGTHS_ORDER.slice(0, given)) front[place] = this.#bits(3);
    const code = codeOf(front);
    // Here one alone is no code.
    if (code.symbols.length < 2) throw damaged();
    const lengths: number[] = [];
    while (lengths.length < literals + distances) this.#lengths(code, lengths);
    if (lengths.length > literals + distances || lengths[END_OF_BLOCK] === 0) throw damaged();
    this.#coded(codeOf(lengths.slice(0, literals)), codeOf(lengths.slice(literals)));
  }

  #lengths(code: Code, lengths: number[]): void {
    const symbol = this.#symbol(code);
    if (symbol < 16) {
      lengths.push(symbol);
      return;
    }
    const last = symbol === 16 ? lengths[lengths.length - 1] : 0;
    if (last === undefined) throw damaged();
    const times = symbol === 18 ? 11 + this.#bits(7) : 3 + this.#bits(symbol === 16 ? 2 : 3);
    for (let left = times; left > 0; left--) lengths.push(last);
  }

  #coded(literals: Code, distances: Code): void {
    for (;;) {
      const symbol = this.#symbol(literals);
      if (symbol === END_OF_BLOCK) return;
      if (symbol < END_OF_BLOCK) {
        this.#put(symbol);
        continue;
      }
      const length = this.#ranged(LENGTHS[symbol - END_OF_BLOCK - 1]);
      const distance = this.#ranged(DISTANCES[this.#symbol(distances)]);
      if (distance > this.#size) throw damaged();
      for (let left = length; left > 0; left--) {
        this.#put(this.#out[this.#size - distance] as number);
      }
    }
  }

  #ranged(range: readonly [number, number] | undefined): number {
    if (range === undefined) throw damaged();
    return range[0] + this.#bits(range[1]);
  }

  #symbol({ counts, symbols }: Code): number {
    let code = 0;
    let first = 0;
    let index = 0;
    for (let length = 1; length <= MAX_BITS; length++) {
      code |= this.#bits(1);
      const count = counts[length] as number;
      if (code - count < first) return symbols[index + code - first] as number;
      index += count;
      first = (first + count) << 1;
      code <<= 1;
    }
    throw damaged();
  }
}

function damaged(): RemoteError {
  return malformed("a letter's deflated content does not end where it says");
}
