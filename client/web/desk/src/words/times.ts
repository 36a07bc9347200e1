/** Moments and days as the desk writes them, in the clock of the editor's own machine. */

const DAY_MS = 86_400_000;
const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });
const date = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });
const dated = new Intl.DateTimeFormat("en-GB", {
  day: "numeric",
  month: "short",
  year: "numeric",
});
const whole = new Intl.DateTimeFormat("en-GB", {
  day: "numeric",
  month: "short",
  year: "numeric",
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  timeZoneName: "short",
});
const universal = new Intl.DateTimeFormat("en-GB", {
  day: "numeric",
  month: "short",
  hour: "2-digit",
  minute: "2-digit",
  timeZone: "UTC",
});

/** As short as it can be understood: `14:05` of today, `6 Jan 14:05`, `6 Jan 2021`. */
export function moment(at_s: number, now_ms: number = Date.now()): string {
  const at = new Date(at_s * 1000);
  const now = new Date(now_ms);
  if (at.toDateString() === now.toDateString()) return clock.format(at);
  const isNear = Math.abs(now_ms - at_s * 1000) < 300 * DAY_MS;
  return isNear ? `${date.format(at)} ${clock.format(at)}` : dated.format(at);
}

/** To the second, with the zone. */
export function exact(at_s: number): string {
  return whole.format(at_s * 1000);
}

export function inUtc(at_s: number): string {
  return universal.format(at_s * 1000);
}

/** `2022-01-06` in words. */
export function dayOf(day: string): string {
  const at = Date.parse(`${day}T12:00:00`);
  return Number.isNaN(at) ? day : dated.format(at);
}

/** How much later something was, roughly: minutes, hours or days. */
export function between(from_s: number, to_s: number): { unit: "min" | "h" | "d"; count: number } {
  const minutes = Math.round((to_s - from_s) / 60);
  if (Math.abs(minutes) < 120) return { unit: "min", count: minutes };
  const hours = Math.round(minutes / 60);
  if (Math.abs(hours) < 48) return { unit: "h", count: hours };
  return { unit: "d", count: Math.round(hours / 24) };
}
