/** Operations of the vectors on statements, cards and public documents. */

import { concat, hex } from "../src/protocol/bytes.ts";
import { checkReplaces, epochFor, expiryDay, parseCard, sealingKey } from "../src/protocol/card.ts";
import { sha256 } from "../src/protocol/hashing.ts";
import { parseHeader } from "../src/protocol/parcel.ts";
import { parsePublic } from "../src/protocol/public.ts";
import { parseRelayCard } from "../src/protocol/relayCard.ts";
import { checkCertified, isSuccessor, parseStatement } from "../src/protocol/statement.ts";
import { deskTag } from "../src/protocol/tags.ts";
import type { Operation } from "./operations.ts";
import { tree } from "./vectors.ts";

export const documents: Readonly<Record<string, Operation>> = {
  parse_statement(given, out) {
    const parsed = parseStatement(given.binary("envelope"));
    const rows = parsed.certified.map((row) => [row.signingKey, row.firstDay, row.lastDay]);
    Object.assign(out, {
      desk_id: hex(parsed.deskId),
      root_key: hex(parsed.rootKey),
      fields: tree([
        1,
        parsed.serial,
        parsed.issuedDay,
        rows,
        parsed.revoked,
        parsed.successor,
        parsed.predecessor,
      ]),
    });
  },
  check_certified(given) {
    const parsed = parseStatement(given.binary("envelope"));
    checkCertified(parsed, given.binary("signing_key"), given.number("day"));
  },
  is_successor(given, out) {
    const [old, next] = [given.binary("old"), given.binary("new")].map(parseStatement);
    out.successor = old !== undefined && next !== undefined && isSuccessor(old, next);
  },
  parse_card(given, out) {
    const parsed = parseCard(given.binary("envelope"));
    Object.assign(out, {
      desk_id: hex(parsed.statement.deskId),
      card_hash: hex(parsed.cardHash),
      serial: parsed.serial,
      previous: hex(parsed.previous),
      issued: parsed.issuedDay,
      name: parsed.name,
      languages: [...parsed.languages],
      note: parsed.note,
      grace: parsed.graceDays,
      first_epoch: parsed.firstEpoch,
      sealing_keys_sha256: hex(sha256(concat(...parsed.sealingKeys))),
      addresses: parsed.relays.map((relay) => [...relay.addresses]),
      sources: [...parsed.sources],
    });
  },
  replace_card(given, out) {
    const [old, next] = [parseCard(given.binary("old")), parseCard(given.binary("new"))];
    out.gap = checkReplaces(old, next).missing;
  },
  choose_epoch(given, out) {
    const parsed = parseCard(given.binary("envelope"));
    const epoch = epochFor(parsed, given.number("day"));
    Object.assign(out, {
      epoch,
      expiry: expiryDay(parsed, epoch),
      sealing_key_sha256: hex(sha256(sealingKey(parsed, epoch))),
      tag: hex(deskTag(parsed.statement.deskId, epoch)),
    });
  },
  parse_public(given, out) {
    const parsed = parsePublic(parseHeader(given.binary("header")), given.binary("body"));
    Object.assign(out, {
      desk_id: hex(parsed.statement.deskId),
      signer: hex(parsed.signer),
      document_hash: hex(parsed.documentHash),
      fields: tree([
        1,
        parsed.statementBytes,
        parsed.documentClass,
        parsed.serial,
        parsed.previous,
        parsed.issuedDay,
        parsed.language,
        parsed.title,
        parsed.text,
        parsed.pictures.map((picture) => [picture.mediaType, picture.data]),
        parsed.card === null ? null : parsed.card.envelope,
      ]),
    });
  },
  parse_relay_card(given, out) {
    const parsed = parseRelayCard(given.binary("envelope"));
    const others = parsed.others.map((entry) => [
      entry.addresses,
      entry.signingKey,
      entry.sealingKey,
      entry.country,
      entry.pin,
    ]);
    Object.assign(out, {
      signing_key: hex(parsed.signingKey),
      fields: tree([
        1,
        parsed.serial,
        parsed.issuedDay,
        parsed.name,
        parsed.addresses,
        parsed.sealingKey,
        parsed.country,
        parsed.largestBody,
        others,
      ]),
    });
  },
};
