/** Public documents: bulletins and cards that everybody may read, as parcels (SPEC 11). */
import { mediaTypeField } from "./attachment.ts";
import { equal, isZeroFrom, readNumber } from "./bytes.ts";
import { type DeskCard, parseCard } from "./card.ts";
import { DocumentType, openEnvelope } from "./envelope.ts";
import { malformed, RemoteError } from "./errors.ts";
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
import { Kind, kindName } from "./kinds.ts";
import { label } from "./labels.ts";
import {
  HASH_BYTES,
  MAX_CARD_BYTES,
  MAX_PREVIEW_BYTES,
  MAX_PUBLIC_BODY_BYTES,
  MAX_STATEMENT_BYTES,
} from "./limits.ts";
import type { Header } from "./parcel.ts";
import { unpack } from "./record.ts";
import { checkCertified, parseStatement, type Statement } from "./statement.ts";
import { publicTag } from "./tags.ts";

const MAX_LANGUAGE_BYTES = 35;
const MAX_TITLE_BYTES = 256;
const MAX_TEXT_BYTES = 65_536;
const MAX_PICTURES = 4;
const COUNT_BYTES = 4;

/** What a public document is. Serials count per desk and class. */
export const DocumentClass = { BULLETIN: 1, CARD: 2 } as const;
export type DocumentClass = (typeof DocumentClass)[keyof typeof DocumentClass];

/** A picture in a bulletin, at most 130,048 bytes, without metadata. */
export interface Picture {
  readonly mediaType: string;
  readonly data: Uint8Array;
}

/** A public document whose desk's signature holds. */
export interface PublicDocument {
  readonly statement: Statement;
  readonly statementBytes: Uint8Array;
  readonly signer: Uint8Array;
  readonly documentClass: DocumentClass;
  readonly serial: number;
  /** The hash of the document before in its class, or zeros. */
  readonly previous: Uint8Array;
  readonly issuedDay: number;
  readonly language: string;
  readonly title: string;
  readonly text: string;
  readonly pictures: readonly Picture[];
  /** In the class CARD alone. */
  readonly card: DeskCard | null;
  readonly documentHash: Uint8Array;
}

const classField: Field<DocumentClass> = (value) => {
  const number = uint()(value);
  const known = Object.values(DocumentClass).find((one) => one === number);
  if (known === undefined) {
    throw new RemoteError("unknown_kind", `a public document of class ${number}`);
  }
  return known;
};

const pictureRow = row<[string, Uint8Array]>(mediaTypeField, binaryOf(0, MAX_PREVIEW_BYTES));
const pictureField: Field<Picture> = (value) => {
  const [mediaType, data] = pictureRow(value);
  return { mediaType, data };
};

const publicRow = row<
  [
    number,
    Uint8Array,
    DocumentClass,
    number,
    Uint8Array,
    number,
    string,
    string,
    string,
    readonly Picture[],
    Uint8Array | null,
  ]
>(
  version(),
  binaryOf(0, MAX_STATEMENT_BYTES),
  classField,
  uint(1),
  binary(HASH_BYTES),
  uint(),
  line(MAX_LANGUAGE_BYTES),
  line(MAX_TITLE_BYTES),
  text(MAX_TEXT_BYTES),
  arrayOf(pictureField, MAX_PICTURES),
  nilOr(binaryOf(0, MAX_CARD_BYTES)),
);

/**
 * The document in a public parcel, its signer certified by the statement inside.
 *
 * The body's blocks were verified against the header's root when they came in. Throws
 * `unknown_kind`, `malformed`, `bad_padding`, `wrong_recipient` for a parcel under another desk's
 * tag or another desk's card, and what envelope, statement and card do.
 */
export function parsePublic(header: Header, body: Uint8Array): PublicDocument {
  const envelope = envelopeIn(header, body);
  const { content, signer } = openEnvelope(
    envelope,
    DocumentType.PUBLIC,
    MAX_PUBLIC_BODY_BYTES,
    header.bind,
  );
  const fields = publicRow(unpack(content, MAX_PUBLIC_BODY_BYTES));
  const [, statementBytes, documentClass, serial, previous, issuedDay] = fields;
  const [, , , , , , language, title, words, pictures, cardEnvelope] = fields;
  const statement = parseStatement(statementBytes);
  if (!equal(header.tag, publicTag(statement.deskId))) {
    throw new RemoteError("wrong_recipient", "the document lies under another desk's tag");
  }
  checkCertified(statement, signer, issuedDay);
  return {
    statement,
    statementBytes,
    signer,
    documentClass,
    serial,
    previous,
    issuedDay,
    language,
    title,
    text: words,
    pictures,
    card: cardIn(documentClass, cardEnvelope, statement, serial),
    documentHash: sha256(label("document"), content),
  };
}

function envelopeIn(header: Header, body: Uint8Array): Uint8Array {
  if (header.kind !== Kind.PUBLIC) {
    throw new RemoteError("unknown_kind", `a ${kindName(header.kind)} is no public document`);
  }
  if (body.length !== header.bodySize) {
    throw malformed(`a body of ${body.length} bytes, not ${header.bodySize}`);
  }
  const end = COUNT_BYTES + readNumber(body, 0, COUNT_BYTES);
  if (end > body.length) throw malformed("the document is longer than its body");
  if (!isZeroFrom(body, end))
    throw new RemoteError("bad_padding", "something follows the document");
  return body.subarray(COUNT_BYTES, end);
}

function cardIn(
  documentClass: DocumentClass,
  envelope: Uint8Array | null,
  statement: Statement,
  serial: number,
): DeskCard | null {
  if ((documentClass === DocumentClass.CARD) !== (envelope !== null)) {
    throw malformed(`a document of class ${documentClass} with or without a card`);
  }
  if (envelope === null) return null;
  const card = parseCard(envelope);
  if (!equal(card.statement.deskId, statement.deskId)) {
    throw new RemoteError("wrong_recipient", "the card is another desk's");
  }
  if (card.serial !== serial) {
    throw malformed(`card ${card.serial} in a document with serial ${serial}`);
  }
  return card;
}
