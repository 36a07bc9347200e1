/** Relay cards: what a relay says of itself, signed with its own key (SPEC 15). */
import { DocumentType, openEnvelope } from "./envelope.ts";
import { arrayOf, binary, line, row, uint, version } from "./fields.ts";
import { MAX_CARD_BYTES, SEALING_KEY_BYTES } from "./limits.ts";
import { unpack } from "./record.ts";
import {
  addressesField,
  countryField,
  MAX_RELAYS,
  type RelayEntry,
  relayField,
} from "./relayEntry.ts";
import { checkSealingKey } from "./sealing.ts";

const MAX_NAME_BYTES = 128;

/** A relay's card. */
export interface RelayCard {
  readonly signingKey: Uint8Array;
  /** The unix second at which it was made. */
  readonly serial: number;
  readonly issuedDay: number;
  readonly name: string;
  /** Empty where a relay does not know its own. */
  readonly addresses: readonly string[];
  readonly sealingKey: Uint8Array;
  readonly country: string;
  /** In bytes. */
  readonly largestBody: number;
  readonly others: readonly RelayEntry[];
}

const relayCardRow = row<
  [
    number,
    number,
    number,
    string,
    readonly string[],
    Uint8Array,
    string,
    number,
    readonly RelayEntry[],
  ]
>(
  version(),
  uint(),
  uint(),
  line(MAX_NAME_BYTES),
  addressesField(0),
  binary(SEALING_KEY_BYTES),
  countryField,
  uint(),
  arrayOf(relayField, MAX_RELAYS),
);

/** The card in an envelope, signed by the relay that it speaks of. */
export function parseRelayCard(envelope: Uint8Array): RelayCard {
  const { content, signer } = openEnvelope(envelope, DocumentType.RELAY_CARD, MAX_CARD_BYTES);
  const fields = relayCardRow(unpack(content, MAX_CARD_BYTES));
  const [, serial, issuedDay, name, addresses, sealingKey, country, largestBody, others] = fields;
  checkSealingKey(sealingKey);
  return {
    signingKey: signer,
    serial,
    issuedDay,
    name,
    addresses,
    sealingKey,
    country,
    largestBody,
    others,
  };
}
