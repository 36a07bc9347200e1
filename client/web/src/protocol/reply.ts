/** Replies: what a desk answers to one reporter, as a letter's content (SPEC 10). */
import { concat, equal } from "./bytes.ts";
import { RemoteError } from "./errors.ts";
import { arrayOf, binary, binaryOf, line, nilOr, row, text, uint, version } from "./fields.ts";
import {
  HASH_BYTES,
  MAX_LETTER_CONTENT_BYTES,
  MAX_STATEMENT_BYTES,
  SIGNING_KEY_BYTES,
} from "./limits.ts";
import { unpack } from "./record.ts";
import { keyHash } from "./sealing.ts";
import { verifySignature } from "./signing.ts";
import { checkCertified, parseStatement, type Statement } from "./statement.ts";

const NONCE_BYTES = 16;
const MAX_LANGUAGE_BYTES = 35;
const MAX_TEXT_BYTES = 16_384;
/** As many as a report has parts. */
const MAX_WANTED = 96;

/** A reply. */
export interface Reply {
  /** The desk's newest. */
  readonly statement: Statement;
  /** The same as received. */
  readonly statementBytes: Uint8Array;
  /** Certified on `issuedDay`. */
  readonly signingKey: Uint8Array;
  readonly nonce: Uint8Array;
  readonly issuedDay: number;
  /** Counts from 0 for the mailbox and epoch. */
  readonly number: number;
  /** A report's id. */
  readonly answers: Uint8Array | null;
  readonly language: string;
  readonly text: string;
  /** Parcel ids whose original the desk asks for first. */
  readonly wanted: readonly Uint8Array[];
}

const replyRow = row<
  [
    number,
    Uint8Array,
    Uint8Array,
    Uint8Array,
    number,
    number,
    Uint8Array | null,
    string,
    string,
    readonly Uint8Array[],
  ]
>(
  version(),
  binaryOf(0, MAX_STATEMENT_BYTES),
  binary(SIGNING_KEY_BYTES),
  binary(NONCE_BYTES),
  uint(),
  uint(),
  nilOr(binary(HASH_BYTES)),
  line(MAX_LANGUAGE_BYTES),
  text(MAX_TEXT_BYTES),
  arrayOf(binary(HASH_BYTES), MAX_WANTED),
);

/**
 * The reply in a letter that was sealed to `replyKey`, from the desk with this id.
 *
 * Throws, in the order of SPEC 10: what is wrong with the record and with the statement,
 * `wrong_recipient` for a reply of another desk, `not_certified`, `bad_signature`.
 */
export function verifyReply(
  content: Uint8Array,
  signature: Uint8Array,
  sealedTo: { deskId: Uint8Array; replyKey: Uint8Array; bind: Uint8Array },
): Reply {
  const fields = replyRow(unpack(content, MAX_LETTER_CONTENT_BYTES));
  const [, statementBytes, signingKey, nonce, issuedDay, number, answers] = fields;
  const [, , , , , , , language, body, wanted] = fields;
  const statement = parseStatement(statementBytes);
  if (!equal(statement.deskId, sealedTo.deskId)) {
    throw new RemoteError("wrong_recipient", "the reply is of a desk that nobody wrote to");
  }
  checkCertified(statement, signingKey, issuedDay);
  const context = concat(sealedTo.deskId, keyHash(sealedTo.replyKey), sealedTo.bind);
  verifySignature(signingKey, signature, "reply", context, content);
  return {
    statement,
    statementBytes,
    signingKey,
    nonce,
    issuedDay,
    number,
    answers,
    language,
    text: body,
    wanted,
  };
}
