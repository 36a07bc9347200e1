/**
 * Letters: reports, replies and notes, sealed to one recipient (SPEC 5). Knows nothing of what they
 * say and never keeps a content key.
 */
import { deflateSync } from "fflate";
import { bigEndian, concat, isZeroFrom, padded, readNumber } from "./bytes.ts";
import { ChunkCipher, capacity, newContentKey, openChunked, sealChunked } from "./chunked.ts";
import { LocalError, localMalformed, malformed, RemoteError } from "./errors.ts";
import { inflateRaw } from "./inflate.ts";
import { Kind, kindName } from "./kinds.ts";
import { label } from "./labels.ts";
import { MAX_LETTER_CONTENT_BYTES, SEALED_KEY_BYTES, SIGNATURE_BYTES } from "./limits.ts";
import { leavesOf, rootOf } from "./merkle.ts";
import { bindOf, Header, type Unrooted } from "./parcel.ts";
import { keyHash, type SealingSecret, seal } from "./sealing.ts";
import { LETTER_FRONT_BYTES, letterBodySize } from "./sizes.ts";
import { checkOpened, lockOf, openedValue } from "./tombstone.ts";

/** What a letter's content is (SPEC 5). */
export const LetterType = { REPORT: 1, REPLY: 2, NOTE: 3 } as const;
export type LetterType = (typeof LetterType)[keyof typeof LetterType];

const AS_IT_IS = 0;
const DEFLATED = 1;
const FITS_SMALLEST_BYTES = capacity(letterBodySize(0) - SEALED_KEY_BYTES) - LETTER_FRONT_BYTES;

/** A sealed parcel, ready to be stored. */
export interface Sealed {
  readonly header: Header;
  readonly body: Uint8Array;
}

/**
 * What was in a letter. The signature (65 bytes) is not verified yet: that needs the content. The
 * content key proves the opening (SPEC 12); who keeps it can open the letter again.
 */
export interface OpenLetter {
  readonly letterType: LetterType;
  readonly content: Uint8Array;
  readonly signature: Uint8Array;
  readonly contentKey: Uint8Array;
}

export interface LetterDraft {
  readonly kind: Kind;
  readonly urgent: boolean;
  readonly tag: Uint8Array;
  readonly expiryDay: number;
  /** The recipient's sealing key, 1216 bytes. */
  readonly recipient: Uint8Array;
  readonly letterType: LetterType;
  readonly content: Uint8Array;
  /** Given the bind, the 65-byte signature over the content *not* coded. */
  readonly sign: (bind: Uint8Array) => Uint8Array;
}

/** What sealing draws; given only where the same bytes have to come out again. */
export interface LetterRandomness {
  readonly contentKey: Uint8Array;
  readonly encapsulation: Uint8Array;
  readonly salt: Uint8Array;
}

/** Seal content to a recipient. LocalError for what makes no letter, `bad_key` for a bad recipient. */
export function sealLetter(draft: LetterDraft, random?: LetterRandomness): Sealed {
  const { kind, urgent, tag, expiryDay, recipient, letterType, content } = draft;
  if (!isLetter(kind)) throw new LocalError("unknown_kind", `a ${kindName(kind)} is no letter`);
  if (content.length > MAX_LETTER_CONTENT_BYTES) {
    throw new LocalError(
      "too_large",
      `a letter of ${content.length} bytes; at most ${MAX_LETTER_CONTENT_BYTES} fit`,
    );
  }
  const { coding, coded } = code(content);
  const bodySize = letterBodySize(coded.length);
  const contentKey = random?.contentKey ?? newContentKey();
  const unrooted: Unrooted = { kind, urgent, expiryDay, bodySize, tag, lock: lockOf(contentKey) };
  const bind = bindOf(unrooted);
  const signature = draft.sign(bind);
  if (signature.length !== SIGNATURE_BYTES) {
    throw localMalformed(`a signature has 65 bytes, not ${signature.length}`);
  }
  const front = concat(Uint8Array.of(letterType, coding), bigEndian(coded.length, 4), signature);
  const plain = padded(concat(front, coded), capacity(bodySize - SEALED_KEY_BYTES));
  const cipher = ChunkCipher.forSealing(contentKey, contentContext(bind), random?.salt);
  const body = concat(
    seal(recipient, infoOf(bind, recipient), contentKey, random?.encapsulation),
    sealChunked(cipher, plain),
  );
  return { header: new Header({ ...unrooted, root: rootOf(leavesOf(body)) }), body };
}

/**
 * Open a whole body. The checks and their order are those of SPEC 5; the root is not looked at, as
 * blocks were checked when they came.
 */
export function openLetter(header: Header, body: Uint8Array, secret: SealingSecret): OpenLetter {
  if (!isLetter(header.kind)) {
    throw new RemoteError("unknown_kind", `a ${kindName(header.kind)} is no letter`);
  }
  if (body.length !== header.bodySize) {
    throw new RemoteError(
      "cannot_open",
      `a body of ${body.length} bytes where ${header.bodySize} belong`,
    );
  }
  const { bind } = header;
  const sealedKey = body.subarray(0, SEALED_KEY_BYTES);
  const contentKey = secret.open(infoOf(bind, secret.publicKey), sealedKey);
  checkOpened(header.lock, openedValue(contentKey));
  const plain = openChunked(contentKey, contentContext(bind), body.subarray(SEALED_KEY_BYTES));
  const end = LETTER_FRONT_BYTES + readNumber(plain, 2, 4);
  if (end > plain.length) throw malformed("a letter claims more content than fits its body");
  if (!isZeroFrom(plain, end)) throw new RemoteError("bad_padding");
  const content = decode(plain[1], plain.subarray(LETTER_FRONT_BYTES, end));
  const letterType = Object.values(LetterType).find((known) => known === plain[0]);
  if (letterType === undefined) throw new RemoteError("unknown_kind", `letter type ${plain[0]}`);
  return { letterType, content, signature: plain.slice(6, LETTER_FRONT_BYTES), contentKey };
}

function isLetter(kind: Kind): boolean {
  return kind === Kind.LETTER || kind === Kind.REPLY;
}

function infoOf(bind: Uint8Array, recipient: Uint8Array): Uint8Array {
  return concat(bind, keyHash(recipient));
}

function contentContext(bind: Uint8Array): Uint8Array {
  return concat(label("content"), bind);
}

/** Deflated where that is shorter and the body is not the smallest anyway. */
function code(content: Uint8Array): { coding: number; coded: Uint8Array } {
  if (content.length > FITS_SMALLEST_BYTES) {
    const deflated = deflateSync(content, { level: 9 });
    if (deflated.length < content.length) return { coding: DEFLATED, coded: deflated };
  }
  return { coding: AS_IT_IS, coded: content };
}

function decode(coding: number | undefined, coded: Uint8Array): Uint8Array {
  if (coding === AS_IT_IS) {
    if (coded.length > MAX_LETTER_CONTENT_BYTES) throw tooLarge();
    return coded.slice();
  }
  if (coding !== DEFLATED) throw malformed(`letter coding ${coding}`);
  return inflateRaw(coded, MAX_LETTER_CONTENT_BYTES);
}

function tooLarge(): RemoteError {
  return new RemoteError("too_large", `a letter holds more than ${MAX_LETTER_CONTENT_BYTES} bytes`);
}
