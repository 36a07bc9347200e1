/**
 * Which block goes next to which relay, for all sessions of a sync together.
 *
 * Knows what is queued and where its blocks are; sends nothing itself. The order is the protocol's
 * (`schedule`).
 */
import { hex } from "../protocol/bytes.ts";
import { Rank } from "../protocol/kinds.ts";
import { BLOCK_BYTES } from "../protocol/limits.ts";
import { blockCount } from "../protocol/merkle.ts";
import { Queue } from "../protocol/schedule.ts";
import { type StoredParcel, Word } from "./outbox.ts";
import { Spread } from "./spread.ts";

/** How long a relay's word counts before a parcel that nobody opened is offered to it again. */
const CUSTODY_DAYS = 7;
/** How many relays an original is given to. */
export const ORIGINAL_COPIES = 2;

// Both ways: this clock may be years behind the relay's.
function isFresh(wordDay: number, today: number): boolean {
  return Math.abs(today - wordDay) <= CUSTODY_DAYS;
}

/** Whether a relay is to be offered a parcel (SPEC 17). */
export function isDueFor(parcel: StoredParcel, relay: string, today: number): boolean {
  const said = parcel.words.get(relay);
  if (said === undefined || said.word < Word.HOLDS || !isFresh(said.day, today)) return true;
  // A session that broke off before its end gave no receipt: an offer asks for one.
  return said.word === Word.HOLDS;
}

/** A parcel on its way to one relay. */
export class Load {
  parcel: StoredParcel;
  readonly ordinal: number;
  readonly spread: Spread;
  /** The relay wants it, or it goes unasked. */
  isReady = false;
  isOver = false;
  /** The page whose list went last. */
  page: number | undefined;

  constructor(parcel: StoredParcel, ordinal: number, spread: Spread) {
    this.parcel = parcel;
    this.ordinal = ordinal;
    this.spread = spread;
  }

  /** How many there are in all. */
  get blocks(): number {
    return blockCount(this.parcel.header.bodySize);
  }
}

/** What the sessions of one sync share. */
export class Traffic {
  readonly today: number;
  /** Relays that are given originals beside these, as no desk's card names them. */
  aside: ReadonlySet<string> = new Set();
  readonly #spreads = new Map<string, Spread>();
  readonly #agendas = new Map<string, Agenda>();
  /** By original: the relays that are there and are given it, so that one of them has the whole. */
  readonly #takers = new Map<string, Set<string>>();
  readonly #loads = new Set<Load>();

  constructor(today: number) {
    this.today = today;
  }

  /** A new session's, in the place of the one before. */
  agenda(relay: string): Agenda {
    const made = new Agenda(this, relay);
    this.#agendas.set(relay, made);
    return made;
  }

