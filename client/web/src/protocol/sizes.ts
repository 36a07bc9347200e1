/** Which sizes a body may have (SPEC 3), so that sizes tell little. Knows no content. */
import { chunkedLength, chunkedPossible } from "./chunked.ts";
import { LocalError, localMalformed } from "./errors.ts";
import { Kind, Rendition } from "./kinds.ts";
import {
  MAX_LETTER_BODY_BYTES,
  MAX_PART_BODY_BYTES,
  MAX_PREVIEW_BYTES,
  MAX_PUBLIC_BODY_BYTES,
  MAX_THUMBNAIL_BYTES,
  PREVIEW_BODY_BYTES,
  SEALED_KEY_BYTES,
  THUMBNAIL_BODY_BYTES,
} from "./limits.ts";

/** Type, coding, n and signature before a letter's coded content (SPEC 5). */
export const LETTER_FRONT_BYTES = 71;

const PUBLIC_FRONT_BYTES = 4;
const LAST_SMALL_BYTES = 16_384;
const SMALL = [4096, 8192, LAST_SMALL_BYTES];

interface Rule {
  /** Sizes below Padme's. */
  readonly small: readonly number[];
  readonly largest: number;
  /** What stands before the chunked encryption; undefined where there is none. */
  readonly frontBytes?: number;
  readonly name: string;
}

const LETTER_RULE: Rule = {
  small: SMALL,
  largest: MAX_LETTER_BODY_BYTES,
  frontBytes: SEALED_KEY_BYTES,
  name: "a letter",
};
const RULES: Readonly<Record<Kind, Rule>> = {
  [Kind.LETTER]: LETTER_RULE,
  [Kind.PART]: {
    small: [LAST_SMALL_BYTES],
    largest: MAX_PART_BODY_BYTES,
    frontBytes: 0,
    name: "a file",
  },
  [Kind.PUBLIC]: { small: SMALL, largest: MAX_PUBLIC_BODY_BYTES, name: "a public document" },
  [Kind.REPLY]: LETTER_RULE,
};

/** The least size from sizeBytes (2 to 2^53 - 1) up that Padme's rule allows. */
export function padme(sizeBytes: number): number {
  if (sizeBytes < 2) throw new LocalError("illegal_size", `Padme begins at 2, not ${sizeBytes}`);
  const exponent = bitLength(sizeBytes) - 1;
  // Divided and not masked: bit operations have 32 bits here.
  const step = 2 ** (exponent - bitLength(exponent));
  return Math.ceil(sizeBytes / step) * step;
}

function bitLength(number: number): number {
  let bits = 0;
  for (let rest = number; rest >= 1; rest = Math.floor(rest / 2)) bits += 1;
  return bits;
}

/** Whether a body of this kind may have this size. */
export function isLegal(kind: Kind, sizeBytes: number): boolean {
  const { small, largest, frontBytes } = RULES[kind];
  if (sizeBytes <= LAST_SMALL_BYTES) return small.includes(sizeBytes);
  return (
    sizeBytes <= largest &&
    padme(sizeBytes) === sizeBytes &&
    (frontBytes === undefined || chunkedPossible(sizeBytes - frontBytes))
  );
}

/** The body of a letter or reply with so many bytes of coded content. */
export function letterBodySize(codedBytes: number): number {
  return leastLegal(Kind.LETTER, SEALED_KEY_BYTES + chunkedLength(LETTER_FRONT_BYTES + codedBytes));
}

/** The body of a part with so many bytes of data. */
export function partBodySize(length: number, rendition: Rendition): number {
  if (!Number.isSafeInteger(length) || length < 0)
    throw localMalformed(`a part of ${length} bytes`);
  if (rendition === Rendition.ORIGINAL) return leastLegal(Kind.PART, chunkedLength(length));
  const isThumbnail = rendition === Rendition.THUMBNAIL;
  const most = isThumbnail ? MAX_THUMBNAIL_BYTES : MAX_PREVIEW_BYTES;
  if (length > most) {
    const name = isThumbnail ? "thumbnail" : "preview";
    throw new LocalError("too_large", `a ${name} of ${length} bytes; at most ${most} fit`);
  }
  return isThumbnail ? THUMBNAIL_BODY_BYTES : PREVIEW_BODY_BYTES;
}

/** The body of a public document with an envelope of so many bytes. */
export function publicBodySize(envelopeBytes: number): number {
  return leastLegal(Kind.PUBLIC, PUBLIC_FRONT_BYTES + envelopeBytes);
}

function leastLegal(kind: Kind, neededBytes: number): number {
  const { small, largest, name } = RULES[kind];
  for (const size of small) {
    if (neededBytes <= size) return size;
  }
  for (let size = padme(neededBytes); size <= largest; size = padme(size + 1)) {
    if (isLegal(kind, size)) return size;
  }
  throw new LocalError(
    "too_large",
    `${name} that needs a body of ${neededBytes} bytes; at most ${largest}`,
  );
}
