/** Every number that bounds what is accepted, with its reason (SPEC 21). Computes nothing. */

/** Integers are exact in a binary64, so that a browser reads the same value (SPEC 1). */
export const MAX_INT = Number.MAX_SAFE_INTEGER;
/** Arrays in arrays, the top one counted: no record needs more, and parsers stay shallow. */
export const MAX_DEPTH = 4;
/**
 * Values in all arrays of a record: twice the longest ACK. A MiB of empty arrays, which anybody
 * may send unsigned, would else take a second and 64 MiB to read.
 */
export const MAX_VALUES = 4096;
/** The unit of transfer: a cut after some hundred kB wastes few percent of them (SPEC 4). */
export const BLOCK_BYTES = 16_384;
/**
 * Leaves in a list: 2 KiB before the first block of a page is little of what a short window
 * carries, and a power of two keeps page roots in the tree (SPEC 4).
 */
export const PAGE_LEAVES = 64;
/** Pages of a body: the list of their roots, 32 KiB, fits one frame. */
export const MAX_PAGES = 1024;
/** Blocks in a body. */
export const MAX_BLOCKS = PAGE_LEAVES * MAX_PAGES;
export const HASH_BYTES = 32;
export const HEADER_BYTES = 96;
export const TAG_BYTES = 16;
export const OFFER_BYTES = 16;
export const SIGNATURE_BYTES = 65;
export const SIGNING_KEY_BYTES = 32;
export const SEALING_KEY_BYTES = 1216;
/** enc (1120) and the AEAD tag (16) (SPEC 2). */
export const SEAL_OVERHEAD_BYTES = 1136;
/** A content key, sealed: what a letter's body begins with (SPEC 5). */
export const SEALED_KEY_BYTES = SEAL_OVERHEAD_BYTES + 32;
/** A letter must fit a window of seconds on a 2G line. */
export const MAX_LETTER_BODY_BYTES = 262_144;
/** Bounds what a letter may inflate to. */
export const MAX_LETTER_CONTENT_BYTES = 196_608;
/** 1 GiB, 1024 pages of 64 blocks: every list fits one frame. What is larger is sent in pieces. */
export const MAX_PART_BODY_BYTES = BLOCK_BYTES * MAX_BLOCKS;
/** A bulletin with pictures; everybody carries it. */
export const MAX_PUBLIC_BODY_BYTES = 1_048_576;
export const THUMBNAIL_BODY_BYTES = 16_384;
/** One block, so that a picture is seen after one block (SPEC 6). */
export const MAX_THUMBNAIL_BYTES = 15_360;
export const PREVIEW_BODY_BYTES = 131_072;
/** Eight blocks: enough to judge a picture by, small enough for a slow line (SPEC 6). */
export const MAX_PREVIEW_BYTES = 130_048;
/** The longest card (53 weeks) with the longest grace (180 days), and a week (SPEC 3). */
export const MAX_EXPIRY_AHEAD_DAYS = 560;
/** A record that fits one packet with its length and tag (SPEC 16, 17). */
export const MAX_FRAME_BYTES = 65_517;
/** Bounds a receiver's memory: 64 times 34 KiB, page roots and one page. */
export const MAX_OPEN_TRANSFERS = 64;
/** Offers, answers or wants in a frame: 32 KiB of offers fit a packet. */
export const MAX_OFFERS = 2048;
/** Parcels of a custody receipt; a session that took more gives several (SPEC 13). */
export const MAX_RECEIPT_IDS = 512;
/** Interests in a session. */
export const MAX_INTERESTS = 32;
/**
 * Of a prefix that a client gives, whatever a relay allows: one that lies about how much it
 * holds would else be told which parcels and which mailbox are the client's (SPEC 17).
 */
export const MAX_GIVEN_BITS = 10;
/** A desk card: 53 sealing keys and 16 relays with their keys. */
export const MAX_CARD_BYTES = 131_072;
/** A relay's card in a frame: its fields at their longest make 57,000. */
export const MAX_TOLD_CARD_BYTES = 65_000;
/** A statement: 8 certified and 64 revoked keys, with room to grow. */
export const MAX_STATEMENT_BYTES = 8192;
/** A short id's 8 bytes and its check's 4 (SPEC 18). */
export const CELL_BYTES = 12;
/** Cells in a frame, or asked for by one: 24 KiB. */
export const MAX_CELLS = 2048;
/** Of a short id, to ask by: of a million, another one has the same in one case of a million. */
export const HEAD_BYTES = 5;
/** Short ids asked for in a frame: 20 KiB. */
export const MAX_LACKS = 4096;
/**
 * 16 bits for each bit of an id: within 9% of the number of differences, where they are below
 * some 10^8 (SPEC 18).
 */
export const ESTIMATE_BYTES = 512;
