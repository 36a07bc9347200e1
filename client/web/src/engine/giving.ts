/**
 * What goes to a relay in a session: what it is offered, what it wants, and what became of that.
 *
 * Sends nothing itself and deletes nothing.
 */
import { hex } from "../protocol/bytes.ts";
import { errorFor } from "../protocol/errors.ts";
import {
  Answer,
  type Answers,
  type Frame,
  isWanted,
  type Partial,
  type Receipt,
  type Stamp,
} from "../protocol/frames.ts";
import { Rank } from "../protocol/kinds.ts";
import { MAX_OFFERS, OFFER_BYTES } from "../protocol/limits.ts";
import { verifyReceipt } from "../protocol/receipt.ts";
import { type Outbox, type Said, type StoredParcel, Word } from "./outbox.ts";
import { type Stamper, serves } from "./stamper.ts";
import type { Agenda, Load, Traffic } from "./traffic.ts";

/** Letters and thumbnails that go before the relay has answered: a round trip of a slow line. */
const UNASKED_BYTES = 131_072;
/** What who was told of no effort and is refused all the same takes (SPEC 14). */
const FIRST_EFFORT = 65_536;

export class Giving {
  readonly agenda: Agenda;
  /** Whether the outbox may hold what is not known here yet. */
  isStale = true;
  readonly #relayKey: Uint8Array;
  readonly #relay: string;
  readonly #outbox: Outbox;
  readonly #traffic: Traffic;
  readonly #desks: ReadonlySet<string>;
  readonly #stamper: Stamper;
  readonly #loads = new Map<string, Load>();
  readonly #offered: Load[] = [];
  readonly #shown = new Map<number, number>();
  #answered = 0;
  #unaskedBytes = 0;
  #welcome: { day: number; largestBody: number; effort: number } | undefined;
  /** Parcels that it would have taken with a stamp. */
  stampsWanted = 0;

