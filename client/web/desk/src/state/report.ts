/** The report at the right: read when it is opened, and again when the desk has changed. */
import { signal } from "@preact/signals";
import type { ReportPage } from "../api.ts";
import { ask, wordsOf } from "../client.ts";

export const report = signal<ReportPage | null>(null);
/** Which one is wanted, also while it is being read. */
export const wanted = signal<string | null>(null);
export const failure = signal("");

/** Decisions that have ended, and how many are on their way: an older answer knows nothing of them. */
let ended = 0;
let underWay = 0;
/** Rises with each question, so that an answer to an older one is dropped. */
let question = 0;
/** The newest question that was answered. */
let answered = 0;

/** While it is on its way the screen shows what was decided, and not what was read before. */
export async function deciding<T>(decision: Promise<T>): Promise<T> {
  underWay += 1;
  try {
    return await decision;
  } finally {
    underWay -= 1;
    ended += 1;
  }
}

export function isDeciding(): boolean {
  return underWay > 0;
}

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
  const asked = ended;
  question += 1;
  const own = question;
  /** Whether it is still wanted and no younger question was answered before. */
  const counts = () => {
    if (wanted.value !== id || own < answered) return false;
    answered = own;
    return true;
  };
  try {
    const found = await ask<ReportPage>(`/api/reports/${id}`);
    if (!counts()) return;
    // The decision that made it old reads again when it has ended.
    if (report.value?.id === id && (underWay > 0 || asked !== ended)) return;
    report.value = { ...NOTHING_SENT, ...found };
    failure.value = "";
  } catch (error) {
    if (!counts()) return;
    failure.value = wordsOf(error);
  }
}

export function close(): void {
  wanted.value = null;
  report.value = null;
  failure.value = "";
}
