/**
 * Leaving at once: the page goes blank in the same moment, the draft with it, and the neutral page
 * takes its place. Needs no network.
 */
import { render } from "preact";
import { clearDraft } from "./draft.ts";
import { isDeeper } from "./navigation.ts";
import { stopSending } from "./sending.ts";

const NEUTRAL_PAGE = "notes.html";
/** Two taps of Esc within this are meant. */
const TWICE_MS = 800;

let lastEscape = 0;

/** Empties the page and leads to the neutral one. */
export function leave(): void {
  clearDraft();
  stopSending();
  const root = document.getElementById("app");
  if (root !== null) {
    render(null, root);
    root.remove();
  }
  document.title = "…";
  if (!isDeeper()) {
    void replacePage();
    return;
  }
  // First back to the entry of the app's start, so that the back key doesn't lead into it.
  addEventListener("popstate", () => void replacePage(), { once: true });
  history.back();
}

async function replacePage(): Promise<void> {
  if (__SINGLE_FILE__) location.replace("about:blank");
  else if (await isKept()) location.replace(NEUTRAL_PAGE);
  else history.replaceState(null, "", NEUTRAL_PAGE);
}

/** Where it is not, as after a wipe, the browser might show an error with the address in it. */
async function isKept(): Promise<boolean> {
  if (!navigator.serviceWorker?.controller) return false;
  return (await caches.match(NEUTRAL_PAGE)) !== undefined;
}

/** Makes Esc Esc leave. */
export function watchEscape(): void {
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || event.repeat) return;
    if (event.timeStamp - lastEscape < TWICE_MS) leave();
    lastEscape = event.timeStamp;
  });
}
