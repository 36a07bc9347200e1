/** Under which name and icon the browser would install the app, and the browser's offer to do so. */
import { signal } from "@preact/signals";
import { choose, chosen } from "./choices.ts";

interface InstallPrompt extends Event {
  prompt(): Promise<unknown>;
}

export const installer = signal<InstallPrompt | null>(null);
export const isNeutral = signal(false);

const OWN = { manifest: "app.webmanifest", icon: "icon-192.png" };
const NEUTRAL = { manifest: "notes.webmanifest", icon: "notes-192.png" };

export function setNeutral(neutral: boolean): void {
  choose("name", neutral ? "neutral" : "own");
  isNeutral.value = neutral;
  // The offer that was made is for the other name; the browser makes a new one.
  installer.value = null;
  name();
}

export function watchInstalling(): void {
  addEventListener("beforeinstallprompt", (event) => {
    event.preventDefault();
    installer.value = event as InstallPrompt;
  });
  // The neutral name was the one to install if it is the one that was opened.
  isNeutral.value = chosen("name") === "neutral" || location.search === "?notes";
  name();
}

function name(): void {
  const { manifest, icon } = isNeutral.value ? NEUTRAL : OWN;
  point("manifest", manifest);
  point("icon", icon);
  point("apple-touch-icon", icon);
}

/** Replaces a link of the page's head, since browsers look at new ones only. */
function point(rel: string, href: string): void {
  document.querySelector(`link[rel="${rel}"]`)?.remove();
  const link = document.createElement("link");
  link.rel = rel;
  link.href = href;
  document.head.append(link);
}
