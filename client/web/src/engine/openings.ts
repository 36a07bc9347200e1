/**
 * What one session asks a relay about openings, so that none is missed and few are told twice.
 *
 * A relay tells all that a short prefix matches, and most of that is other people's. So it is asked
 * for what came since it told all. No I/O.
 */
import { bigEndian, hex, readNumber } from "../protocol/bytes.ts";
import type { OpenedInterest, Welcome } from "../protocol/frames.ts";
import { MAX_GIVEN_BITS } from "../protocol/limits.ts";

/** Of one session; where they are not enough the newest parcels are asked about. */
export const MOST_INTERESTS = 8;
const PREFIXES_AT_ONCE = 64;
/** What came so long before is told again: a relay's clock may have been put right since. */
const SLACK_DAYS = 2;
/**
 * How far a relay's day may be from this device's, or it is not kept: a relay that told everybody
 * another day would know them by it when they come again.
 */
const CLOCKS_DAYS = 1;
/** So many at least a relay tells to an interest before it leaves older ones out (SPEC 17). */
const LEAST_TOLD = 8192;

/** A parcel of which no desk has said that it opened it. */
export interface Unopened {
  readonly id: Uint8Array;
  readonly desk: string;
}

/** The first 32 bits as a number, zero behind the first `bits`. */
export function cut(prefix: Uint8Array, bits: number): number {
  const unit = 2 ** (32 - bits);
  return Math.floor(readNumber(prefix, 0, 4) / unit) * unit;
}

export class Openings {
  /** What to ask. */
  readonly interests: OpenedInterest[] = [];
  readonly #day: number;
  readonly #isPlausible: boolean;
  readonly #bits: number;
  /** By their ids in hex. */
  readonly #parcels = new Map<string, Unopened>();
  /** By desk, the day on which the relay told all. */
  readonly #kept = new Map<string, number | undefined>();
  /** How many OPENED came, by interest; which it is, by prefix. */
  readonly #heard: number[] = [];
  readonly #interestOf = new Map<number, number>();
  readonly #doubted = new Set<string>();

  /**
   * `unopened`: of the desks that the relay is for, newest first; `told`: by desk, the day on which
   * the relay told all; `today`: by this device's clock. Interests are numbered from `number`.
   */
  constructor(
    { day, openedBits }: Welcome,
    unopened: readonly Unopened[],
    told: ReadonlyMap<string, number>,
    today: number,
    number: number,
  ) {
    this.#day = day;
    this.#isPlausible = Math.abs(day - today) <= CLOCKS_DAYS;
    this.#bits = Math.min(openedBits, MAX_GIVEN_BITS);
    for (const parcel of unopened) {
      this.#parcels.set(hex(parcel.id), parcel);
      this.#kept.set(parcel.desk, told.get(parcel.desk));
    }
    // One day for all: another for each desk would show which parcels are for the same.
    const days = [...this.#kept.values()].map((kept = 0) => (kept > day ? 0 : kept));
    const since = days.length > 0 ? Math.max(0, Math.min(...days) - SLACK_DAYS) : 0;
    const every = new Set(unopened.map(({ id }) => cut(id, this.#bits)));
    const heads = [...every].slice(0, MOST_INTERESTS * PREFIXES_AT_ONCE);
    for (let start = 0; start < heads.length; start += PREFIXES_AT_ONCE) {
      const some = heads.slice(start, start + PREFIXES_AT_ONCE).sort((one, other) => one - other);
      for (const head of some) this.#interestOf.set(head, this.interests.length);
      this.interests.push({
        type: "openedInterest",
        number: number + this.interests.length,
        bits: this.#bits,
        prefixes: some.map((head) => bigEndian(head, 4)),
        since,
      });
      this.#heard.push(0);
    }
  }

  /** An OPENED has come; whether it is about a parcel of ours. */
  heard(id: Uint8Array): boolean {
    const interest = this.#interestOf.get(cut(id, this.#bits));
    if (interest !== undefined) this.#heard[interest] = (this.#heard[interest] as number) + 1;
    return this.#parcels.has(hex(id));
  }

  /** What is not believed may be, once the desk's newer word on its keys is here. */
  weighed(id: Uint8Array, isTrue: boolean): void {
    if (isTrue) this.#doubted.delete(hex(id));
    else this.#doubted.add(hex(id));
  }

  /** What to keep, by desk, when the relay has answered all that was asked; each once. */
  allTold(): Map<string, number> {
    const told = new Map<string, number>();
    if (!this.#isPlausible || this.#heard.some((count) => count >= LEAST_TOLD)) return told;
    for (const [desk, kept] of this.#kept) if (kept !== this.#day) told.set(desk, this.#day);
    for (const [key, { id, desk }] of this.#parcels) {
      const isAsked = this.#interestOf.has(cut(id, this.#bits));
      if (!isAsked || this.#doubted.has(key)) told.delete(desk);
    }
    for (const [desk, day] of told) this.#kept.set(desk, day);
    return told;
  }
}
