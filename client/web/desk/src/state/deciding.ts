/** Decisions: shown at once, sent, and taken back on the screen where the desk did not take them. */
import type { Change, Confidence, Row, State } from "../api.ts";
import { ask, wordsOf } from "../client.ts";
import { tellKept } from "./kept.ts";
import { chosen, current, load, patch, rows } from "./list.ts";
import { tell } from "./navigation.ts";
import { again, deciding, report } from "./report.ts";

/** The last decision that was sent: the next waits for it, so that they are kept in their order. */
let before: Promise<unknown> = Promise.resolve();

/** Sends them together: all are kept or none. True when they were. */
export async function decide(changes: readonly Change[]): Promise<boolean> {
  for (const each of changes) showAtOnce(each);
  const sent = before.then(() => ask("/api/decide", { changes }));
  before = sent.catch(() => undefined);
  try {
    await deciding(sent);
    tellKept(changes, true);
    await again();
    return true;
  } catch (error) {
    tellKept(changes, false);
    tell(wordsOf(error), "bad");
    await Promise.all([load(), again()]);
    return false;
  }
}

function showAtOnce({ what, report: id, value, tag, element, note }: Change): void {
  if (id === undefined) return;
  const row = rows.value.find((each) => each.id === id);
  const marks: Partial<Row["decided"]> =
    what === "state"
      ? { state: value as State }
      : what === "starred"
        ? { starred: value === true }
        : what === "read"
          ? { read: value === true }
          : what === "tag" && tag !== undefined
            ? { tags: toggled(row?.decided.tags ?? report.value?.decided.tags ?? [], tag, value) }
            : {};
  patch(id, marks);
  const shown = report.value;
  if (shown?.id === id && what === "element" && element !== undefined) {
    // What is decided next of the same element builds on it.
    const known = { confidence: value as Confidence, note: note ?? "" };
    const elements = { ...shown.decided.elements, [element]: known };
    report.value = { ...shown, decided: { ...shown.decided, elements } };
    return;
  }
  if (shown?.id === id) report.value = { ...shown, decided: { ...shown.decided, ...marks } };
}

function toggled(tags: readonly string[], tag: string, value: unknown): readonly string[] {
  const others = tags.filter((each) => each !== tag);
  return value === true ? [...others, tag].sort() : others;
}

/** What the keys work on: the chosen rows, else the one that the keys are on. */
export function subjects(): readonly string[] {
  if (chosen.value.size > 0) return [...chosen.value];
  return current.value === null ? [] : [current.value];
}

/** Turns a mark over: on for all as soon as one of them has it off. */
export async function toggle(what: "starred" | "read", ids: readonly string[]): Promise<void> {
  const of = (id: string) => markOf(what, id);
  const value = ids.some((id) => !of(id));
  await decide(ids.map((id) => ({ what, report: id, value })));
}

function markOf(what: "starred" | "read", id: string): boolean {
  const decided =
    rows.value.find((each) => each.id === id)?.decided ??
    (report.value?.id === id ? report.value.decided : undefined);
  return decided?.[what] ?? false;
}

export async function setState(ids: readonly string[], value: State): Promise<void> {
  await decide(ids.map((id) => ({ what: "state", report: id, value })));
}

/** Counts a report as read, if it is not yet. */
export async function markRead(id: string): Promise<void> {
  if (!markOf("read", id)) await decide([{ what: "read", report: id, value: true }]);
}
