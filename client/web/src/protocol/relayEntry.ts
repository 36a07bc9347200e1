/** Relays as cards name them: where one is, its keys, its country (SPEC 9, field 11). */
import { checkAddresses } from "./address.ts";
import { malformed } from "./errors.ts";
import { arrayOf, binary, type Field, line, nilOr, row } from "./fields.ts";
import { HASH_BYTES, SEALING_KEY_BYTES, SIGNING_KEY_BYTES } from "./limits.ts";
import { checkSealingKey } from "./sealing.ts";
import { checkKey } from "./signing.ts";

export const MAX_RELAYS = 16;
const MAX_ADDRESSES = 8;
const MAX_ADDRESS_BYTES = 256;

/** A relay. */
export interface RelayEntry {
  /** 1 to 8; the first is a URL for HTTP, others may be for datagrams (SPEC 23). */
  readonly addresses: readonly string[];
  readonly signingKey: Uint8Array;
  readonly sealingKey: Uint8Array;
  /** Two capital letters or empty. */
  readonly country: string;
  /** SHA-256 of its certificate's public key. */
  readonly pin: Uint8Array | null;
}

/** The field of a relay's addresses, at least so many. */
export function addressesField(least: number): Field<readonly string[]> {
  const lines = arrayOf(line(MAX_ADDRESS_BYTES), MAX_ADDRESSES, least);
  return (value) => {
    const addresses = lines(value);
    checkAddresses(addresses);
    return addresses;
  };
}

const countryLine = line(2);

/** The field of a country: two ASCII capitals or empty. */
export const countryField: Field<string> = (value) => {
  const country = countryLine(value);
  if (!/^(?:[A-Z]{2})?$/.test(country)) {
    throw malformed(`not a country: ${JSON.stringify(country)}`);
  }
  return country;
};

const relayRow = row<[readonly string[], Uint8Array, Uint8Array, string, Uint8Array | null]>(
  addressesField(1),
  binary(SIGNING_KEY_BYTES),
  binary(SEALING_KEY_BYTES),
  countryField,
  nilOr(binary(HASH_BYTES)),
);

/** The field of a relay's row. `malformed`, or `bad_key` for a key that nobody should use. */
export const relayField: Field<RelayEntry> = (value) => {
  const [addresses, signingKey, sealingKey, country, pin] = relayRow(value);
  checkKey(signingKey);
  checkSealingKey(sealingKey);
  return { addresses, signingKey, sealingKey, country, pin };
};
