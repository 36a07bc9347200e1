/** What the desk kept last of a report, or refused, for the screen to say. */
import { signal } from "@preact/signals";
import type { Change, Element } from "../api.ts";
import type { Key } from "../words/say.ts";

export interface Kept {
  readonly report: string;
  readonly what: Key;
  readonly at_s: number;
  readonly isKept: boolean;
}

export const kept = signal<Kept | null>(null);

export const ELEMENT_NAMES: Readonly<Record<Element, Key>> = {
  source: "element.source",
  date: "element.date",
  place: "element.place",
  content: "element.content",
};

/** Of several the last counts; that a report was read is not worth a word. */
export function tellKept(changes: readonly Change[], isKept: boolean): void {
  for (const change of changes) {
    const what = nameOf(change);
    const { report } = change;
    if (what === null || report === undefined) continue;
    kept.value = { report, what, at_s: Date.now() / 1000, isKept };
  }
}

function nameOf({ what, element }: Change): Key | null {
  if (what === "element" && element !== undefined) return ELEMENT_NAMES[element];
  if (what === "state") return "checking.state";
  if (what === "tag") return "kept.tag";
  if (what === "gathered") return "kept.incident";
  return what === "starred" ? "kept.star" : null;
}
