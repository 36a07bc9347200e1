/** Envelopes: signed public documents (SPEC 9). Knows who signed, never whether they may. */
import { RemoteError } from "./errors.ts";
import { binary, binaryOf, row, uint } from "./fields.ts";
import { SIGNATURE_BYTES, SIGNING_KEY_BYTES } from "./limits.ts";
import { unpack } from "./record.ts";
import { verifySignature } from "./signing.ts";

/** What an envelope holds, and the name of the label that its signature begins with. */
export const DocumentType = {
  STATEMENT: { number: 4, labelName: "statement" },
  DESK_CARD: { number: 5, labelName: "desk-card" },
  RELAY_CARD: { number: 6, labelName: "relay-card" },
  PUBLIC: { number: 7, labelName: "public" },
} as const;
export type DocumentType = (typeof DocumentType)[keyof typeof DocumentType];

/** A document whose signature holds. `signer` is 32 bytes; `content` is as it was received. */
export interface Envelope {
  readonly content: Uint8Array;
  readonly signer: Uint8Array;
}

/**
 * The envelope in `data`, its signature verified.
 *
 * `too_large` over `maxBytes`, `malformed`, `unknown_kind` for another type than `expected`, and
 * what `verifySignature` throws.
 */
export function openEnvelope(
  data: Uint8Array,
  expected: DocumentType,
  maxBytes: number,
  context: Uint8Array = new Uint8Array(0),
): Envelope {
  const fields = row<[number, Uint8Array, Uint8Array, Uint8Array]>(
    uint(),
    binaryOf(0, maxBytes),
    binary(SIGNING_KEY_BYTES),
    binary(SIGNATURE_BYTES),
  );
  const [number, content, signer, signature] = fields(unpack(data, maxBytes));
  if (number !== expected.number) {
    throw new RemoteError(
      "unknown_kind",
      `a document of type ${number} where ${expected.labelName} belongs`,
    );
  }
  verifySignature(signer, signature, expected.labelName, context, content);
  return { content, signer };
}
