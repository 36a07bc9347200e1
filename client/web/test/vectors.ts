/** What a shared vector says, read as values (protocol/vectors/README.md). Reads no file. */
import { concat, hex } from "../src/protocol/bytes.ts";
import type { Value } from "../src/protocol/record.ts";

export type Json = string | number | boolean | null | Json[] | { [name: string]: Json };

export interface Scenario {
  readonly comment: string;
  readonly operation: string;
  readonly input: Readonly<Record<string, Json>>;
  readonly verdict: string;
  readonly output: Readonly<Record<string, Json>>;
}

/** The input of a scenario. */
export class Given {
  readonly #values: Readonly<Record<string, Json>>;

  constructor(values: Readonly<Record<string, Json>>) {
    this.#values = values;
  }

  /** A binary: hex, or pieces of which each is repeated. */
  binary(name: string): Uint8Array {
    return readBytes(this.#value(name));
  }

  /** A list of binaries. */
  binaries(name: string): Uint8Array[] {
    return (this.#value(name) as Json[]).map(readBytes);
  }

  number(name: string): number {
    const value = this.#value(name);
    if (!Number.isSafeInteger(value)) throw new Error(`${name} is no integer`);
    return value as number;
  }

  numbers(name: string): number[] {
    return this.#value(name) as number[];
  }

  string(name: string): string {
    const value = this.#value(name);
    if (typeof value !== "string") throw new Error(`${name} is no string`);
    return value;
  }

  #value(name: string): Json {
    const value = this.#values[name];
    if (value === undefined) throw new Error(`the input has no ${name}`);
    return value;
  }
}

/** The bytes that a vector shows. */
export function readBytes(value: Json): Uint8Array {
  if (typeof value === "string") return unhex(value);
  const { pieces } = value as { pieces: [string, number][] };
  return concat(
    ...pieces.map(([piece, times]) => {
      const bytes = unhex(piece);
      const out = new Uint8Array(bytes.length * times);
      for (let time = 0; time < times; time++) out.set(bytes, time * bytes.length);
      return out;
    }),
  );
}

export function unhex(digits: string): Uint8Array {
  if (!/^(?:[0-9a-f]{2})*$/.test(digits)) throw new Error("that is no hex");
  const out = new Uint8Array(digits.length / 2);
  for (let at = 0; at < out.length; at++) {
    out[at] = Number.parseInt(digits.slice(2 * at, 2 * at + 2), 16);
  }
  return out;
}

/** The value with binaries in pieces written out. */
export function plain(value: Json): Json {
  if (Array.isArray(value)) return value.map(plain);
  if (value !== null && typeof value === "object" && "pieces" in value) {
    return hex(readBytes(value));
  }
  return value;
}

/** A record's value as the vectors show it. */
export function tree(value: Value): Json {
  if (value instanceof Uint8Array) return { hex: hex(value) };
  if (Array.isArray(value)) return value.map(tree);
  return value as Json;
}
