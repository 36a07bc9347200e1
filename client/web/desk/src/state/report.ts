/** The report at the right: read when it is opened, and again when the desk has changed. */
import { signal } from "@preact/signals";
import type { ReportPage } from "../api.ts";
import { ask, wordsOf } from "../client.ts";

export const report = signal<ReportPage | null>(null);
/** Which one is wanted, also while it is being read. */
export const wanted = signal<string | null>(null);
export const failure = signal("");

/** What a server of an older version leaves out. */
const NOTHING_SENT: Pick<ReportPage, "replies" | "wanted"> = { replies: [], wanted: [] };

/** Shows a report; the one before stays until this one is here. */
export async function show(id: string): Promise<void> {
  wanted.value = id;
  await again();
}

export async function again(): Promise<void> {
  const id = wanted.value;
  if (id === null) return;
  try {
    const found = await ask<ReportPage>(`/api/reports/${id}`);
    if (wanted.value !== id) return;
    report.value = { ...NOTHING_SENT, ...found };
    failure.value = "";
  } catch (error) {
    if (wanted.value !== id) return;
    failure.value = wordsOf(error);
  }
}

export function close(): void {
  wanted.value = null;
  report.value = null;
  failure.value = "";
}
