/** Days and epochs (weeks) as numbers (SPEC 1). Reads no clock: the time comes in as an argument. */

const SECONDS_A_DAY = 86_400;

/** The UTC day of a time in unix seconds. */
export function dayOf(unixS: number): number {
  return Math.floor(unixS / SECONDS_A_DAY);
}

/** The week, Monday to Sunday, that a day lies in. */
export function epochOf(day: number): number {
  return Math.floor((day + 3) / 7);
}

/** The Monday of an epoch. */
export function firstDay(epoch: number): number {
  return 7 * epoch - 3;
}

/** The Sunday of an epoch. */
export function lastDay(epoch: number): number {
  return 7 * epoch + 3;
}
