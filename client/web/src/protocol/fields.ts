/**
 * What a document's table asks of its fields (SPEC 1, "in tables"). A Field takes one value of a
 * record and returns it checked, or throws `malformed`; a document's own Fields may throw what its
 * table names instead.
 */
import { malformed, RemoteError } from "./errors.ts";
import { MAX_INT } from "./limits.ts";
import { isUnicode, type Value } from "./record.ts";

export type Field<T> = (value: Value) => T;

const utf8 = new TextEncoder();
// biome-ignore lint/suspicious/noControlCharactersInRegex: what a text may not hold (SPEC 1)
const NOT_IN_A_TEXT = /[\x00-\x08\x0b-\x1f\x7f-\x9f]/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: what a line may not hold (SPEC 1)
const NOT_IN_A_LINE = /[\x00-\x1f\x7f-\x9f]/;

/** An integer from least to most. */
export function uint(least = 0, most = MAX_INT): Field<number> {
  return (value) => {
    if (typeof value !== "number" || !Number.isInteger(value)) {
      throw malformed("a field is not an integer");
    }
    if (!(value >= least && value <= most)) {
      throw malformed(`${value} is not from ${least} to ${most}`);
    }
    return value;
  };
}

/** The version in a document's first field; `unknown_version` for another number. */
export function version(known = 1): Field<number> {
  const integer = uint();
  return (value) => {
    const number = integer(value);
    if (number !== known) {
      throw new RemoteError(
        "unknown_version",
        `version ${number}; this program reads version ${known}`,
      );
    }
    return number;
  };
}

/** `bin<exact>`. */
export function binary(exact: number): Field<Uint8Array> {
  return binaryOf(exact, exact);
}

/** A binary of least to most bytes. */
export function binaryOf(least: number, most: number): Field<Uint8Array> {
  return (value) => {
    if (!(value instanceof Uint8Array)) throw malformed("a field is not a binary");
    if (!(value.length >= least && value.length <= most)) {
      throw malformed(`a binary of ${value.length} bytes; ${least} to ${most} are allowed`);
    }
    return value;
  };
}

/** A text of least to most UTF-8 bytes without any control character. */
export function line(most: number, least = 0): Field<string> {
  return stringWithout(NOT_IN_A_LINE, least, most);
}

/** A text of least to most UTF-8 bytes without control characters but line feed and tab. */
export function text(most: number, least = 0): Field<string> {
  return stringWithout(NOT_IN_A_TEXT, least, most);
}

function stringWithout(forbidden: RegExp, least: number, most: number): Field<string> {
  return (value) => {
    if (typeof value !== "string") throw malformed("a field is not a string");
    if (!isUnicode(value)) throw malformed("a string is not Unicode text");
    const size = utf8.encode(value).length;
    if (!(size >= least && size <= most)) {
      throw malformed(`a string of ${size} bytes; ${least} to ${most} are allowed`);
    }
    const found = forbidden.exec(value);
    if (found !== null) {
      const shown = found[0].charCodeAt(0).toString(16).padStart(4, "0");
      throw malformed(`a string holds the control character U+${shown}`);
    }
    return value;
  };
}

/** Nil, or what the field takes. */
export function nilOr<T>(field: Field<T>): Field<T | null> {
  return (value) => (value === null ? null : field(value));
}

/** An array of least to most values, each of which the field takes. */
export function arrayOf<T>(field: Field<T>, most: number, least = 0): Field<readonly T[]> {
  return (value) => {
    const values = arrayIn(value);
    if (!(values.length >= least && values.length <= most)) {
      throw malformed(`an array of ${values.length}; ${least} to ${most} are allowed`);
    }
    return values.map((item) => field(item));
  };
}

/** An array that begins with these fields, checked in order; what follows them is ignored. */
export function row<T extends readonly unknown[]>(
  ...fields: { [K in keyof T]: Field<T[K]> }
): Field<T> {
  return (value) => {
    const values = arrayIn(value);
    const checked = fields.slice(0, values.length).map((field, at) => field(values[at] as Value));
    if (checked.length < fields.length) {
      throw malformed(`an array of ${values.length} fields where ${fields.length} belong`);
    }
    return checked as unknown as T;
  };
}

function arrayIn(value: Value): readonly Value[] {
  if (!Array.isArray(value)) throw malformed("a field is not an array");
  return value;
}
