/**
 * SHA-256 (FIPS 180-4) in WebAssembly, for what is long and comes piece by piece: WebCrypto has no
 * such hash. The module is written out when it is called for, all rounds one after the other, which
 * takes a sixth of what one from a library does; test/wasmSha256.test.ts holds it against noble's.
 */

const BLOCK_BYTES = 64;
const STATE_WORDS = 8;
const ROUNDS = 64;
/** Where in the module's memory the input lies, behind the state, and how much of it at once. */
const INPUT_AT = 64;
const INPUT_BYTES = 65_536;
const PAGES = 2;

// Numbers of WebAssembly's instructions and types.
const I32 = 0x7f;
const LOOP = [0x03, 0x40];
const END = 0x0b;
const BR_IF_0 = [0x0d, 0];
const ADD = 0x6a;
const AND = 0x71;
const OR = 0x72;
const XOR = 0x73;
const SHIFT = 0x76;
const ROTATE = 0x78;
const BELOW = 0x49;

// Locals: where the blocks begin and end, a temporary one, a to h, and the last 16 words.
const AT = 0;
const UNTIL = 1;
const TEMPORARY = 2;
const LETTERS = 3;
const WORDS = LETTERS + STATE_WORDS;
const LOCALS = 1 + STATE_WORDS + 16;

type Code = readonly (number | Code)[];

const get = (local: number): Code => [0x20, local];
const set = (local: number, ...value: Code): Code => [value, 0x21, local];
const tee = (local: number): Code => [0x22, local];
const load = (address: Code, offset: number): Code => [address, 0x28, 2, offset];
const rotated = (local: number, bits: number): Code => [get(local), constant(bits), ROTATE];
const shifted = (local: number, bits: number): Code => [get(local), constant(bits), SHIFT];
const xor3 = (one: Code, two: Code, three: Code): Code => [one, two, XOR, three, XOR];

/** An i32.const, its number in signed LEB128. */
function constant(value: number): Code {
  const bytes = [0x41];
  for (let left = value | 0; ; left >>= 7) {
    if (left >= -64 && left < 64) return [...bytes, left & 0x7f];
    bytes.push((left & 0x7f) | 0x80);
  }
}

/** A number of up to 21 bits in unsigned LEB128. */
function unsigned(value: number): Code {
  return [(value & 0x7f) | 0x80, ((value >> 7) & 0x7f) | 0x80, value >> 14];
}

/** The first 32 bits behind the point of the roots of the first primes (sections 4.2.2, 5.3.3). */
function roots(count: number, root: (prime: number) => number): number[] {
  const primes: number[] = [];
  for (let number = 2; primes.length < count; number++) {
    if (primes.every((prime) => number % prime !== 0)) primes.push(number);
  }
  return primes.map((prime) => ((root(prime) % 1) * 2 ** 32) | 0);
}

/** A big-endian word of the block. */
function wordOf(index: number): Code {
  const halves = (turn: number, mask: number) => [constant(turn), ROTATE, constant(mask), AND];
  const word = [load(get(AT), 4 * index), tee(TEMPORARY)];
  return [word, halves(24, 0x00ff00ff), get(TEMPORARY), halves(8, 0xff00ff00), OR];
}

/** Section 6.2.2, where the letters change their names instead of their values. */
function round(index: number, key: number): Code {
  const word = (behind: number) => WORDS + ((index + behind) % 16);
  const [a, b, c, d, e, f, g, h] = Array.from(
    { length: STATE_WORDS },
    (_, letter) => LETTERS + ((letter + ROUNDS - index) % STATE_WORDS),
  ) as [number, number, number, number, number, number, number, number];
  const early = xor3(rotated(word(1), 7), rotated(word(1), 18), shifted(word(1), 3));
  const late = xor3(rotated(word(14), 17), rotated(word(14), 19), shifted(word(14), 10));
  const next = [get(word(0)), early, ADD, get(word(9)), ADD, late, ADD];
  const sumOfE = xor3(rotated(e, 6), rotated(e, 11), rotated(e, 25));
  const choice = [get(g), get(e), get(f), get(g), XOR, AND, XOR];
  const sumOfA = xor3(rotated(a, 2), rotated(a, 13), rotated(a, 22));
  const majority = [get(a), get(b), AND, get(c), get(a), get(b), OR, AND, OR];
  return [
    set(word(0), index < 16 ? wordOf(index) : next),
    get(h), sumOfE, ADD, choice, ADD, constant(key), ADD, get(word(0)), ADD, tee(TEMPORARY),
    set(d, get(d), ADD),
    set(h, get(TEMPORARY), sumOfA, ADD, majority, ADD),
  ]; // biome-ignore format: as the standard writes it
}

