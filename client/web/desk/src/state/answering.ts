/** Answers that are being written, one for each report; they stay while others are looked at. */
import { computed, signal } from "@preact/signals";
import type { Reply } from "../api.ts";
import { ask } from "../client.ts";

export interface Draft {
  readonly text: string;
  /** Numbers of the files that are asked for whole. */
  readonly want: ReadonlySet<number>;
}

const EMPTY: Draft = { text: "", want: new Set() };
const drafts = signal<ReadonlyMap<string, Draft>>(new Map());

export function draftOf(report: string): Draft {
  return drafts.value.get(report) ?? EMPTY;
}

/** The reports to which something was written or asked for that did not go out. A string, so that
 * it changes with the first letter and not with each. */
const unsent = computed(() =>
  [...drafts.value]
    .filter(([, { text, want: files }]) => text.trim() !== "" || files.size > 0)
    .map(([report]) => report)
    .join(" "),
);

export function hasDraft(report: string): boolean {
  return unsent.value.split(" ").includes(report);
}

export function hasDrafts(): boolean {
  return unsent.value !== "";
}

function keep(report: string, draft: Draft | null): void {
  const all = new Map(drafts.value);
  if (draft === null) all.delete(report);
  else all.set(report, draft);
  drafts.value = all;
}

export function write(report: string, text: string): void {
  keep(report, { ...draftOf(report), text });
}

export function want(report: string, file: number, isWanted: boolean): void {
  const all = new Set(draftOf(report).want);
  if (isWanted) all.add(file);
  else all.delete(file);
  keep(report, { ...draftOf(report), want: all });
}

/** Hands the answer to the desk; what is not taken stays written. Throws DeskError. */
export async function answer(report: string): Promise<Reply> {
  const draft = draftOf(report);
  const files = [...draft.want].sort((one, other) => one - other);
  const body = { text: draft.text, want: files };
  const sent = await ask<Reply>(`/api/reports/${report}/reply`, body);
  // What was written meanwhile stays.
  if (draftOf(report) === draft) keep(report, null);
  return sent;
}
