/** The columns of frames' records (SPEC 17): how each field is read, and how it is written. */
import { concat, pieces } from "./bytes.ts";
import { localMalformed, malformed } from "./errors.ts";
import { arrayOf, binary, binaryOf, type Field, line, nilOr, row, uint } from "./fields.ts";
import type { AckEntry, AckStatus, Answer, PublicWant } from "./frames.ts";
import { ESTIMATE_BYTES, MAX_BLOCKS, MAX_INTERESTS, MAX_OFFERS, TAG_BYTES } from "./limits.ts";
import type { Value } from "./record.ts";

/** One field of a frame: its name there, and its way from a record and into one. */
export interface Column {
  readonly name: string;
  readonly read: Field<unknown>;
  readonly write: (value: unknown) => Value;
}

type Kind = (name: string) => Column;

function column<T>(read: Field<T>, write: (value: T) => Value): Kind {
  return (name) => ({ name, read, write: write as (value: unknown) => Value });
}

/** A field that is the same in a record and in a frame. */
export function asIs(read: Field<Value>): Kind {
  return column(read, (value) => value);
}

/** `least` to `most` values of `size` bytes each, in the record one binary. */
export function piecesOf(size: number, most: number, least = 1): Kind {
  const whole = rowOf(size, most, least);
  return column<readonly Uint8Array[]>(
    (value) => pieces(whole(value), size),
    (values) => {
      if (values.some((value) => value.length !== size)) {
        throw localMalformed(`each has to be ${size} bytes`);
      }
      return concat(...values);
    },
  );
}

/** As `piecesOf`, but left in one binary, and there may be none. */
export function joined(size: number, most: number): Kind {
  return asIs(rowOf(size, most, 0));
}

function rowOf(size: number, most: number, least: number): Field<Uint8Array> {
  const whole = binaryOf(size * least, size * most);
  return (value) => {
    const data = whole(value);
    if (data.length % size !== 0) {
      throw malformed(`${data.length} bytes are no row of ${size} each`);
    }
    return data;
  };
}

const MAX_ANSWER = 4;
const MAX_STATUS = 4;
const codesField = binaryOf(1, MAX_OFFERS);
const bitmapField = binaryOf(0, MAX_BLOCKS / 8);
const estimateField = nilOr(binaryOf(0, ESTIMATE_BYTES));

export const integer = asIs(uint());
export const integerUpTo = (most: number) => asIs(uint(0, most));
export const smallInteger = asIs(uint(0, 2 ** 32 - 1));
export const interestNumber = asIs(uint(0, MAX_INTERESTS - 1));
export const bits = asIs(uint(0, 32));
export const bin = (exact: number) => asIs(binary(exact));
export const binUpTo = (most: number, least = 0) => asIs(binaryOf(least, most));
export const nilOrBin = (most: number) => asIs(nilOr(binaryOf(0, most)));
export const lineUpTo = (most: number) => asIs(line(most));

export const versions = column<readonly number[]>(arrayOf(uint(), 8, 1), (values) => values);

export const answers = column<readonly Answer[]>(
  (value) => {
    const codes = [...codesField(value)];
    if (codes.some((code) => code > MAX_ANSWER)) throw malformed("an answer that is none");
    return codes as Answer[];
  },
  (codes) => Uint8Array.from(codes),
);

export const bitmap = asIs((value) => {
  const held = bitmapField(value);
  if (held[held.length - 1] === 0) throw malformed("a bitmap ends in a zero byte");
  return held;
});

export const estimate = asIs((value) => {
  const told = estimateField(value);
  if (told !== null && told.length !== 0 && told.length !== ESTIMATE_BYTES) {
    throw malformed(`an estimate of ${told.length} bytes`);
  }
  return told;
});

export const entries = column<readonly AckEntry[]>(
  arrayOf(
    (value) => {
      const [handle, status, told] = entryRow(value);
      return { handle, status: status as AckStatus, value: told };
    },
    512,
    1,
  ),
  (rows) => rows.map(({ handle, status, value }) => [handle, status, value]),
);

export const publicWants = column<readonly PublicWant[]>(
  arrayOf(
    (value) => {
      const [tag, bulletinSerial, cardSerial] = wantRow(value);
      return { tag, bulletinSerial, cardSerial };
    },
    32,
    1,
  ),
  (wants) => wants.map(({ tag, bulletinSerial, cardSerial }) => [tag, bulletinSerial, cardSerial]),
);

const entryRow = row<[number, number, number]>(uint(), uint(0, MAX_STATUS), uint());
const wantRow = row<[Uint8Array, number, number]>(binary(TAG_BYTES), uint(), uint());
