/**
 * Reports: what a reporter writes, as the signed content of a letter (SPEC 7).
 *
 * Never touches the files that a report names; their parts travel on their own.
 */
import {
  checkParts,
  type File,
  fileField,
  MAX_FILES,
  MAX_PARTS,
  type PartRef,
  packedFile,
  packedPart,
  partField,
} from "./attachment.ts";
import { concat } from "./bytes.ts";
import { localMalformed, malformed, ourOwn } from "./errors.ts";
import {
  arrayOf,
  binary,
  binaryOf,
  type Field,
  line,
  nilOr,
  row,
  text,
  uint,
  version,
} from "./fields.ts";
import { sha256 } from "./hashing.ts";
import { label } from "./labels.ts";
import { HASH_BYTES, MAX_LETTER_CONTENT_BYTES, SEALING_KEY_BYTES } from "./limits.ts";
import { pack, unpack, type Value } from "./record.ts";
import { checkSealingKey, keyHash } from "./sealing.ts";
import { checkKey, verifySignature } from "./signing.ts";

const NONCE_BYTES = 16;
const MAX_TEXT_BYTES = 65_536;
/** The longest language tag that a program has to keep (RFC 5646 section 4.4.1). */
const MAX_LANGUAGE_BYTES = 35;
const MAX_WHAT_BYTES = 512;
const MAX_WHERE_BYTES = 512;
const MAX_WHEN_BYTES = 128;
const MAX_FIGURES = 32;
const MAX_FIGURE_WHAT_BYTES = 256;

const CORRECTS = 1;
const WITHDRAWS = 2;

/** How the writer knows. */
export const Basis = { NOT_SAID: 0, SEEN: 1, HEARD: 2 } as const;
export type Basis = (typeof Basis)[keyof typeof Basis];

/** A number of something, as far as the writer knows it. */
export interface Figure {
  readonly what: string;
  readonly minimum: number;
  readonly maximum: number;
}

/** Where to answer: a sealing key (1216 bytes) and a mailbox secret (32 bytes). */
export interface ReplyBox {
  readonly replyKey: Uint8Array;
  readonly mailboxSecret: Uint8Array;
}

/** The day and hash of a signed document. */
export interface Checkpoint {
  readonly day: number;
  readonly hash: Uint8Array;
}

/** A report. `corrects` and `withdraws` are report ids of which at most one is not null. */
export interface Report {
  /** A signing key, 32 bytes. */
  readonly author: Uint8Array;
  /** 16 random bytes. */
  readonly nonce: Uint8Array;
  /** Unix seconds by the writer's clock, 0 unknown. */
  readonly writtenS: number;
  readonly language: string;
  readonly text: string;
  readonly what: string;
  readonly where: string;
  readonly when: string;
  readonly basis: Basis;
  readonly figures: readonly Figure[];
  readonly files: readonly File[];
  readonly parts: readonly PartRef[];
  readonly corrects: Uint8Array | null;
  readonly withdraws: Uint8Array | null;
  readonly replyBox: ReplyBox | null;
  /** The newest signed document that the writer knew. */
  readonly checkpoint: Checkpoint | null;
}

/** A report of which all but the author and the nonce is left out. */
export function blankReport(author: Uint8Array, nonce: Uint8Array): Report {
  return {
    author,
    nonce,
    writtenS: 0,
    language: "",
    text: "",
    what: "",
    where: "",
    when: "",
    basis: Basis.NOT_SAID,
    figures: [],
    files: [],
    parts: [],
    corrects: null,
    withdraws: null,
    replyBox: null,
    checkpoint: null,
  };
}

/** The content of a letter. LocalError for what `decodeReport` would not take. */
export function encodeReport(report: Report): Uint8Array {
  const { replyBox, checkpoint } = report;
  const content = pack([
    1,
    report.author,
    report.nonce,
    report.writtenS,
    report.language,
    report.text,
    report.what,
    report.where,
    report.when,
    report.basis,
    report.figures.map(({ what, minimum, maximum }) => [what, minimum, maximum]),
    report.files.map(packedFile),
    report.parts.map(packedPart),
    packedReference(report),
    replyBox && [replyBox.replyKey, replyBox.mailboxSecret],
    checkpoint && [checkpoint.day, checkpoint.hash],
  ]);
  ourOwn(() => decodeReport(content));
  return content;
}