  constructor(
    relayKey: Uint8Array,
    desks: ReadonlySet<string>,
    run: { outbox: Outbox; traffic: Traffic; stamper: Stamper },
  ) {
    this.#relayKey = relayKey;
    this.#relay = hex(relayKey);
    this.#desks = desks;
    this.#outbox = run.outbox;
    this.#traffic = run.traffic;
    this.#stamper = run.stamper;
    this.agenda = run.traffic.agenda(this.#relay);
  }

  /** Take in what is queued and not known yet, let go of what is not any more; what offers it. */
  async offers(): Promise<Frame[]> {
    if (!this.isStale) return [];
    this.isStale = false;
    const all = await this.#outbox.waiting();
    const parcels = all.filter(({ desk }) => this.#desks.has(desk));
    const waiting = new Map(parcels.map((parcel) => [offerOf(parcel.id), parcel]));
    for (const [offer, load] of this.#loads) {
      const parcel = waiting.get(offer);
      if (parcel === undefined) this.agenda.drop(load);
      else load.parcel = parcel;
    }
    const fresh = this.#traffic
      .loads(parcels, this.#relay)
      .filter(({ parcel }) => !this.#loads.has(offerOf(parcel.id)))
      .sort((one, other) => one.parcel.rank - other.parcel.rank);
    for (const load of fresh) {
      this.#loads.set(offerOf(load.parcel.id), load);
      this.#judge(load);
      if (!load.isOver && this.#goesUnasked(load.parcel)) this.agenda.add(load);
    }
    const asked = fresh
      .filter((load) => !load.isReady && !load.isOver)
      .sort(
        (one, other) =>
          one.parcel.rank - other.parcel.rank ||
          one.parcel.item - other.parcel.item ||
          one.ordinal - other.ordinal,
      );
    // Stamps before the parcels that they are for.
    const frames: Frame[] = this.#stamps();
    for (let start = 0; start < asked.length; start += MAX_OFFERS) {
      const some = asked.slice(start, start + MAX_OFFERS);
      const offers = some.map(({ parcel }) => parcel.id.slice(0, OFFER_BYTES));
      frames.push({ type: "offers", first: this.#offered.length, offers });
      this.#offered.push(...some);
    }
    return frames;
  }

  /** The relay has told its day, the largest body that it takes and what a stamp should show. */
  welcome(day: number, largestBody: number, effort: number): void {
    this.#welcome = { day, largestBody, effort };
    for (const load of this.#loads.values()) {
      this.#judge(load);
      // One is worked on while it decides what it takes without.
      if (effort > 0 && !load.isOver) this.#stamper.want(load.parcel, day, effort);
    }
  }

  /** What the relay says to our offers; the words to keep. */
  answers({ first, codes }: Answers): Said[] {
    const words: Said[] = [];
    for (const [at, code] of codes.entries()) {
      const load = this.#offered[first + at] as Load;
      this.#answered += 1;
      if (isWanted(code)) {
        if (load.isOver) continue;
        if (code === Answer.WANT && load.parcel.held.has(this.#relay)) {
          // It has let go of what it had.
          load.spread.forget(this.#relay);
          words.push(this.half(load));
        }
        this.agenda.add(load);
      } else if (code === Answer.HAVE) {
        words.push(this.holds(load));
      } else if (code === Answer.TOMBSTONED) {
        words.push(this.purged(load));
      } else {
        this.#refuse(load);
      }
    }
    return words;
  }

  /** The blocks of a parcel that the relay holds already. */
  partial({ parcelId, bitmap }: Partial): void {
    const load = this.#loads.get(offerOf(parcelId));
    if (load !== undefined && !load.isReady) load.spread.hold(this.#relay, bitmap);
  }

  /** Whether offers are open that the relay has not answered. */
  get isUnanswered(): boolean {
    return this.#answered < this.#offered.length;
  }

  /** Whether a stamp for it may still be found. */
  mayPay(load: Load): boolean {
    return !load.isOver && this.#stamper.worksOn(load.parcel.key);
  }

  /** The relay has a part of it. */
  half(load: Load): Said {
    return { key: load.parcel.key, word: Word.HALF, held: load.spread.held(this.#relay) };
  }

  /** The relay has the whole of it. */
  holds(load: Load): Said {
    this.agenda.drop(load);
    load.spread.holdAll(this.#relay);
    return { key: load.parcel.key, word: Word.HOLDS, held: null };
  }

  /** The desk has purged it there. */
  purged(load: Load): Said {
    this.agenda.drop(load);
    return { key: load.parcel.key, word: Word.PURGED, held: null };
  }

  /** Blocks are on the relay's disk. */
  confirm(load: Load, indices: readonly number[]): void {
    load.spread.confirm(this.#relay, indices);
  }

  /** The relay does not take it, by this verdict, and keeps nothing of it. */
  refused(load: Load, verdict: number): void {
    this.#refuse(load);
    if (errorFor(verdict).verdict !== "stamp_wanted") return;
    this.stampsWanted += 1;
    const { day = this.#traffic.today, effort = 0 } = this.#welcome ?? {};
    this.#stamper.want(load.parcel, day, effort || FIRST_EFFORT, true);
  }

  /** A custody receipt, verified; the words to keep. Throws a RemoteError. */
  receipt(frame: Receipt): Said[] {
    verifyReceipt(this.#relayKey, frame);
    return frame.ids.flatMap((id) => {
      const load = this.#loads.get(offerOf(id));
      return load === undefined ? [] : [{ key: load.parcel.key, word: Word.SIGNED, held: null }];
    });
  }

  /** The session has ended, in whatever way. */
  over(): void {
    this.#traffic.left(this.#relay);
  }

  /** Those that were found and not shown yet. */
  #stamps(): Stamp[] {
    const found: Stamp[] = [];
    for (const { parcel, isOver } of this.#loads.values()) {
      const { stamp, key } = parcel;
      if (stamp === null || isOver || !serves(stamp, this.#traffic.today, 1)) continue;
      if ((this.#shown.get(key) ?? 0) >= stamp.effort) continue;
      this.#shown.set(key, stamp.effort);
      found.push(stamp);
    }
    return found;
  }

  #goesUnasked({ rank, words, header }: StoredParcel): boolean {
    // Where it, or half of it, is there already an offer costs less.
    const isFresh = !words.has(this.#relay) && header.expiryDay >= this.#traffic.today;
    const size = this.#unaskedBytes + header.bodySize;
    if (rank > Rank.THUMBNAIL || !isFresh || size > UNASKED_BYTES) return false;
    this.#unaskedBytes = size;
    return true;
  }

  /** Refuse in the relay's stead what it is known not to take. */
  #judge(load: Load): void {
    if (load.isOver || this.#welcome === undefined) return;
    const { bodySize, expiryDay } = load.parcel.header;
    const { largestBody, day } = this.#welcome;
    if (bodySize > largestBody || expiryDay < day) this.#refuse(load);
  }

  #refuse(load: Load): void {
    this.agenda.drop(load);
    load.spread.forget(this.#relay);
  }
}

function offerOf(parcelId: Uint8Array): string {
  return hex(parcelId.subarray(0, OFFER_BYTES));
}
