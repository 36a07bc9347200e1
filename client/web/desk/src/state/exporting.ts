/** What can be taken out from where the person is: what the export asks first. */
import { signal } from "@preact/signals";
import type { Wish } from "../api.ts";
import { incidents } from "./desk.ts";
import { wishOf } from "./filters.ts";
import { chosen, filters, rows, total } from "./list.ts";
import { incident, place, sheet } from "./navigation.ts";
import { report } from "./report.ts";

export type Scope = "report" | "chosen" | "incident" | "shown";

export interface Subject {
  readonly scope: Scope;
  readonly count: number;
  /** What the report or the incident is called. */
  readonly name: string;
  /** As the server is asked. */
  readonly wanted: Omit<Wish, "grouped"> | { readonly ids: readonly string[] };
}

/** What was asked for when the export was opened; null leaves it to where the person is. */
export const scope = signal<Scope | null>(null);

/** The likeliest first. */
export function subjects(now_s: number): readonly Subject[] {
  const { grouped: _, ...wish } = wishOf(filters.value, now_s);
  // Those and no others, where they all stand there: one that arrives now was not seen.
  const areAllHere =
    rows.value.length === total.value && rows.value.every(({ group }) => group === undefined);
  const wanted = areAllHere ? { ids: rows.value.map(({ id }) => id) } : wish;
  const all: Subject = { scope: "shown", count: total.value, name: "", wanted };
  if (place.value === "incidents") {
    const id = incident.value ?? incidents.value[0]?.id;
    const open = incidents.value.find((each) => each.id === id);
    if (open === undefined) return [all];
    const { name, reports } = open;
    const wanted = { incident: open.id };
    return [{ scope: "incident", count: reports, name: name || open.id.slice(0, 8), wanted }, all];
  }
  const found: Subject[] = [];
  const ids = [...chosen.value];
  if (ids.length > 0) found.push({ scope: "chosen", count: ids.length, name: "", wanted: { ids } });
  const { value: open } = report;
  if (open !== null) {
    const name = open.what || open.short_id;
    found.push({ scope: "report", count: 1, name, wanted: { ids: [open.id] } });
  }
  return [...found, all];
}

/** Opens the export; `of` is what it begins with, where there is such a thing here. */
export function openExport(of: Scope | null = null): true {
  scope.value = of;
  sheet.value = "export";
  return true;
}
