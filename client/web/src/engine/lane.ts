/** The transfers of a session as they go out, block by block, and the relay's word on each. */
import { RemoteError } from "../protocol/errors.ts";
import { type Ack, AckStatus, type Frame } from "../protocol/frames.ts";
import { MAX_OPEN_TRANSFERS, PAGE_LEAVES } from "../protocol/limits.ts";
import { Outgoing } from "../protocol/transfer.ts";
import type { Giving } from "./giving.ts";
import type { Outbox, Said } from "./outbox.ts";
import { GROUP_BLOCKS, ROOTS_PAGE } from "./sealingRoom.ts";
import type { Load } from "./traffic.ts";

/** Groups of blocks (1 MiB each) that are kept ready: what goes in turns goes from several. */
const GROUPS_KEPT = 4;

/** A load that was begun, and the blocks of it that went, in their order. */
interface Transfer {
  readonly load: Load;
  readonly outgoing: Outgoing;
  readonly sent: number[];
  confirmed: number;
}

export class Lane {
  readonly #giving: Giving;
  readonly #outbox: Outbox;
  readonly #transfers: Transfer[] = [];
  /** By their loads, of several of one load the newest. */
  readonly #open = new Map<Load, Transfer>();
  /** By their handles. */
  readonly #unsettled = new Map<number, Transfer>();
  readonly #told = new Set<Load>();
  readonly #groups = new Map<string, readonly Uint8Array[]>();

  constructor(giving: Giving, outbox: Outbox) {
    this.#giving = giving;
    this.#outbox = outbox;
  }

  /**
   * Whether offers are open, or more is to go when some of what was sent is acknowledged, or a stamp
   * may be found for what the relay lets wait.
   */
  get isWaiting(): boolean {
    const hasMore = !this.#giving.agenda.isEmpty;
    return (
      this.#giving.isUnanswered ||
      (hasMore && (this.#isFull || this.#isUnconfirmed)) ||
      [...this.#unsettled.values()].some(({ load }) => this.#giving.mayPay(load))
    );
  }

  /** The frames of the most valuable block that may go now, its data behind; none if there is none. */
  async next(): Promise<{ frames: Frame[]; size: number } | undefined> {
    const allow = (load: Load) => this.#open.has(load) || !this.#isFull;
    for (;;) {
      const chosen = this.#giving.agenda.choose(allow);
      if (chosen === undefined) return undefined;
      const [load, index] = chosen;
      const found = await this.#frames(load, index);
      if (found !== undefined) return found;
      // Opened by the desk, or dropped by the person, while it was on its way.
      this.#open.delete(load);
      this.#giving.agenda.drop(load);
    }
  }

  /** What became of transfers; the words to keep. Throws `unexpected_frame`. */
  acks({ entries }: Ack): Said[] {
    const words: Said[] = [];
    for (const { handle, status, value } of entries) {
      const transfer = this.#transfers[handle];
      if (transfer === undefined) {
        throw new RemoteError("unexpected_frame", "a status of a parcel that was never sent");
      }
      const { load } = transfer;
      if (status === AckStatus.PARTIAL) {
        if (load.isOver) continue;
        this.#confirm(transfer, value);
        words.push(this.#giving.half(load));
        continue;
      }
      if (!this.#unsettled.delete(handle)) continue;
      this.#open.delete(load);
      if (this.#told.has(load)) continue;
      this.#told.add(load);
      if (status === AckStatus.REFUSED) this.#giving.refused(load, value);
      else if (status === AckStatus.TOMBSTONED) words.push(this.#giving.purged(load));
      else words.push(this.#giving.holds(load));
    }
    return words;
  }

  /** The connection has ended: what it did not bring to its end is for others. */
  over(): void {
    for (const { load, sent, confirmed } of this.#unsettled.values()) {
      this.#giving.agenda.giveBack(load, sent.slice(confirmed));
    }
    this.#open.clear();
    this.#unsettled.clear();
    this.#groups.clear();
  }

  /** Whether nothing may begin until the relay has settled something. */
  get #isFull(): boolean {
    return this.#unsettled.size >= MAX_OPEN_TRANSFERS;
  }

  get #isUnconfirmed(): boolean {
    return [...this.#unsettled.values()].some(({ sent, confirmed }) => sent.length > confirmed);
  }

  async #frames(load: Load, index: number): Promise<{ frames: Frame[]; size: number } | undefined> {
    const page = Math.floor(index / PAGE_LEAVES);
    const { key, header } = load.parcel;
    let transfer = this.#open.get(load);
    const begins = transfer === undefined || transfer.outgoing.isPast(page);
    if (transfer === undefined || begins) {
      const outgoing = new Outgoing(this.#transfers.length, header);
      transfer = { load, outgoing, sent: [], confirmed: 0 };
    }
    const needed = transfer.outgoing.pageNeeded(index);
    const hasRoots = begins && load.blocks > PAGE_LEAVES;
    const data = await this.#block(key, index);
    const leaves = needed === undefined ? [] : await this.#outbox.leaves(key, needed);
    const roots = hasRoots ? await this.#outbox.leaves(key, ROOTS_PAGE) : [];
    if (data === undefined || leaves === undefined || roots === undefined) return undefined;
    const frames: Frame[] = [];
    if (begins) {
      frames.push(...transfer.outgoing.start(roots));
      this.#unsettled.set(this.#transfers.length, transfer);
      this.#transfers.push(transfer);
      this.#open.set(load, transfer);
    }
    load.page = page;
    if (needed !== undefined) frames.push(transfer.outgoing.page(needed, leaves));
    frames.push(transfer.outgoing.block(index, data));
    transfer.sent.push(index);
    return { frames, size: data.length };
  }

  async #block(key: number, index: number): Promise<Uint8Array | undefined> {
    const number = Math.floor(index / GROUP_BLOCKS);
    const place = `${key} ${number}`;
    let group = this.#groups.get(place);
    if (group === undefined) {
      group = await this.#outbox.group(key, number);
      if (group === undefined) return undefined;
      for (const oldest of this.#groups.keys()) {
        if (this.#groups.size < GROUPS_KEPT) break;
        this.#groups.delete(oldest);
      }
      this.#groups.set(place, group);
    }
    return group[index % GROUP_BLOCKS];
  }

  #confirm(transfer: Transfer, value: number): void {
    const count = Math.min(value, transfer.sent.length);
    if (count <= transfer.confirmed) return;
    this.#giving.confirm(transfer.load, transfer.sent.slice(transfer.confirmed, count));
    transfer.confirmed = count;
  }
}
