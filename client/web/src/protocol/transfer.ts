/**
 * How a parcel crosses a session, block by block (SPEC 4 and 17): Outgoing gives, Intake takes.
 * Nothing leaves Intake that does not hash to what its header says.
 */
import { Bitmap } from "./bitmap.ts";
import { equal } from "./bytes.ts";
import { BadRoot, LocalError, localMalformed, RemoteError } from "./errors.ts";
import { PAGE_ROOTS } from "./frameCodec.ts";
import type { Block, Frame, HeaderFrame, Leaves } from "./frames.ts";
import { MAX_OPEN_TRANSFERS, PAGE_LEAVES } from "./limits.ts";
import { blockCount, blockLength, leafHash, pageCount, rootOf } from "./merkle.ts";
import { type Header, parseHeader } from "./parcel.ts";

const NOTHING = Bitmap.fromIndices([]);

/**
 * In what order a body's lists and blocks may pass, kept alike by giver and taker.
 *
 * One page is open at a time, so that the taker keeps one list of it. Every page and every block
 * passes once. What breaks the order is told as a reason, for each side to throw its own error.
 */
class Pages {
  readonly bodySize: number;
  readonly blocks: number;
  readonly pages: number;
  needsRoots: boolean;
  readonly #passed = new Set<number>();
  #current: number | undefined;
  readonly #given = new Set<number>();

  constructor(bodySize: number) {
    this.bodySize = bodySize;
    this.blocks = blockCount(bodySize);
    this.pages = pageCount(bodySize);
    this.needsRoots = this.pages > 1;
    this.#current = this.blocks > 1 ? undefined : 0;
  }

  /** How many leaves the page holds, or how many page roots there are. */
  pageSize(page: number): number {
    if (page === PAGE_ROOTS) return this.pages;
    return Math.min(PAGE_LEAVES, this.blocks - page * PAGE_LEAVES);
  }

  /** The page that has to pass before the block does; undefined if it is open. */
  neededFor(index: number): number | undefined {
    const page = Math.floor(index / PAGE_LEAVES);
    return page === this.#current ? undefined : page;
  }

  /** Whether the page has passed and is not open any more. */
  isPast(page: number): boolean {
    return page !== this.#current && this.#passed.has(page);
  }

  /** Why these leaves may not pass now. */
  whyNotPage(page: number): string | undefined {
    if (page === PAGE_ROOTS) {
      return this.needsRoots ? undefined : "page roots that are not called for";
    }
    if (this.blocks === 1 || page >= this.pages) {
      return `page ${page} of a body of ${this.blocks} blocks`;
    }
    if (this.needsRoots) return `page ${page} before the page roots`;
    return this.#passed.has(page) ? `page ${page} a second time` : undefined;
  }

  passPage(page: number): void {
    if (page === PAGE_ROOTS) {
      this.needsRoots = false;
      return;
    }
    this.#passed.add(page);
    this.#current = page;
    this.#given.clear();
  }

  /** Why this block may not pass now. */
  whyNotBlock(index: number): string | undefined {
    if (index >= this.blocks) return `block ${index} of ${this.blocks}`;
    if (this.neededFor(index) !== undefined) return `block ${index} before its leaves`;
    return this.#given.has(index) ? `block ${index} a second time` : undefined;
  }

  passBlock(index: number): void {
    this.#given.add(index);
  }
}

/**
 * One transfer as its giver makes it. LocalError for what breaks the order.
 *
 * `held` are the blocks that the taker told to have; they are left out.
 */
export class Outgoing {
  readonly handle: number;
  readonly header: Header;
  readonly #held: Bitmap;
  readonly #pages: Pages;
  #started = false;

  constructor(handle: number, header: Header, held: Bitmap = NOTHING) {
    this.handle = handle;
    this.header = header;
    this.#held = held;
    this.#pages = new Pages(header.bodySize);
  }

  /** HEADER and, for more than 64 blocks, the page roots; no others are needed. */
  start(pageRoots: readonly Uint8Array[] = []): Frame[] {
    this.#refuse(this.#started ? "HEADER a second time" : undefined);
    const opening: Frame[] = [
      { type: "header", handle: this.handle, header: this.header.encode() },
    ];
    if (this.#pages.needsRoots) opening.push(this.#leaves(PAGE_ROOTS, pageRoots));
    this.#started = true;
    return opening;
  }

  /** The blocks that the taker has not told to hold, in their order. */
  missing(): number[] {
    return this.#held.missing(this.#pages.blocks);
  }

  /** The page to send before this block, if any. */
  pageNeeded(index: number): number | undefined {
    return this.#pages.neededFor(index);
  }

  /** Whether this page has passed and can't again: its blocks need another transfer. */
  isPast(page: number): boolean {
    return this.#pages.isPast(page);
  }

  /** A page's list. It takes the place of the page before. */
  page(page: number, leaves: readonly Uint8Array[]): Leaves {
    this.#refuse(this.#started ? undefined : "a page before HEADER");
    return this.#leaves(page, leaves);
  }

  /** A block of the page that is open. */
  block(index: number, data: Uint8Array): Block {
    this.#refuse(this.#started ? undefined : "a block before HEADER");
    this.#refuse(this.#pages.whyNotBlock(index));
    const length = blockLength(this.#pages.bodySize, index);
    if (data.length !== length) {
      throw localMalformed(`block ${index} has ${length} bytes, not ${data.length}`);
    }
    this.#pages.passBlock(index);
    return { type: "block", handle: this.handle, index, data };
  }

  #leaves(page: number, hashes: readonly Uint8Array[]): Leaves {
    this.#refuse(this.#pages.whyNotPage(page));
    const size = this.#pages.pageSize(page);
    if (hashes.length !== size) {
      throw localMalformed(`list ${page} holds ${size} hashes, not ${hashes.length}`);
    }
    this.#pages.passPage(page);
    return { type: "leaves", handle: this.handle, page, hashes };
  }

  #refuse(reason: string | undefined): void {
    if (reason !== undefined) {
      throw new LocalError("unexpected_frame", `transfer ${this.handle}: ${reason}`);
    }
  }
}