  /** What a relay is to be offered, each with its place among its report's of that rank. */
  loads(parcels: readonly StoredParcel[], relay: string): Load[] {
    const counts = new Map<string, number>();
    const found: Load[] = [];
    for (const parcel of parcels) {
      const place = `${parcel.item} ${parcel.rank}`;
      const ordinal = (counts.get(place) ?? 0) + 1;
      counts.set(place, ordinal);
      if (!isDueFor(parcel, relay, this.today)) continue;
      const load = new Load(parcel, ordinal, this.#spread(parcel));
      found.push(load);
      this.#loads.add(load);
    }
    return found;
  }

  /** What is queued and neither at a relay nor on the way to one, about. */
  get leftBytes(): number {
    const least = new Map<number, number>();
    for (const { parcel, spread, isOver } of this.#loads) {
      const left = isOver ? 0 : Math.min(parcel.header.bodySize, spread.countNowhere * BLOCK_BYTES);
      least.set(parcel.key, Math.min(least.get(parcel.key) ?? left, left));
    }
    return [...least.values()].reduce((sum, left) => sum + left, 0);
  }

  /** A session is over; what it had begun and not brought to its end is for others. */
  left(relay: string): void {
    this.#agendas.delete(relay);
    for (const takers of this.#takers.values()) takers.delete(relay);
    for (const agenda of this.#agendas.values()) agenda.lookAgain();
  }

  /** Whether blocks of a parcel may go to a relay, as far as others are given it. */
  lets(parcel: StoredParcel, relay: string): boolean {
    if (parcel.rank < Rank.ORIGINAL) return true;
    const takers = this.#takers.get(hex(parcel.id)) ?? new Set<string>();
    if (takers.has(relay)) return true;
    const counted = this.aside.has(relay)
      ? takers.size
      : [...takers].filter((taker) => !this.aside.has(taker)).length;
    return counted < ORIGINAL_COPIES;
  }

  /** A relay is given a block of it. */
  takes(parcel: StoredParcel, relay: string): void {
    if (parcel.rank < Rank.ORIGINAL) return;
    const id = hex(parcel.id);
    this.#takers.set(id, (this.#takers.get(id) ?? new Set()).add(relay));
  }

  #spread(parcel: StoredParcel): Spread {
    const blocks = blockCount(parcel.header.bodySize);
    if (parcel.rank < Rank.ORIGINAL) return new Spread(blocks, null);
    const id = hex(parcel.id);
    const known = this.#spreads.get(id);
    if (known !== undefined) return known;
    const spread = new Spread(blocks, ORIGINAL_COPIES, this.aside);
    this.#spreads.set(id, spread);
    for (const [relay, { word, day }] of parcel.words) {
      const held = parcel.held.get(relay);
      // Its word is over while nobody opened the parcel: it may have lied.
      if (!isFresh(day, this.today)) spread.doubt(relay);
      else if (word >= Word.HOLDS) spread.holdAll(relay);
      else if (held !== undefined) spread.hold(relay, held);
    }
    return spread;
  }
}

/**
 * One session's loads in the order in which their blocks go. First what nobody has yet; only when
 * nothing of that is left, second copies of originals.
 */
export class Agenda {
  readonly #traffic: Traffic;
  readonly #relay: string;
  readonly #first = new Queue<Load>();
  readonly #spare = new Queue<Load>();
  /** Originals of which others have, or are being given, all that this relay lacks. */
  readonly #dry = new Set<Load>();
  /** Called when there may be more to do. */
  onMore: () => void = () => undefined;

  constructor(traffic: Traffic, relay: string) {
    this.#traffic = traffic;
    this.#relay = relay;
  }

  /** This one may go from now on. */
  add(load: Load): void {
    load.isReady = true;
    this.#enter(load);
  }

  has(load: Load): boolean {
    return this.#first.has(load) || this.#spare.has(load);
  }

  /** Whether nothing may go. */
  get isEmpty(): boolean {
    return this.#first.size + this.#spare.size === 0;
  }

  /** No more of it goes. */
  drop(load: Load): void {
    load.isOver = true;
    this.#leave(load);
  }

  /**
   * The load whose next block is the most valuable one, and the number of that block, which counts
   * as on its way from now on.
   */
  choose(allow: (load: Load) => boolean): [Load, number] | undefined {
    const mayGo = (load: Load) => this.#traffic.lets(load.parcel, this.#relay) && allow(load);
    // Second copies now would take the line from first ones that turn out to be lost.
    const maySpare = (load: Load) => !load.spread.isInDoubt(this.#relay) && mayGo(load);
    for (const queue of [this.#first, this.#spare]) {
      const may = queue === this.#first ? mayGo : maySpare;
      for (let load = queue.first(may); load !== undefined; load = queue.first(may)) {
        const { spread, page } = load;
        const index =
          queue === this.#first ? spread.first(this.#relay, page) : spread.spare(this.#relay, page);
        if (index !== undefined) {
          this.#traffic.takes(load.parcel, this.#relay);
          spread.send(this.#relay, index);
          queue.sent(load, BLOCK_BYTES);
          if (!queue.has(load)) this.#enter(load);
          return [load, index];
        }
        // Another relay's session took what was left.
        this.#enter(load);
      }
    }
    return undefined;
  }

  /** A connection is lost, and with it what was on its way: it goes again. */
  giveBack(load: Load, indices: readonly number[]): void {
    load.spread.giveBack(this.#relay, indices);
    if (!load.isOver) this.#enter(load);
  }

  /** Another session is over: there may be more to do for this one. */
  lookAgain(): void {
    for (const load of [...this.#dry, ...this.#spare.keys()]) this.#enter(load);
    this.onMore();
  }

  #leave(load: Load): void {
    this.#first.discard(load);
    this.#spare.discard(load);
    this.#dry.delete(load);
  }

  #enter(load: Load): void {
    this.#leave(load);
    const firsts = load.spread.countFirst(this.#relay);
    const left = firsts || load.spread.countSpare(this.#relay);
    if (left === 0) {
      this.#dry.add(load);
      return;
    }
    const { parcel } = load;
    (firsts > 0 ? this.#first : this.#spare).add(load, {
      rank: parcel.rank,
      // Letters go by age alone, whichever report they belong to.
      flow: parcel.rank <= Rank.LETTER ? "letters" : String(parcel.item),
      order: [parcel.item, load.ordinal],
      leftBytes: left * BLOCK_BYTES,
      wanted: parcel.isWanted,
      waitedDays: this.#traffic.today - parcel.sealedDay,
    });
  }
}
