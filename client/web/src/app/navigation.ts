/**
 * Which screen is shown. The address never says it, so that no history tells what was looked at;
 * the back key leads to Write and from there out.
 */
import { effect, signal } from "@preact/signals";

export const SCREENS = [
  "write",
  "outbox",
  "inbox",
  "desk",
  "more",
  "code",
  "help",
  "share",
  "install",
  "wipe",
] as const;
export type Screen = (typeof SCREENS)[number];

export const screen = signal<Screen>("write");
/** What the person should hear next: read out, and shown for a while. */
export const notice = signal<string>("");
/** A card that the address held behind its #, until it is looked at. */
export const arrivedCard = signal<string | null>(null);

const HOME: Screen = "write";

/** Shows another screen. One entry of the history stands for all but the first screen. */
export function go(to: Screen): void {
  if (to === screen.value) return;
  const deeper = screen.value === HOME;
  screen.value = to;
  notice.value = "";
  if (to === HOME) history.back();
  else if (deeper) history.pushState({ isDeeper: true }, "");
}

export function isDeeper(): boolean {
  return (history.state as { isDeeper?: boolean } | null)?.isDeeper === true;
}

/** Starts following the back key, and takes a card out of the address. */
export function follow(shown: (screen: Screen) => void): void {
  takeCard();
  if (isDeeper()) history.replaceState(null, "");
  addEventListener("popstate", () => {
    if (!isDeeper()) screen.value = HOME;
  });
  addEventListener("hashchange", takeCard);
  effect(() => shown(screen.value));
}

function takeCard(): void {
  if (location.hash.length < 2) return;
  arrivedCard.value = location.href;
  history.replaceState(history.state, "", location.pathname + location.search);
  go("desk");
}