/** The report in a letter's content; what it throws the table of SPEC 7 says. */
export function decodeReport(content: Uint8Array): Report {
  const fields = reportRow(unpack(content, MAX_LETTER_CONTENT_BYTES));
  const [, author, nonce, writtenS, language, body, what, where, when, basis] = fields;
  const [figures, files, parts, refers, replyBox, checkpoint] = fields.slice(10) as Behind;
  if (body === "" && files.length === 0 && refers === null) {
    throw malformed("a report without text has no file and refers to no other");
  }
  checkParts(files, parts);
  const [number, referred] = refers ?? [0, null];
  return {
    author,
    nonce,
    writtenS,
    language,
    text: body,
    what,
    where,
    when,
    basis: basis as Basis,
    figures,
    files,
    parts,
    corrects: number === CORRECTS ? referred : null,
    withdraws: number === WITHDRAWS ? referred : null,
    replyBox,
    checkpoint,
  };
}

/** The id (32 bytes) of a report, over its content as received. */
export function reportId(content: Uint8Array): Uint8Array {
  return sha256(label("report-id"), content);
}

/** What a report's signature covers beside its content: desk, sealing key and parcel. */
export function reportContext(
  deskId: Uint8Array,
  recipientKey: Uint8Array,
  bind: Uint8Array,
): Uint8Array {
  return concat(deskId, keyHash(recipientKey), bind);
}

/** The report in a letter that was sealed to `recipientKey`, its author's signature verified. */
export function verifyReport(
  content: Uint8Array,
  signature: Uint8Array,
  sealedTo: { deskId: Uint8Array; recipientKey: Uint8Array; bind: Uint8Array },
): Report {
  const report = decodeReport(content);
  const context = reportContext(sealedTo.deskId, sealedTo.recipientKey, sealedTo.bind);
  verifySignature(report.author, signature, "report", context, content);
  return report;
}

function packedReference(report: Report): Value {
  const { corrects, withdraws } = report;
  if (corrects !== null && withdraws !== null) {
    throw localMalformed("a report corrects or withdraws another, not both");
  }
  if (corrects !== null) return [CORRECTS, corrects];
  return withdraws && [WITHDRAWS, withdraws];
}

// The table gives every wrong key one verdict, a wrong length too.
const anyKey = binaryOf(0, MAX_LETTER_CONTENT_BYTES);
const authorField: Field<Uint8Array> = (value) => {
  const key = anyKey(value);
  checkKey(key);
  return key;
};

const figureRow = row<[string, number, number]>(line(MAX_FIGURE_WHAT_BYTES), uint(), uint());
const figureField: Field<Figure> = (value) => {
  const [what, minimum, maximum] = figureRow(value);
  if (minimum > maximum) throw malformed(`a figure from ${minimum} to ${maximum}`);
  return { what, minimum, maximum };
};

const replyBoxRow = row<[Uint8Array, Uint8Array]>(binary(SEALING_KEY_BYTES), binary(HASH_BYTES));
const replyBoxField: Field<ReplyBox> = (value) => {
  const [replyKey, mailboxSecret] = replyBoxRow(value);
  checkSealingKey(replyKey);
  return { replyKey, mailboxSecret };
};

const checkpointRow = row<[number, Uint8Array]>(uint(), binary(HASH_BYTES));
const checkpointField: Field<Checkpoint> = (value) => {
  const [day, hash] = checkpointRow(value);
  return { day, hash };
};

type Front = [
  number,
  Uint8Array,
  Uint8Array,
  number,
  string,
  string,
  string,
  string,
  string,
  number,
];
type Behind = [
  readonly Figure[],
  readonly File[],
  readonly PartRef[],
  readonly [number, Uint8Array] | null,
  ReplyBox | null,
  Checkpoint | null,
];
const reportRow = row<[...Front, ...Behind]>(
  version(),
  authorField,
  binary(NONCE_BYTES),
  uint(),
  line(MAX_LANGUAGE_BYTES),
  text(MAX_TEXT_BYTES),
  line(MAX_WHAT_BYTES),
  line(MAX_WHERE_BYTES),
  line(MAX_WHEN_BYTES),
  uint(Basis.NOT_SAID, Basis.HEARD),
  arrayOf(figureField, MAX_FIGURES),
  arrayOf(fileField, MAX_FILES),
  arrayOf(partField, MAX_PARTS),
  nilOr(row<[number, Uint8Array]>(uint(CORRECTS, WITHDRAWS), binary(HASH_BYTES))),
  nilOr(replyBoxField),
  nilOr(checkpointField),
);
