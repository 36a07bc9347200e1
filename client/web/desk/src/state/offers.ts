/** What the server knows that reports have: their cities and languages, and aliases that begin so. */
import { signal } from "@preact/signals";
import { ask } from "../client.ts";
import { change } from "./desk.ts";
import type { Known } from "./suggesting.ts";
import { aliasBegun } from "./suggesting.ts";

type Offers = Pick<Known, "cities" | "languages">;

/** Whoever types on is not asked for meanwhile. */
const TYPING_MS = 150;

export const offers = signal<Offers>({ cities: [], languages: [] });
export const aliases = signal<readonly string[]>([]);

let readAt = -1;
let timer: ReturnType<typeof setTimeout> | undefined;
/** Rises with each question, so that an answer to an older one is dropped. */
let asked = 0;

/** Reads what has changed since the last time. Where nobody answers, less is offered. */
export async function readOffers(): Promise<void> {
  if (readAt === change.value) return;
  const at = change.value;
  try {
    offers.value = await ask<Offers>("/api/offers");
    readAt = at;
  } catch {
    // The screen says by itself that nobody answers.
  }
}

/** Asks for the aliases that begin as the last word of what is typed. */
export function lookForAliases(typed: string): void {
  clearTimeout(timer);
  const question = ++asked;
  const begins = aliasBegun(typed);
  if (begins === "") {
    aliases.value = [];
    return;
  }
  timer = setTimeout(async () => {
    try {
      const path = `/api/aliases?begins=${encodeURIComponent(begins)}`;
      const found = await ask<{ readonly aliases: readonly string[] }>(path);
      if (question === asked) aliases.value = found.aliases;
    } catch {
      // As above.
    }
  }, TYPING_MS);
}