/** A block that hashes to what its header says. */
export interface Verified {
  readonly handle: number;
  readonly header: Header;
  readonly index: number;
  readonly data: Uint8Array;
  readonly leaf: Uint8Array;
  /** With it every block that was not held has come, and the transfer is closed. */
  readonly complete: boolean;
}

/** A transfer that is open: at most the page roots, 32 KiB, and one page, 2 KiB. */
class Incoming {
  readonly header: Header;
  readonly order: Pages;
  held = NOTHING;
  left: number;
  roots: readonly Uint8Array[];
  leaves: readonly Uint8Array[];

  constructor(header: Header) {
    this.header = header;
    this.order = new Pages(header.bodySize);
    this.left = this.order.blocks;
    this.roots = [header.root];
    this.leaves = [header.root];
  }
}

/**
 * All transfers of one direction. Give it every HEADER, LEAVES and BLOCK, in their order.
 *
 * `unexpected_frame` and `too_large` end the session. Every other error is of the one transfer that
 * the frame names: it is closed, and its later frames are dropped without a word.
 */
export class Intake {
  #next = 0;
  readonly #open = new Map<number, Incoming>();

  /** The transfers that are neither complete nor closed. */
  get openHandles(): number[] {
    return [...this.#open.keys()];
  }

  /** The header of a transfer that begins. Whether it is wanted is for the caller to say. */
  open(frame: HeaderFrame): Header {
    if (frame.handle !== this.#next) {
      throw unexpected(`transfer ${frame.handle} where ${this.#next} is the next`);
    }
    if (this.#open.size === MAX_OPEN_TRANSFERS) {
      throw new RemoteError("too_large", `more than ${MAX_OPEN_TRANSFERS} open transfers`);
    }
    this.#next += 1;
    const header = parseHeader(frame.header);
    this.#open.set(frame.handle, new Incoming(header));
    return header;
  }

  /**
   * Count these blocks, which the giver was told to be held, as here already.
   *
   * Right after `open`, before any block. Where nothing is left to come the transfer closes.
   */
  leaveOut(handle: number, held: Bitmap): void {
    const incoming = this.#open.get(handle);
    if (incoming === undefined || incoming.left < incoming.order.blocks) {
      throw new LocalError(
        "unexpected_frame",
        "what is held is told between the header and the blocks",
      );
    }
    incoming.held = held;
    incoming.left = held.missing(incoming.order.blocks).length;
    if (incoming.left === 0) this.close(handle);
  }

  /** Page roots or a page; `bad_root` (with its handle) where they are not what the header says. */
  leaves(frame: Leaves): void {
    const incoming = this.#find(frame.handle);
    if (incoming === undefined) return;
    const { order } = incoming;
    refuse(frame.handle, order.whyNotPage(frame.page));
    const ours = frame.page === PAGE_ROOTS ? incoming.header.root : incoming.roots[frame.page];
    const isRightSize = frame.hashes.length === order.pageSize(frame.page);
    if (!isRightSize || ours === undefined || !equal(rootOf(frame.hashes), ours)) {
      throw this.#closeFor(frame.handle, `list ${frame.page}`);
    }
    order.passPage(frame.page);
    if (frame.page === PAGE_ROOTS) incoming.roots = frame.hashes;
    else incoming.leaves = frame.hashes;
  }

  /** The block, verified, or undefined where its transfer is closed. `bad_root` with its handle. */
  block(frame: Block): Verified | undefined {
    const { handle, index, data } = frame;
    const incoming = this.#find(handle);
    if (incoming === undefined) return undefined;
    const { order, header } = incoming;
    refuse(handle, order.whyNotBlock(index));
    const leaf = leafHash(data);
    const expected = incoming.leaves[index % PAGE_LEAVES];
    const isRightSize = data.length === blockLength(order.bodySize, index);
    if (!isRightSize || expected === undefined || !equal(leaf, expected)) {
      throw this.#closeFor(handle, `block ${index}`);
    }
    order.passBlock(index);
    if (!incoming.held.has(index)) incoming.left -= 1;
    if (incoming.left === 0) this.close(handle);
    return { handle, header, index, data, leaf, complete: incoming.left === 0 };
  }

  /** The transfer has a final status. Closing twice does nothing. */
  close(handle: number): void {
    this.#open.delete(handle);
  }

  #find(handle: number): Incoming | undefined {
    if (handle >= this.#next) throw unexpected(`transfer ${handle} has no HEADER`);
    return this.#open.get(handle);
  }

  #closeFor(handle: number, what: string): BadRoot {
    this.close(handle);
    return new BadRoot(handle, `${what} is not what the header says`);
  }
}

function unexpected(detail: string): RemoteError {
  return new RemoteError("unexpected_frame", detail);
}

function refuse(handle: number, reason: string | undefined): void {
  if (reason !== undefined) throw unexpected(`transfer ${handle}: ${reason}`);
}
