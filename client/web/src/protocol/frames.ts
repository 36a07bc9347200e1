/**
 * The frames of a session as values (SPEC 17). Bytes are the work of frameCodec.
 *
 * Fields stand in the order of the record; what the record joins into one binary is an array here.
 * Keys, hashes and ids are 32 bytes, signatures 65.
 */

/** What one side says to one offer of the other, by its number. */
export const Answer = { WANT: 0, HAVE: 1, TOMBSTONED: 2, REFUSED: 3, WANT_REST: 4 } as const;
export type Answer = (typeof Answer)[keyof typeof Answer];

/** Whether the parcel, or what lacks of it, is to be sent. */
export function isWanted(answer: Answer): boolean {
  return answer === Answer.WANT || answer === Answer.WANT_REST;
}

/** What became of a transfer. All but PARTIAL are final. */
export const AckStatus = { STORED: 0, PARTIAL: 1, HAVE: 2, TOMBSTONED: 3, REFUSED: 4 } as const;
export type AckStatus = (typeof AckStatus)[keyof typeof AckStatus];

/** The versions that the client speaks, 1 to 8 of them. The same for every client. */
export interface Hello {
  readonly type: "hello";
  readonly versions: readonly number[];
}

/** The relay's first frame: its day, its store's incarnation (16 bytes), what it takes. */
export interface Welcome {
  readonly type: "welcome";
  readonly version: number;
  readonly day: number;
  readonly incarnation: Uint8Array;
  /** In bytes. */
  readonly largestBody: number;
  /** How long a prefix may be, 0 to 32. */
  readonly replyBits: number;
  readonly openedBits: number;
  /** The stamp that it would like, 0 for none. */
  readonly effort: number;
}

/** Class 1: letters, parts and tombstones under the tags of a desk's epochs. */
export interface DeskInterest {
  readonly type: "deskInterest";
  readonly number: number;
  readonly statement: Uint8Array;
  readonly signingKey: Uint8Array;
  readonly firstEpoch: number;
  readonly lastEpoch: number;
  readonly cursor: Uint8Array | null;
  readonly signature: Uint8Array;
  readonly estimate: Uint8Array | null;
}

/** Class 2: replies whose tag begins with the first `bits` bits of `prefix` (4 bytes). */
export interface RepliesInterest {
  readonly type: "repliesInterest";
  readonly number: number;
  readonly bits: number;
  readonly prefix: Uint8Array;
}

/**
 * Class 3: OPENED of parcels whose id begins with `bits` bits of one of 1 to 64 prefixes.
 *
 * `since`: those that came on this day of the relay's or later, 0 for all.
 */
export interface OpenedInterest {
  readonly type: "openedInterest";
  readonly number: number;
  readonly bits: number;
  readonly prefixes: readonly Uint8Array[];
  readonly since: number;
}

/** One public tag (16 bytes) and the newest serials that the asker holds, 0 for none. */
export interface PublicWant {
  readonly tag: Uint8Array;
  readonly bulletinSerial: number;
  readonly cardSerial: number;
}

/** Class 4: newer public documents of 1 to 32 desks. */
export interface PublicInterest {
  readonly type: "publicInterest";
  readonly number: number;
  readonly wants: readonly PublicWant[];
}

/** Class 5: everything, for a configured peer that signs with its relay key. */
export interface AllInterest {
  readonly type: "allInterest";
  readonly number: number;
  readonly signingKey: Uint8Array;
  readonly cursor: Uint8Array | null;
  readonly signature: Uint8Array;
}

/** Class 6: the card of the relay that is asked. */
export interface CardInterest {
  readonly type: "cardInterest";
  readonly number: number;
}

/** All of an interest has been sent up to here. Opaque, at most 64 bytes. */
export interface Cursor {
  readonly type: "cursor";
  readonly interest: number;
  readonly cursor: Uint8Array;
}

/** 1 to 2048 offers (16 bytes each); `first` counts the sender's offers in the session. */
export interface Offers {
  readonly type: "offers";
  readonly first: number;
  readonly offers: readonly Uint8Array[];
}

/** The answers to the offers from number `first` on, 1 to 2048 of them. */
export interface Answers {
  readonly type: "answers";
  readonly first: number;
  readonly codes: readonly Answer[];
}

/** The blocks of a parcel that the sender of this frame holds; `bitmap` as in `Bitmap.bytes`. */
export interface Partial {
  readonly type: "partial";
  readonly parcelId: Uint8Array;
  readonly bitmap: Uint8Array;
}

/** Give these (offers of 16 bytes, 1 to 2048) in any case. */
export interface Want {
  readonly type: "want";
  readonly offers: readonly Uint8Array[];
}

