/**
 * The list in the middle: the rows that were read so far, where the person is in it, which are
 * chosen, and how many new ones wait to be shown. New ones never move what is being read.
 */
import { signal } from "@preact/signals";
import type { NamedCity, Row, Rows } from "../api.ts";
import { ask, wordsOf } from "../client.ts";
import { areSame, type Filters, NO_FILTERS, wishOf } from "./filters.ts";

const PORTION = 100;

export const filters = signal<Filters>(NO_FILTERS);
export const rows = signal<readonly Row[]>([]);
export const total = signal(0);
export const mutedCount = signal(0);
/** The city that the words name, where it has more reports than they find. */
export const namedCity = signal<NamedCity | null>(null);
export const isLoading = signal(false);
/** Why the list could not be read, or "". */
export const failure = signal("");
/** The row on which the keys work. */
export const current = signal<string | null>(null);
export const chosen = signal<ReadonlySet<string>>(new Set());
/** New reports that are not in the list yet. */
export const fresh = signal(0);

/** What a row has none of that could not be read from the disk. */
const UNREADABLE: Omit<Row, "id" | "short_id" | "arrived_s" | "line"> = {
  alias: null,
  author: "",
  where: "",
  when: "",
  written_s: null,
  language: "",
  basis: "not said",
  urgent: false,
  state: "plain",
  can_be_answered: false,
  files: 0,
  files_here: 0,
  thumb: null,
  decided: { state: "new", read: true, starred: false, tags: [] },
  figures: 0,
};

let cursor: number | null = null;
/** Rises with each new list, so that an answer to an older question is dropped. */
let asked = 0;

/** Takes other filters and reads the list anew. */
export function narrow(to: Filters): void {
  if (areSame(to, filters.value) && failure.value === "") return;
  filters.value = to;
  void load();
}

/** Reads the list from its beginning; the row that the keys are on stays if it is still there. */
export async function load(): Promise<void> {
  const question = ++asked;
  isLoading.value = true;
  try {
    const found = await page(null);
    if (question !== asked) return;
    failure.value = "";
    fresh.value = 0;
    take(found, found.rows);
    const known = new Set(found.rows.map(({ id }) => id));
    chosen.value = new Set([...chosen.value].filter((id) => known.has(id)));
    if (current.value === null || !known.has(current.value)) current.value = null;
  } catch (error) {
    if (question === asked) failure.value = wordsOf(error);
  } finally {
    if (question === asked) isLoading.value = false;
  }
}

/** Reads the next portion, if there is one and none is being read. */
export async function more(): Promise<void> {
  if (cursor === null || isLoading.value) return;
  const question = asked;
  isLoading.value = true;
  try {
    const found = await page(cursor);
    if (question !== asked) return;
    const known = new Set(rows.value.map(({ id }) => id));
    take(found, [...rows.value, ...found.rows.filter(({ id }) => !known.has(id))]);
  } catch (error) {
    if (question === asked) failure.value = wordsOf(error);
  } finally {
    if (question === asked) isLoading.value = false;
  }
}

/** Something has changed at the desk: rows that are shown change in place, new ones are counted. */
export async function lookAgain(): Promise<void> {
  const question = asked;
  try {
    const found = await page(null);
    if (question !== asked || isLoading.value) return;
    const newer = new Map(found.rows.map((row) => [row.id, row]));
    const shown = new Set(rows.value.map(({ id }) => id));
    const unknown = found.rows.filter(({ id }) => !shown.has(id)).length;
    if (rows.value.length === 0) {
      take(found, found.rows);
      return;
    }
    rows.value = rows.value.map((row) => newer.get(row.id) ?? row);
    mutedCount.value = found.muted;
    namedCity.value = found.city ?? null;
    fresh.value = unknown === 0 ? 0 : Math.max(unknown, found.total - total.value);
  } catch (error) {
    if (question === asked) failure.value = wordsOf(error);
  }
}

/** Puts the new ones into the list. */
export function showFresh(): void {
  if (fresh.value > 0) void load();
}

async function page(before: number | null): Promise<Rows> {
  const wish = wishOf(filters.value, Math.floor(Date.now() / 1000));
  const found = await ask<Rows>("/api/inbox", {
    ...wish,
    limit: PORTION,
    ...(before === null ? {} : { before }),
  });
  return { ...found, rows: found.rows.map((row) => ({ ...UNREADABLE, ...row })) };
}

function take(found: Rows, all: readonly Row[]): void {
  rows.value = all;
  total.value = found.total;
  mutedCount.value = found.muted;
  namedCity.value = found.city ?? null;
  cursor = found.next;
}

/** Moves the keys' row by so many; reads on when the end comes near. */
export function move(by: number): void {
  const at = rows.value.findIndex(({ id }) => id === current.value);
  const to = Math.max(0, Math.min(rows.value.length - 1, at < 0 ? 0 : at + by));
  current.value = rows.value[to]?.id ?? null;
  if (to > rows.value.length - PORTION / 4) void more();
}

/** Where a range that is chosen begins. */
let anchor: string | null = null;

export function toggleChosen(id: string): void {
  const all = new Set(chosen.value);
  if (!all.delete(id)) all.add(id);
  chosen.value = all;
  anchor = id;
}

/** Chooses all from the row that was chosen last, or the keys are on, to this one. */
export function chooseTo(id: string): void {
  const at = (wanted: string | null) => rows.value.findIndex((row) => row.id === wanted);
  const to = at(id);
  if (to < 0) return;
  const begun = anchor !== null && chosen.value.has(anchor) ? anchor : null;
  const ends = [at(begun), at(current.value), to].filter((place) => place >= 0);
  const from = ends[0] ?? to;
  const range = rows.value.slice(Math.min(from, to), Math.max(from, to) + 1);
  chosen.value = new Set([...chosen.value, ...range.map((row) => row.id)]);
  anchor = rows.value[from]?.id ?? id;
}

/** Chooses the keys' row and the one that they go on to. */
export function chooseOn(by: number): void {
  const from = current.value;
  move(by);
  const both = [from, current.value].filter((id) => id !== null);
  chosen.value = new Set([...chosen.value, ...both]);
  anchor = current.value;
}

/** Puts what was decided into a row at once. */
export function patch(id: string, decided: Partial<Row["decided"]>): void {
  rows.value = rows.value.map((row) =>
    row.id === id ? { ...row, decided: { ...row.decided, ...decided } } : row,
  );
}
