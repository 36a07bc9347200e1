/**
 * Where the blocks of one parcel are: on which relay's disk, as it says, and on the way to which.
 *
 * So that no block goes out a second time while another has not gone once. Sets of blocks are bytes
 * as in PARTIAL: bit 7 of byte 0 is block 0. Relays stand in hex, by their signing keys.
 */
import { PAGE_LEAVES } from "../protocol/limits.ts";

const PAGE_BYTES = PAGE_LEAVES / 8;

export class Spread {
  readonly #all: Uint8Array;
  /** How many relays are to get each block; null for every relay. */
  readonly #copies: number | null;
  /** Relays that count for each other and for nobody else. */
  readonly #aside: ReadonlySet<string>;
  readonly #held = new Map<string, Uint8Array>();
  readonly #sent = new Map<string, Uint8Array>();
  readonly #doubted = new Set<string>();

  constructor(blocks: number, copies: number | null, aside: ReadonlySet<string> = new Set()) {
    this.#all = new Uint8Array(Math.ceil(blocks / 8)).fill(0xff);
    if (blocks % 8 > 0) this.#all[this.#all.length - 1] = 0xff << (8 - (blocks % 8));
    this.#copies = copies;
    this.#aside = aside;
  }

  /** A relay counts for nothing when it is asked what others have. */
  doubt(relay: string): void {
    this.#doubted.add(relay);
  }

  /** A relay has these, by its word, and no others. */
  hold(relay: string, bitmap: Uint8Array): void {
    this.#held.set(
      relay,
      this.#all.map((byte, at) => byte & (bitmap[at] ?? 0)),
    );
  }

  /** A relay has the whole of it. */
  holdAll(relay: string): void {
    this.#held.set(relay, this.#all.slice());
  }

  /** A relay has nothing of it, and is given nothing. */
  forget(relay: string): void {
    this.#held.delete(relay);
    this.#sent.delete(relay);
  }

  /** What a relay has, as in PARTIAL. */
  held(relay: string): Uint8Array {
    const held = this.#held.get(relay) ?? new Uint8Array(0);
    let end = held.length;
    while (end > 0 && held[end - 1] === 0) end -= 1;
    return held.slice(0, end);
  }

  /** A block is on its way. */
  send(relay: string, index: number): void {
    this.#set(this.#sent, relay, [index], true);
  }

  /** Blocks that were on their way are on the relay's disk. */
  confirm(relay: string, indices: readonly number[]): void {
    this.#set(this.#sent, relay, indices, false);
    this.#set(this.#held, relay, indices, true);
  }

  /** Nobody knows what became of these: they go again. */
  giveBack(relay: string, indices: readonly number[]): void {
    this.#set(this.#sent, relay, indices, false);
  }

  /** The next block for a relay of those that no other has or is given; of this page, if it can. */
  first(relay: string, page: number | undefined): number | undefined {
    return nearest(this.#firstOf(relay), page);
  }

  /** The same of those that others have, but not as many as there should. */
  spare(relay: string, page: number | undefined): number | undefined {
    return nearest(this.#spareOf(relay), page);
  }

  /** How many `first` would give. */
  countFirst(relay: string): number {
    return count(this.#firstOf(relay));
  }

  /** How many `spare` would give. */
  countSpare(relay: string): number {
    return count(this.#spareOf(relay));
  }

  /** How many of them no relay has, nor is on the way to any. */
  get countNowhere(): number {
    const lacking = this.#all.slice();
    for (const at of [...this.#held.values(), ...this.#sent.values()]) takeOff(lacking, at);
    return count(lacking);
  }

  /** Whether a block is on its way to a relay that no other one has, by its word. */
  isInDoubt(relay: string): boolean {
    const lacking = (this.#sent.get(relay) ?? new Uint8Array(0)).slice();
    for (const other of this.#others(relay)) takeOff(lacking, this.#held.get(other));
    return count(lacking) > 0;
  }

  #others(relay: string): string[] {
    const known = new Set([...this.#held.keys(), ...this.#sent.keys()]);
    known.delete(relay);
    const mayCountAside = this.#aside.has(relay);
    return [...known].filter(
      (other) => !this.#doubted.has(other) && (mayCountAside || !this.#aside.has(other)),
    );
  }

  #lacking(relay: string): Uint8Array {
    const lacking = this.#all.slice();
    takeOff(lacking, this.#held.get(relay));
    takeOff(lacking, this.#sent.get(relay));
    return lacking;
  }

  #firstOf(relay: string): Uint8Array {
    const lacking = this.#lacking(relay);
    if (this.#copies !== null) {
      for (const other of this.#others(relay)) {
        takeOff(lacking, this.#held.get(other));
        takeOff(lacking, this.#sent.get(other));
      }
    }
    return lacking;
  }

  #spareOf(relay: string): Uint8Array {
    const lacking = this.#lacking(relay);
    const copies = this.#copies;
    if (copies === null) return new Uint8Array(0);
    const others = this.#others(relay).map((other) => [
      this.#held.get(other),
      this.#sent.get(other),
    ]);
    return lacking.map((byte, at) => {
      if (byte === 0) return 0;
      let spare = 0;
      for (let bit = 0x80; bit > 0; bit >>= 1) {
        if ((byte & bit) === 0) continue;
        const seen = others.filter((sets) => sets.some((set) => ((set?.[at] ?? 0) & bit) !== 0));
        if (seen.length > 0 && seen.length < copies) spare |= bit;
      }
      return spare;
    });
  }

  #set(
    sets: Map<string, Uint8Array>,
    relay: string,
    indices: readonly number[],
    isIn: boolean,
  ): void {
    const set = sets.get(relay) ?? new Uint8Array(this.#all.length);
    sets.set(relay, set);
    for (const index of indices) {
      const bit = 0x80 >> (index & 7);
      const byte = set[index >> 3] as number;
      set[index >> 3] = isIn ? byte | bit : byte & ~bit;
    }
  }
}

function takeOff(set: Uint8Array, other: Uint8Array | undefined): void {
  if (other === undefined) return;
  for (let at = 0; at < set.length; at++) {
    set[at] = (set[at] as number) & ~(other[at] ?? 0);
  }
}

function count(set: Uint8Array): number {
  let found = 0;
  for (let byte of set) {
    for (; byte > 0; byte &= byte - 1) found += 1;
  }
  return found;
}

/** The lowest of a page, or of all where the page has none. */
function nearest(set: Uint8Array, page: number | undefined): number | undefined {
  const near =
    page === undefined ? undefined : lowest(set, page * PAGE_BYTES, (page + 1) * PAGE_BYTES);
  return near ?? lowest(set, 0, set.length);
}

function lowest(set: Uint8Array, start: number, end: number): number | undefined {
  for (let at = start; at < Math.min(end, set.length); at++) {
    const byte = set[at] as number;
    if (byte > 0) return at * 8 + Math.clz32(byte) - 24;
  }
  return undefined;
}