/** Opens a transfer; `header` is the parcel's 96 bytes as they are. */
export interface HeaderFrame {
  readonly type: "header";
  readonly handle: number;
  readonly header: Uint8Array;
}

/** Hashes (32 bytes each): 1 to 64 of a page, or (page 1024) 1 to 1024 page roots. */
export interface Leaves {
  readonly type: "leaves";
  readonly handle: number;
  readonly page: number;
  readonly hashes: readonly Uint8Array[];
}

/** One block of a body, 1 to 16,384 bytes. */
export interface Block {
  readonly type: "block";
  readonly handle: number;
  readonly index: number;
  readonly data: Uint8Array;
}

/**
 * A transfer's status. `value`: how many of the transfer's blocks, in the order in which they came
 * in this session, are durable (PARTIAL); a verdict's number (REFUSED); otherwise 0.
 */
export interface AckEntry {
  readonly handle: number;
  readonly status: AckStatus;
  readonly value: number;
}

/** What group commit number `commit` (from 1) made durable, 1 to 512 entries. */
export interface Ack {
  readonly type: "ack";
  readonly commit: number;
  readonly entries: readonly AckEntry[];
}

/** A custody receipt (SPEC 13) over 1 to 512 parcel ids; `seed` is 16 bytes. */
export interface Receipt {
  readonly type: "receipt";
  readonly day: number;
  readonly seed: Uint8Array;
  readonly ids: readonly Uint8Array[];
  readonly signature: Uint8Array;
}

/** The desk has opened this parcel (SPEC 12). */
export interface Opened {
  readonly type: "opened";
  readonly parcelId: Uint8Array;
  readonly opened: Uint8Array;
  readonly signingKey: Uint8Array;
  readonly signature: Uint8Array;
}

/** The desk needs this parcel no more (SPEC 12). */
export interface Purge {
  readonly type: "purge";
  readonly parcelId: Uint8Array;
  readonly purgeKey: Uint8Array;
}

/** Work done for a parcel (SPEC 14); `nonce` is 16 bytes. */
export interface Stamp {
  readonly type: "stamp";
  readonly parcelId: Uint8Array;
  readonly epoch: number;
  readonly effort: number;
  readonly nonce: Uint8Array;
}

/** Up to 2048 cells of a sketch (12 bytes each, one after the other), from cell `first` on. */
export interface Cells {
  readonly type: "cells";
  readonly interest: number;
  readonly first: number;
  readonly cells: Uint8Array;
}

/** The key (16 bytes) of a day's sketch and the fingerprint (32 bytes) of the set. */
export interface Sketch {
  readonly type: "sketch";
  readonly interest: number;
  readonly day: number;
  readonly key: Uint8Array;
  readonly fingerprint: Uint8Array;
  /** About how many ids differ, 0 where that is not known. */
  readonly expected: number;
  /** How many follow. */
  readonly cells: number;
}

/** Asks for `count` cells from `first` on of the ids that begin with `bits` bits of `prefix`. */
export interface Bisect {
  readonly type: "bisect";
  readonly interest: number;
  readonly bits: number;
  readonly prefix: Uint8Array;
  readonly first: number;
  readonly count: number;
}

/** Asks for up to 4096 parcels by the first 5 bytes of their short ids. */
export interface Lack {
  readonly type: "lack";
  readonly interest: number;
  readonly heads: readonly Uint8Array[];
}

/** The envelope of the relay's own card (SPEC 15), 1 to 65,000 bytes. */
export interface CardFrame {
  readonly type: "card";
  readonly envelope: Uint8Array;
}

/** Nothing more is on its way until something else is asked for, or comes. */
export interface Idle {
  readonly type: "idle";
  /** How many IDLE of the other side this one answers. */
  readonly heard: number;
}

/** A verdict by number (one that is not in the list is allowed) and a line for the person. */
export interface ErrorFrame {
  readonly type: "error";
  readonly verdict: number;
  readonly detail: string;
}

/** The last frame of a direction. */
export interface End {
  readonly type: "end";
}

export type Interest =
  | DeskInterest
  | RepliesInterest
  | OpenedInterest
  | PublicInterest
  | AllInterest
  | CardInterest;

export type Frame =
  | Hello
  | Welcome
  | Interest
  | Cursor
  | Offers
  | Answers
  | Partial
  | Want
  | HeaderFrame
  | Leaves
  | Block
  | Ack
  | Receipt
  | Opened
  | Purge
  | Stamp
  | Cells
  | Sketch
  | Bisect
  | Lack
  | CardFrame
  | Idle
  | ErrorFrame
  | End;
