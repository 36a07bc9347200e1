/**
 * What goes first (SPEC 17): the order of what waits, block by block. No clock; sends nothing.
 *
 * Any order that looks at one thing alone lets something starve. So flows (reports of an outbox)
 * share a class by the bytes that they were given, and waiting counts. A phone carries some hundred
 * things: each question looks at all of them.
 */
import { Rank } from "./kinds.ts";

/** A thing that waited so long counts one class better. */
export const AGING_DAYS = 7;

const CLASSES = 5;

/** What is told of a thing when it begins to wait. */
export interface Waiting {
  readonly rank: Rank;
  /** Whom it is for, or what it belongs to; flows take turns. */
  readonly flow: string;
  /** Where it stands among those of its flow that are alike, the oldest lowest. */
  readonly order: readonly number[];
  /** What is to be sent of it; if that is nothing, it is still told once. */
  readonly leftBytes: number;
  /** Somebody asked for this. */
  readonly wanted?: boolean;
  /** Since it came here. */
  readonly waitedDays?: number;
}

/** One thing that waits. */
interface Item<K> {
  readonly key: K;
  readonly rank: Rank;
  readonly flow: string;
  readonly order: readonly number[];
  readonly weeks: number;
  leftBytes: number;
  wanted: boolean;
  /** Counts who came when, and anew where something was asked for. */
  number: number;
  group: Group<K>;
  lane: Lane<K>;
}

/** What waits of one flow and rank in one group, and the bytes that it was given there. */
interface Lane<K> {
  account: number;
  readonly items: Set<Item<K>>;
}

/** What waits in one class, wanted or not. */
class Group<K> {
  readonly #lanes = new Map<string, Lane<K>>();
  /**
   * What the lane that was given something last had then. Nobody starts below it or is charged from
   * below it, so nobody has anything to catch up.
   */
  #level = 0;
  /** Of lanes in which nothing waits at the moment. */
  readonly #accounts = new Map<string, number>();

  /** The lane of a flow. What became old enough for the letters shares with them by its rank. */
  enter(flow: string, rank: Rank): Lane<K> {
    const place = `${rank} ${flow}`;
    let lane = this.#lanes.get(place);
    if (lane === undefined) {
      const account = Math.max(this.#accounts.get(place) ?? 0, this.#level);
      this.#accounts.delete(place);
      lane = { account, items: new Set() };
      this.#lanes.set(place, lane);
    }
    return lane;
  }

  drop(item: Item<K>): void {
    item.lane.items.delete(item);
    if (item.lane.items.size > 0) return;
    const place = `${item.rank} ${item.flow}`;
    this.#lanes.delete(place);
    this.#accounts.set(place, item.lane.account);
    if (this.#lanes.size === 0) {
      this.#accounts.clear();
      this.#level = 0;
    }
  }

  charge(lane: Lane<K>, sizeBytes: number): void {
    this.#level = Math.max(this.#level, lane.account);
    lane.account = this.#level + sizeBytes;
  }

  /** All items in their order. */
  items(): Item<K>[] {
    const lanes = [...this.#lanes.values()];
    return lanes.flatMap((lane) => [...lane.items]).sort(compare);
  }
}

/** What waits, by key: which of it goes next, asked before each block. */
export class Queue<K> {
  readonly #items = new Map<K, Item<K>>();
  readonly #groups = Array.from({ length: 2 * CLASSES }, () => new Group<K>());
  #numbers = 0;

  get size(): number {
    return this.#items.size;
  }

  has(key: K): boolean {
    return this.#items.has(key);
  }

  /** The keys in the order of their next blocks. */
  *keys(): Generator<K> {
    for (const group of this.#groups) {
      for (const item of group.items()) yield item.key;
    }
  }

  /** Let something wait that does not yet. */
  add(key: K, waiting: Waiting): void {
    const { rank, flow, order, leftBytes, wanted = false, waitedDays = 0 } = waiting;
    const weeks = Math.max(0, Math.floor(waitedDays / AGING_DAYS));
    const group = this.#groupOf(rank, weeks, wanted);
    const item: Item<K> = {
      key,
      rank,
      flow,
      order,
      weeks,
      leftBytes,
      wanted,
      number: this.#numbers,
      group,
      lane: group.enter(flow, rank),
    };
    this.#numbers += 1;
    item.lane.items.add(item);
    this.#items.set(key, item);
  }

  /** The key whose next block is worth most, of those that may go. */
  first(allow: (key: K) => boolean = () => true): K | undefined {
    for (const key of this.keys()) {
      if (allow(key)) return key;
    }
    return undefined;
  }

  /**
   * A block of this is on its way; what has nothing left leaves.
   *
   * Best told when the block is chosen: connections that share a queue then take turns.
   */
  sent(key: K, sizeBytes: number): void {
    const item = this.#find(key);
    item.group.charge(item.lane, sizeBytes);
    item.leftBytes -= sizeBytes;
    if (item.leftBytes <= 0) this.discard(key);
  }

  /** Somebody asked for it, or it turned out that more or less of it is to be sent. */
  update(key: K, change: { readonly wanted?: boolean; readonly leftBytes?: number }): void {
    const item = this.#find(key);
    item.leftBytes = change.leftBytes ?? item.leftBytes;
    if (change.wanted === undefined || change.wanted === item.wanted) return;
    item.group.drop(item);
    item.wanted = change.wanted;
    item.number = this.#numbers;
    this.#numbers += 1;
    item.group = this.#groupOf(item.rank, item.weeks, item.wanted);
    item.lane = item.group.enter(item.flow, item.rank);
    item.lane.items.add(item);
  }

  /** It does not wait any more, if it did. */
  discard(key: K): void {
    const item = this.#items.get(key);
    if (item === undefined) return;
    this.#items.delete(key);
    item.group.drop(item);
  }

  #find(key: K): Item<K> {
    const item = this.#items.get(key);
    if (item === undefined) throw new RangeError("nothing waits by this key");
    return item;
  }

  #groupOf(rank: Rank, weeks: number, wanted: boolean): Group<K> {
    // Nothing becomes better than a letter by waiting.
    const place = Math.min(rank, Math.max(Rank.LETTER, rank - weeks));
    return this.#groups[2 * place + (wanted ? 0 : 1)] as Group<K>;
  }
}

/** Who was given least goes first; then as within a lane. */
function compare<K>(one: Item<K>, other: Item<K>): number {
  return (
    one.lane.account - other.lane.account ||
    one.rank - other.rank ||
    // Letters by age, and all of them small: what is left of one makes no difference. Of others
    // what is nearly there first, but a week older before that, or small ones could keep coming.
    (one.rank <= Rank.LETTER ? 0 : other.weeks - one.weeks || one.leftBytes - other.leftBytes) ||
    compareOrders(one.order, other.order) ||
    one.number - other.number
  );
}

function compareOrders(one: readonly number[], other: readonly number[]): number {
  for (const [at, number] of one.entries()) {
    const theirs = other[at];
    if (theirs === undefined) return 1;
    if (number !== theirs) return number - theirs;
  }
  return one.length - other.length;
}
