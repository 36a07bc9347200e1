/** What day it is, on devices whose clock may say anything. Asks nobody. */
import { dayOf } from "../protocol/days.ts";
import { EngineError } from "./engine.ts";

/** 2026-01-01: this program was not there before, so a clock that says less is wrong. */
export const BUILD_DAY = 20_454;

const DAY_S = 86_400;

/** Unix seconds by this device's clock. */
export function nowS(): number {
  return Date.now() / 1000;
}

/** The day by this device's clock, or by the person where that was asked for. */
export function dayBy(said: number | null): number {
  return said ?? dayOf(nowS());
}

/** The day to seal by, and what the report says of when it was written (unix seconds). */
export interface WritingTime {
  readonly day: number;
  readonly writtenS: number;
}

/**
 * The time to write by. `newestDay`: of anything signed that was seen here; `lastDay`: the last on
 * which anything can be sealed for the desk. The person's word counts more than any clock.
 *
 * Throws `clock` where the clock can't be right, `expired` where the person says that it is.
 */
export function writingTime(said: number | null, newestDay: number, lastDay: number): WritingTime {
  const day = dayBy(said);
  if (day < BUILD_DAY || (said === null && (day < newestDay || day > lastDay))) {
    throw new EngineError("clock", `day ${day}`);
  }
  if (day > lastDay) throw new EngineError("expired", `the card ended on day ${lastDay}`);
  return { day, writtenS: said === null ? Math.floor(nowS()) : said * DAY_S };
}
