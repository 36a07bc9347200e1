/**
 * What the server tells by itself, as one answer that never ends: read by fetch, since an
 * EventSource can send no session. When it breaks off it is asked for again.
 */
import { signal } from "@preact/signals";
import type { Counts, PullState } from "./api.ts";
import { DeskError, doubt, link, send } from "./client.ts";

export interface Events {
  readonly changed: { readonly counts: Counts };
  readonly pull: PullState;
}
type Name = keyof Events;
type Hearer = (data: never) => void;

const FIRST_PAUSE_MS = 400;
const MOST_PAUSE_MS = 5_000;

const hearers = new Map<string, Set<Hearer>>();
/** How often the line was opened: whoever shows something reads it again when this rises. */
export const opened = signal(0);

/** Calls the hearer for each event of this name from now on; the answer ends that. */
export function onLive<N extends Name>(name: N, hear: (data: Events[N]) => void): () => void {
  const all = hearers.get(name) ?? new Set();
  hearers.set(name, all.add(hear as Hearer));
  return () => all.delete(hear as Hearer);
}

/** Follows the server until the signal aborts or the session is over. */
export async function follow(until: AbortSignal): Promise<void> {
  let pause_ms = FIRST_PAUSE_MS;
  while (!until.aborted && link.value !== "over") {
    try {
      const answer = await send("/api/live", undefined, until);
      pause_ms = FIRST_PAUSE_MS;
      opened.value += 1;
      await read(answer, until);
    } catch (error) {
      if (until.aborted) return;
      if (!(error instanceof DeskError) && !(error instanceof TypeError)) throw error;
    }
    if (until.aborted || link.peek() === "over") return;
    doubt();
    await new Promise((done) => setTimeout(done, pause_ms));
    pause_ms = Math.min(pause_ms * 2, MOST_PAUSE_MS);
  }
}

async function read(answer: Response, until: AbortSignal): Promise<void> {
  const reader = answer.body?.pipeThrough(new TextDecoderStream()).getReader();
  if (reader === undefined) return;
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done || until.aborted) return;
    const { events, left } = eventsIn(rest + value);
    rest = left;
    for (const { name, data } of events) {
      for (const hear of hearers.get(name) ?? []) hear(JSON.parse(data) as never);
    }
  }
}

interface LiveEvent {
  readonly name: string;
  readonly data: string;
}

/** The whole events in a piece of a text/event-stream, and what is left of one that is not whole. */
export function eventsIn(text: string): {
  readonly events: readonly LiveEvent[];
  readonly left: string;
} {
  const blocks = text.replaceAll("\r\n", "\n").split("\n\n");
  const left = blocks.pop() ?? "";
  const events = blocks.flatMap((block) => {
    let name = "message";
    const data: string[] = [];
    for (const line of block.split("\n")) {
      const [, field = "", value = ""] = /^([a-z]+): ?(.*)$/.exec(line) ?? [];
      if (field === "event") name = value;
      if (field === "data") data.push(value);
    }
    return data.length === 0 ? [] : [{ name, data: data.join("\n") }];
  });
  return { events, left };
}
