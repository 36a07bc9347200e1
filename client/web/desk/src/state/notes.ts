/** Notes that are being written, by report and element; they stay while others are looked at. */
import { signal } from "@preact/signals";
import type { Element } from "../api.ts";

const typed = signal<ReadonlyMap<string, string>>(new Map());

/** What stands in the field and is not kept yet, or null. */
export function noteOf(report: string, element: Element): string | null {
  return typed.value.get(`${report} ${element}`) ?? null;
}

/** null: it was kept. */
export function typeNote(report: string, element: Element, note: string | null): void {
  const all = new Map(typed.value);
  if (note === null) all.delete(`${report} ${element}`);
  else all.set(`${report} ${element}`, note);
  typed.value = all;
}

export function hasNotes(): boolean {
  return typed.value.size > 0;
}
