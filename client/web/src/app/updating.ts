/**
 * The service worker from the page's side: it is registered where there can be one, and a newer
 * version waits until the person takes it.
 */
import { effect, signal } from "@preact/signals";
import { language } from "../languages/messages.ts";

/** How long after it was opened the app keeps what its first visit did without. */
const QUIET_MS = 20_000;

export const isNewerHere = signal(false);

let waiting: ServiceWorker | null = null;

export async function registerWorker(): Promise<void> {
  if (__SINGLE_FILE__ || !isSecureContext || !("serviceWorker" in navigator)) return;
  // Refused (private mode of some browsers) the app works all the same, but not offline.
  const registration = await navigator.serviceWorker.register("sw.js").catch(() => null);
  if (!registration) return;
  const { installing, active } = registration;
  effect(() => {
    const worker = registration.installing ?? registration.active;
    worker?.postMessage(`speak ${language.value}`);
  });
  if (installing === null) setTimeout(() => active?.postMessage("keep all"), QUIET_MS);
  offer(registration.waiting);
  registration.addEventListener("updatefound", () => {
    const coming = registration.installing;
    coming?.addEventListener("statechange", () => {
      if (coming.state === "installed") offer(registration.waiting);
    });
  });
}

/** The first worker of all takes over by itself: there is no older version then. */
function offer(worker: ServiceWorker | null): void {
  if (worker === null || !navigator.serviceWorker.controller) return;
  waiting = worker;
  isNewerHere.value = true;
}

/** What is being written is lost with the page, so it is the person who says when. */
export function takeNewer(): void {
  navigator.serviceWorker.addEventListener("controllerchange", () => location.reload(), {
    once: true,
  });
  waiting?.postMessage("take over");
}
