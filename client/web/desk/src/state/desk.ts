/** What the screens know of the desk as a whole, kept up by what the server tells by itself. */
import { effect, signal } from "@preact/signals";
import type { Counts, Desk, Incident, PullState, Tag } from "../api.ts";
import { ask, DeskError } from "../client.ts";
import { onLive, opened } from "../live.ts";
import * as list from "./list.ts";
import * as reading from "./report.ts";

const NO_COUNTS: Counts = {
  reports: 0,
  unread: 0,
  starred: 0,
  urgent: 0,
  muted: 0,
  set_aside: 0,
  alarms: 0,
  unlooked: 0,
};
/** Many changes in a row, such as those of a pull, make one look. */
const LOOK_EVERY_MS = 700;

export const desk = signal<Desk | null>(null);
export const counts = signal<Counts>(NO_COUNTS);
export const pull = signal<PullState | null>(null);
/** Those in use, the most used first. */
export const tags = signal<readonly Tag[]>([]);
export const incidents = signal<readonly Incident[]>([]);
/** Rises with every change; whoever shows something of the desk reads it again then. */
export const change = signal(0);

let waits = false;

/** Follows what the server tells. */
export function followDesk(): void {
  onLive("changed", (data) => {
    counts.value = data.counts;
    look();
  });
  onLive("pull", (data) => {
    pull.value = data;
  });
  effect(() => {
    if (opened.value > 0) look();
  });
}

function look(): void {
  if (waits) return;
  waits = true;
  setTimeout(() => {
    waits = false;
    change.value += 1;
    void readDesk();
    void list.lookAgain();
    void reading.again();
  }, LOOK_EVERY_MS);
}

/** Reads the desk, its tags and incidents; what can't be read stays as it was. */
export async function readDesk(): Promise<void> {
  try {
    const [found, used, gathered] = await Promise.all([
      ask<Desk>("/api/desk"),
      ask<{ readonly tags: readonly Tag[] }>("/api/tags"),
      ask<{ readonly incidents: readonly Incident[] }>("/api/incidents"),
    ]);
    desk.value = found;
    counts.value = found.counts;
    pull.value = found.pull ?? null;
    tags.value = used.tags;
    incidents.value = gathered.incidents;
  } catch (error) {
    // `link` says it, where the server is gone or the session over.
    if (!(error instanceof DeskError)) throw error;
  }
}
