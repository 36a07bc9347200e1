/** Numbers as lengths: bars, circles, ticks of numbers and of time. Draws nothing itself. */

/** A round number of steps from 0 to at least `most`: 1, 2 or 5 times a power of ten apart. */
export function ticks(most: number, wanted = 4): readonly number[] {
  if (!(most > 0)) return [0];
  const rough = Math.max(1, most / wanted);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = ([1, 2, 5, 10].find((each) => each * power >= rough) ?? 10) * power;
  return Array.from({ length: Math.ceil(most / step) + 1 }, (_, at) => at * step);
}

/** The radius of a circle whose area grows with the number; `most` reports have `widest`. */
export function radius(reports: number, most: number, widest: number, least: number): number {
  return most > 0 ? Math.max(least, widest * Math.sqrt(reports / most)) : least;
}

const HOUR_S = 3_600;
const DAY_S = 86_400;
const STEPS_S = [HOUR_S, 3 * HOUR_S, 6 * HOUR_S, 12 * HOUR_S, DAY_S, 2 * DAY_S, 7 * DAY_S];

/** Moments between two others, on hours and days of this machine's clock, at most `most` of them. */
export function timeTicks(from_s: number, to_s: number, most: number): readonly number[] {
  const offset_s = -new Date(from_s * 1000).getTimezoneOffset() * 60;
  const rough = (to_s - from_s) / Math.max(1, most);
  const step = STEPS_S.find((each) => each >= rough) ?? Math.ceil(rough / DAY_S) * DAY_S;
  const found: number[] = [];
  const first = Math.ceil((from_s + offset_s) / step) * step - offset_s;
  for (let at = first; at <= to_s; at += step) found.push(at);
  return found;
}

/** Every step between the first and the last, those without a report too. */
export function filled<T extends { readonly hour_s: number }>(
  hours: readonly T[],
  step_s: number,
  empty: (hour_s: number) => T,
): readonly T[] {
  const [first, last] = [hours[0]?.hour_s, hours.at(-1)?.hour_s];
  if (first === undefined || last === undefined) return [];
  const known = new Map(hours.map((each) => [each.hour_s, each]));
  return Array.from({ length: Math.round((last - first) / step_s) + 1 }, (_, at) => {
    const hour_s = first + at * step_s;
    return known.get(hour_s) ?? empty(hour_s);
  });
}

/** A length of time in the largest unit that fits, without what is behind the point. */
export function duration(length_s: number): {
  readonly unit: "min" | "h" | "d";
  readonly count: number;
} {
  if (length_s < 2 * HOUR_S) {
    return length_s % HOUR_S === 0 && length_s > 0
      ? { unit: "h", count: length_s / HOUR_S }
      : { unit: "min", count: Math.round(length_s / 60) };
  }
  if (length_s < 2 * DAY_S && length_s % DAY_S !== 0) {
    return { unit: "h", count: Math.round(length_s / HOUR_S) };
  }
  return { unit: "d", count: Math.round(length_s / DAY_S) };
}
