/**
 * A parcel's header (SPEC 3): 96 bytes that name it, order it and bind what is sealed in it. Never
 * touches keys or bodies.
 */
import { concat, readNumber, u32, u64 } from "./bytes.ts";
import { LocalError, localMalformed, malformed, RemoteError } from "./errors.ts";
import { sha256 } from "./hashing.ts";
import { Kind, kindName, kindOf, Rank } from "./kinds.ts";
import { label } from "./labels.ts";
import {
  HASH_BYTES,
  HEADER_BYTES,
  MAX_EXPIRY_AHEAD_DAYS,
  OFFER_BYTES,
  PREVIEW_BODY_BYTES,
  TAG_BYTES,
  THUMBNAIL_BODY_BYTES,
} from "./limits.ts";
import { isLegal } from "./sizes.ts";

const VERSION = 1;
const SUITE = 1;
const URGENT = 1;

function mayBeUrgent(kind: Kind): boolean {
  return kind === Kind.LETTER || kind === Kind.REPLY;
}

/** What a header says but for the root, which is known last. */
export interface Unrooted {
  readonly kind: Kind;
  readonly urgent: boolean;
  /** The last day on which it is carried. */
  readonly expiryDay: number;
  readonly bodySize: number;
  /** 16 bytes. */
  readonly tag: Uint8Array;
  /** 32 bytes. */
  readonly lock: Uint8Array;
}

/** A legal header; LocalError where the values make none. */
export class Header implements Unrooted {
  readonly kind: Kind;
  readonly urgent: boolean;
  readonly expiryDay: number;
  readonly bodySize: number;
  readonly tag: Uint8Array;
  readonly lock: Uint8Array;
  /** 32 bytes. */
  readonly root: Uint8Array;

  constructor(fields: Unrooted & { readonly root: Uint8Array }) {
    const { kind, urgent, expiryDay, bodySize, tag, lock, root } = fields;
    if (urgent && !mayBeUrgent(kind)) throw new LocalError("illegal_flags");
    if (!isLegal(kind, bodySize)) {
      throw new LocalError("illegal_size", `a ${kindName(kind)} of ${bodySize} bytes`);
    }
    if (tag.length !== TAG_BYTES || lock.length !== HASH_BYTES || root.length !== HASH_BYTES) {
      const lengths = [tag.length, lock.length, root.length].join(", ");
      throw localMalformed(`tag, lock and root of ${lengths} bytes, not 16, 32 and 32`);
    }
    if (!(Number.isInteger(expiryDay) && expiryDay >= 0 && expiryDay < 2 ** 32)) {
      throw localMalformed(`an expiry on day ${expiryDay}`);
    }
    this.kind = kind;
    this.urgent = urgent;
    this.expiryDay = expiryDay;
    this.bodySize = bodySize;
    this.tag = tag;
    this.lock = lock;
    this.root = root;
  }

  /** The 96 bytes. */
  encode(): Uint8Array {
    return concat(
      Uint8Array.of(VERSION, SUITE, this.kind, this.urgent ? URGENT : 0),
      u32(this.expiryDay),
      u64(this.bodySize),
      this.tag,
      this.lock,
      this.root,
    );
  }

  /** The parcel's name, 32 bytes. */
  get parcelId(): Uint8Array {
    return sha256(label("parcel"), this.encode());
  }

  /** The first 16 bytes of the parcel id. */
  get offer(): Uint8Array {
    return this.parcelId.slice(0, OFFER_BYTES);
  }

  /** What sealed content is bound to: the label and the header without its root. */
  get bind(): Uint8Array {
    return concat(label("bind"), this.encode().subarray(0, -HASH_BYTES));
  }
}

/** The bind of a header whose root is not known yet. */
export function bindOf(fields: Unrooted): Uint8Array {
  return new Header({ ...fields, root: new Uint8Array(HASH_BYTES) }).bind;
}

/** The header that these bytes are. The checks and their order are those of SPEC 3. */
export function parseHeader(data: Uint8Array): Header {
  if (data.length !== HEADER_BYTES) throw malformed(`a header has 96 bytes, not ${data.length}`);
  const [version, suite, kindNumber = 0, flags = 0] = data;
  if (version !== VERSION) {
    throw new RemoteError("unknown_version", `parcel version ${version}; this program reads 1`);
  }
  if (suite !== SUITE) {
    throw new RemoteError("unknown_suite", `parcel suite ${suite}; this program reads 1`);
  }
  const kind = kindOf(kindNumber);
  if (kind === undefined) throw new RemoteError("unknown_kind", `parcel kind ${kindNumber}`);
  if (flags > URGENT || (flags !== 0 && !mayBeUrgent(kind))) {
    throw new RemoteError("illegal_flags", `a ${kindName(kind)} with flags ${flags}`);
  }
  const bodySize = readNumber(data, 8, 8);
  if (!isLegal(kind, bodySize)) {
    throw new RemoteError("illegal_size", `a ${kindName(kind)} of ${bodySize} bytes`);
  }
  return new Header({
    kind,
    urgent: flags === URGENT,
    expiryDay: readNumber(data, 4, 4),
    bodySize,
    tag: data.slice(16, 32),
    lock: data.slice(32, 64),
    root: data.slice(64),
  });
}

/** `expired` or `expiry_too_far`, by the day of whoever stores the parcel. */
export function checkExpiry(header: Header, today: number): void {
  if (header.expiryDay < today) {
    throw new RemoteError(
      "expired",
      `carried until day ${header.expiryDay}, and this is day ${today}`,
    );
  }
  const latest = today + MAX_EXPIRY_AHEAD_DAYS;
  if (header.expiryDay > latest) {
    throw new RemoteError(
      "expiry_too_far",
      `to be carried until day ${header.expiryDay}; at most until day ${latest}`,
    );
  }
}

/** The parcel's place in the order of sending (SPEC 3). */
export function rankOf(header: Header): Rank {
  if (header.urgent) return Rank.URGENT;
  if (header.kind !== Kind.PART) return Rank.LETTER;
  if (header.bodySize === THUMBNAIL_BODY_BYTES) return Rank.THUMBNAIL;
  return header.bodySize === PREVIEW_BODY_BYTES ? Rank.PREVIEW : Rank.ORIGINAL;
}
