/** Operations of the vectors on numbers, records, headers, trees and tags. */
import { equal, hex, u32 } from "../src/protocol/bytes.ts";
import { dayOf, epochOf, firstDay, lastDay } from "../src/protocol/days.ts";
import { sha256 } from "../src/protocol/hashing.ts";
import { Kind, type Kind as KindNumber, Rendition } from "../src/protocol/kinds.ts";
import { label } from "../src/protocol/labels.ts";
import { pageRoots, rootByPath, rootOf, TreeBuilder } from "../src/protocol/merkle.ts";
import { checkExpiry, parseHeader, rankOf } from "../src/protocol/parcel.ts";
import { pack, unpack } from "../src/protocol/record.ts";
import {
  isLegal,
  letterBodySize,
  padme,
  partBodySize,
  publicBodySize,
} from "../src/protocol/sizes.ts";
import { fingerprint } from "../src/protocol/statement.ts";
import {
  deskTag,
  mailboxPrefix,
  prefixMatches,
  publicTag,
  replyTag,
} from "../src/protocol/tags.ts";
import {
  checkOpened,
  checkPurge,
  lockOf,
  openedValue,
  purgeKey,
} from "../src/protocol/tombstone.ts";
import type { Operation } from "./operations.ts";
import { tree } from "./vectors.ts";

function insist(holds: boolean, what: string): void {
  if (!holds) throw new Error(what);
}

export const values: Readonly<Record<string, Operation>> = {
  unpack_record(given, out) {
    const data = given.binary("data");
    const fields = unpack(data, given.number("max_bytes"));
    insist(equal(pack(fields), data), "it does not repack to the same bytes");
    out.values = tree(fields);
  },
  label(given, out) {
    out.label = hex(label(given.string("name")));
  },
  day(given, out) {
    out.day = dayOf(given.number("unix_s"));
  },
  epoch(given, out) {
    const epoch = epochOf(given.number("day"));
    Object.assign(out, { epoch, first_day: firstDay(epoch), last_day: lastDay(epoch) });
  },
  fingerprint(given, out) {
    out.fingerprint = fingerprint(given.binary("desk_id"));
  },
  public_tag(given, out) {
    out.tag = hex(publicTag(given.binary("desk_id")));
  },
  desk_tag(given, out) {
    out.tag = hex(deskTag(given.binary("desk_id"), given.number("epoch")));
  },
  mailbox_prefix(given, out) {
    out.prefix = hex(mailboxPrefix(given.binary("mailbox_secret"), given.number("epoch")));
  },
  reply_tag(given, out) {
    const secret = given.binary("mailbox_secret");
    out.tag = hex(replyTag(secret, given.number("epoch"), given.number("number")));
  },
  prefix_matches(given, out) {
    const [tag, prefix] = [given.binary("tag"), given.binary("prefix")];
    out.matches = prefixMatches(tag, prefix, given.number("bits"));
  },
  parse_header(given, out) {
    const data = given.binary("header");
    const header = parseHeader(data);
    insist(equal(header.encode(), data), "it does not encode to the same bytes");
    Object.assign(out, {
      kind: header.kind,
      urgent: header.urgent,
      expiry: header.expiryDay,
      body_size: header.bodySize,
      tag: hex(header.tag),
      lock: hex(header.lock),
      root: hex(header.root),
      parcel_id: hex(header.parcelId),
      offer: hex(header.offer),
      bind: hex(header.bind),
      rank: rankOf(header),
    });
  },
  check_expiry(given) {
    checkExpiry(parseHeader(given.binary("header")), given.number("today"));
  },
  padme(given, out) {
    out.padded = given.numbers("sizes").map(padme);
  },
  legal_sizes(given, out) {
    // Every size up to 2^17, and around every Padme value above it.
    const kind = given.number("kind") as KindNumber;
    const asked = new Set(Array.from({ length: 1 << 17 }, (_, size) => size));
    for (let power = 17; power < 34; power++) {
      const step = 2 ** (power - power.toString(2).length);
      for (let size = 2 ** power; size < 2 ** (power + 1); size += step) {
        asked
          .add(size - 1)
          .add(size)
          .add(size + 1);
      }
    }
    out.sizes = [...asked].filter((size) => isLegal(kind, size)).sort((one, other) => one - other);
  },
  body_size(given, out) {
    const kind = given.number("kind") as KindNumber;
    out.sizes = given.numbers("content_bytes").map((size) => {
      if (kind === Kind.PART) return partBodySize(size, Rendition.ORIGINAL);
      return kind === Kind.PUBLIC ? publicBodySize(size) : letterBodySize(size);
    });
  },
  merkle_root(given, out) {
    const seed = given.binary("seed");
    const leaves = Array.from({ length: given.number("count") }, (_, index) =>
      sha256(seed, u32(index)),
    );
    const builder = new TreeBuilder();
    for (const leaf of leaves) builder.addLeaf(leaf);
    insist(equal(builder.root(), rootOf(leaves)), "the two ways give two roots");
    out.root = hex(rootOf(leaves));
    out.page_roots = pageRoots(leaves).map(hex);
  },
  inclusion(given, out) {
    const root = rootByPath(
      given.binary("leaf"),
      given.number("index"),
      given.number("count"),
      given.binaries("path"),
    );
    out.included = root !== undefined && equal(root, given.binary("root"));
  },
  lock(given, out) {
    const key = given.binary("content_key");
    Object.assign(out, {
      purge_key: hex(purgeKey(key)),
      opened: hex(openedValue(key)),
      lock: hex(lockOf(key)),
    });
  },
  check_opened(given) {
    checkOpened(given.binary("lock"), given.binary("opened"));
  },
  check_purge(given) {
    checkPurge(given.binary("lock"), given.binary("purge_key"));
  },
};
