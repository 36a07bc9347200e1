/**
 * Statements: by its offline root key a desk says which keys sign for it (SPEC 9).
 *
 * Also the desk's id, its fingerprint and who succeeds it. Never judges by a clock: days come in.
 */
import { bigNumber, equal } from "./bytes.ts";
import { DocumentType, openEnvelope } from "./envelope.ts";
import { malformed, RemoteError } from "./errors.ts";
import { arrayOf, binary, nilOr, row, uint, version } from "./fields.ts";
import { sha256 } from "./hashing.ts";
import { label } from "./labels.ts";
import { HASH_BYTES, MAX_STATEMENT_BYTES, SIGNING_KEY_BYTES } from "./limits.ts";
import { unpack } from "./record.ts";
import { checkKey } from "./signing.ts";

const MAX_CERTIFIED_KEYS = 8;
const MAX_REVOKED_KEYS = 64;
/** A key is certified for a year at most, so that a stolen one that nobody missed runs out. */
const MAX_CERTIFIED_DAYS = 366;

/** A signing key (32 bytes) and the days, both included, on which it may sign. */
export interface Certified {
  readonly signingKey: Uint8Array;
  readonly firstDay: number;
  readonly lastDay: number;
}

/** What a desk's root key says. */
export interface Statement {
  readonly rootKey: Uint8Array;
  /** The id (32 bytes) of the desk whose root key this is. */
  readonly deskId: Uint8Array;
  readonly serial: number;
  readonly issuedDay: number;
  readonly certified: readonly Certified[];
  readonly revoked: readonly Uint8Array[];
  /** A commitment to the next root key. */
  readonly successor: Uint8Array;
  /** The desk id before this one. */
  readonly predecessor: Uint8Array | null;
}

const statementRow = row<
  [
    number,
    number,
    number,
    readonly (readonly [Uint8Array, number, number])[],
    readonly Uint8Array[],
    Uint8Array,
    Uint8Array | null,
  ]
>(
  version(),
  uint(),
  uint(),
  arrayOf(
    row<[Uint8Array, number, number]>(binary(SIGNING_KEY_BYTES), uint(), uint()),
    MAX_CERTIFIED_KEYS,
    1,
  ),
  arrayOf(binary(SIGNING_KEY_BYTES), MAX_REVOKED_KEYS),
  binary(HASH_BYTES),
  nilOr(binary(HASH_BYTES)),
);

/** The id (32 bytes) of the desk with this root key. */
export function deskIdOf(rootKey: Uint8Array): Uint8Array {
  return sha256(label("desk"), rootKey);
}

/** What a statement says of the next root key before anybody has seen it. */
export function successorCommitment(rootKey: Uint8Array): Uint8Array {
  return sha256(label("successor"), rootKey);
}

/** A desk's fingerprint to be read out: 30 digits in six groups of five. */
export function fingerprint(deskId: Uint8Array): string {
  const number = bigNumber(sha256(label("fingerprint"), deskId)) % 10n ** 30n;
  return (number.toString().padStart(30, "0").match(/.{5}/g) ?? []).join(" ");
}

/** The statement in an envelope of at most 8192 bytes, signed by the root key that it names. */
export function parseStatement(envelope: Uint8Array): Statement {
  const { content, signer } = openEnvelope(envelope, DocumentType.STATEMENT, MAX_STATEMENT_BYTES);
  const fields = statementRow(unpack(content, MAX_STATEMENT_BYTES));
  const [, serial, issuedDay, rows, revoked, successor, predecessor] = fields;
  const certified = rows.map(([signingKey, firstDay, lastDay]) => {
    checkKey(signingKey);
    if (!(lastDay >= firstDay && lastDay - firstDay <= MAX_CERTIFIED_DAYS)) {
      throw malformed(`a key certified from day ${firstDay} to day ${lastDay}`);
    }
    return { signingKey, firstDay, lastDay };
  });
  return {
    rootKey: signer,
    deskId: deskIdOf(signer),
    serial,
    issuedDay,
    certified,
    revoked,
    successor,
    predecessor,
  };
}

/** Whether the desk has revoked a signing key. */
export function isRevoked(statement: Statement, key: Uint8Array): boolean {
  return statement.revoked.some((revoked) => equal(revoked, key));
}

/** `not_certified` unless a row of the statement covers the key on the day, and it is not revoked. */
export function checkCertified(statement: Statement, key: Uint8Array, day: number): void {
  if (isRevoked(statement, key)) {
    throw new RemoteError("not_certified", "the desk has revoked the signing key");
  }
  const isCovered = statement.certified.some(
    ({ signingKey, firstDay, lastDay }) =>
      equal(signingKey, key) && firstDay <= day && day <= lastDay,
  );
  if (!isCovered) {
    throw new RemoteError(
      "not_certified",
      `the desk does not certify the signing key on day ${day}`,
    );
  }
}

/** The one with the higher serial, `known` if neither. `wrong_recipient` for two desks' words. */
export function newestOf(known: Statement, other: Statement): Statement {
  if (!equal(known.rootKey, other.rootKey)) {
    throw new RemoteError("wrong_recipient", "the two statements are of different desks");
  }
  return other.serial > known.serial ? other : known;
}

/** Whether the desk of `next` succeeds that of `old`, given each one's newest statement. */
export function isSuccessor(old: Statement, next: Statement): boolean {
  return (
    equal(successorCommitment(next.rootKey), old.successor) &&
    next.predecessor !== null &&
    equal(next.predecessor, old.deskId)
  );
}
