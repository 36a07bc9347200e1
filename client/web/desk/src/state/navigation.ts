/**
 * Which place is shown, and what the person should hear next. The address never says it, so that no
 * history tells what was looked at.
 */
import { signal } from "@preact/signals";

export const PLACES = ["inbox", "overview", "incidents", "bulletins", "outgoing", "desk"] as const;
export type Place = (typeof PLACES)[number];

export const place = signal<Place>("inbox");
/** The incident that is open on its place. */
export const incident = signal<string | null>(null);

export interface Said {
  readonly words: string;
  readonly kind: "good" | "bad";
}
export const said = signal<Said | null>(null);
/** What lies over the screen until it is closed. */
export const sheet = signal<"keys" | "export" | null>(null);

export function go(to: Place): void {
  place.value = to;
  sheet.value = null;
}

export function tell(words: string, kind: Said["kind"] = "good"): void {
  said.value = { words, kind };
}