function moduleCode(): Uint8Array<ArrayBuffer> {
  const letters = Array.from({ length: STATE_WORDS }, (_, letter) => letter);
  const body = [
    [1, LOCALS, I32],
    LOOP,
    letters.map((letter) => set(LETTERS + letter, load(constant(0), 4 * letter))),
    roots(ROUNDS, Math.cbrt).map((key, index) => round(index, key)),
    letters.map((letter) => {
      const sum = [load(constant(0), 4 * letter), get(LETTERS + letter), ADD];
      return [constant(0), sum, 0x36, 2, 4 * letter];
    }),
    set(AT, get(AT), constant(BLOCK_BYTES), ADD),
    [get(AT), get(UNTIL), BELOW, BR_IF_0, END, END],
  ];
  const size = flat(body).length;
  return Uint8Array.from(
    flat([
      [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
      // One type: two numbers in, none out. One function, one memory, and both by name.
      [1, 6, 1, 0x60, 2, I32, I32, 0],
      [3, 2, 1, 0],
      [5, 3, 1, 0, PAGES],
      [7, 9, 2, 1, 0x6d, 2, 0, 1, 0x66, 0, 0],
      [10, unsigned(size + 4), 1, unsigned(size), body],
    ]),
  );
}

function flat(code: Code): number[] {
  return code.flat(Number.POSITIVE_INFINITY as 20) as number[];
}

interface Exports {
  /** Takes in the blocks from one place in the memory to another. */
  f(from: number, until: number): void;
  readonly m: WebAssembly.Memory;
}

let compiled: Promise<WebAssembly.Module> | undefined;

/** One hash. Throws where the page may run no WebAssembly. */
export async function wasmSha256(): Promise<WasmSha256> {
  compiled ??= WebAssembly.compile(moduleCode());
  const { exports } = await WebAssembly.instantiate(await compiled);
  return new WasmSha256(exports as unknown as Exports);
}

class WasmSha256 {
  readonly #run: Exports["f"];
  readonly #state: DataView;
  readonly #input: Uint8Array;
  #held = 0;
  #length = 0;

  constructor({ f, m }: Exports) {
    this.#run = f;
    this.#state = new DataView(m.buffer, 0, 4 * STATE_WORDS);
    this.#input = new Uint8Array(m.buffer, INPUT_AT, INPUT_BYTES);
    for (const [letter, word] of roots(STATE_WORDS, Math.sqrt).entries()) {
      this.#state.setInt32(4 * letter, word, true);
    }
  }

  update(data: Uint8Array): void {
    this.#length += data.length;
    for (let at = 0; at < data.length; ) {
      const some = data.subarray(at, at + INPUT_BYTES - this.#held);
      this.#input.set(some, this.#held);
      this.#held += some.length;
      at += some.length;
      if (this.#held === INPUT_BYTES) this.#takeIn();
    }
  }

  /** The hash; once. */
  digest(): Uint8Array {
    const length = this.#length;
    const behind = (length + 9) % BLOCK_BYTES;
    const end = new Uint8Array(9 + (behind === 0 ? 0 : BLOCK_BYTES - behind));
    end[0] = 0x80;
    const view = new DataView(end.buffer);
    view.setUint32(end.length - 8, Math.floor(length / 2 ** 29));
    view.setUint32(end.length - 4, (length * 8) % 2 ** 32);
    this.update(end);
    if (this.#held > 0) this.#takeIn();
    const hash = new DataView(new ArrayBuffer(4 * STATE_WORDS));
    for (let at = 0; at < hash.byteLength; at += 4) {
      hash.setInt32(at, this.#state.getInt32(at, true));
    }
    return new Uint8Array(hash.buffer);
  }

  #takeIn(): void {
    this.#run(INPUT_AT, INPUT_AT + this.#held);
    this.#held = 0;
  }
}
