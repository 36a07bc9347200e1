/** Bytes as every module needs them: joined, compared, and as big-endian numbers. Knows no format. */
import { localMalformed } from "./errors.ts";

/** The parts, one after the other. */
export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const part of parts) length += part.length;
  const joined = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

/** Whether both hold the same bytes. In time that tells where they differ: for what is public. */
export function equal(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, at) => byte === other[at]);
}

/** Whether every byte from `start` on is zero. */
export function isZeroFrom(data: Uint8Array, start: number): boolean {
  for (let at = start; at < data.length; at++) {
    if (data[at] !== 0) return false;
  }
  return true;
}

/** `size` bytes of which the first are those of `data`, the others zero. */
export function padded(data: Uint8Array, size: number): Uint8Array {
  const out = new Uint8Array(size);
  out.set(data);
  return out;
}

/** A number in 4 bytes. LocalError for one that 32 bits do not hold. */
export function u32(number: number): Uint8Array {
  if (!Number.isInteger(number) || number < 0 || number >= 2 ** 32) {
    throw localMalformed(`${number} is not from 0 to 2^32 - 1`);
  }
  return bigEndian(number, 4);
}

/** A number in 8 bytes, 0 to 2^53 - 1. */
export function u64(number: number): Uint8Array {
  return bigEndian(number, 8);
}

/** A number in `width` bytes. */
export function bigEndian(number: number, width: number): Uint8Array {
  const out = new Uint8Array(width);
  let rest = number;
  for (let at = width - 1; at >= 0; at--) {
    out[at] = rest % 256;
    rest = Math.floor(rest / 256);
  }
  return out;
}

/**
 * The number in `width` bytes (at most 8) from `start` on; above 2^53 the nearest that a number can
 * be. What is missing counts as 0.
 */
export function readNumber(data: Uint8Array, start: number, width: number): number {
  if (width > 4) {
    const high = readNumber(data, start, width - 4);
    return high * 2 ** 32 + readNumber(data, start + width - 4, 4);
  }
  let number = 0;
  for (let at = start; at < start + width; at++) number = number * 256 + (data[at] ?? 0);
  return number;
}

/** The number that these little-endian bytes are. */
export function littleEndian(data: Uint8Array): bigint {
  let number = 0n;
  for (let at = data.length - 1; at >= 0; at--) number = (number << 8n) | BigInt(data[at] ?? 0);
  return number;
}

/** The number that these big-endian bytes are. */
export function bigNumber(data: Uint8Array): bigint {
  return littleEndian(data.slice().reverse());
}

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

/** Two lower-case digits a byte: what a Map or Set knows bytes by. */
export function hex(data: Uint8Array): string {
  let digits = "";
  for (const byte of data) digits += HEX[byte];
  return digits;
}

/** Pieces of `size` bytes, the last one perhaps shorter; views into the data. */
export function pieces(data: Uint8Array, size: number): Uint8Array[] {
  const out = [];
  for (let at = 0; at < data.length; at += size) out.push(data.subarray(at, at + size));
  return out;
}
