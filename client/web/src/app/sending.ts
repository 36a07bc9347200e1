/**
 * Going to the network, by the button or by itself. Quiet until somebody switches that on: then a
 * network that comes back, the page that is looked at again, and the browser's own Background Sync
 * each start one try, if something waits.
 */
import { effect, signal } from "@preact/signals";
import type { Refusal, SyncProgress, SyncResult } from "../engine/engine.ts";
import { choose, chosen } from "./choices.ts";
import { dayByPerson, engine, outbox } from "./session.ts";
import { refusalOf } from "./words.ts";

/** By itself it goes no more often than this. */
const PAUSE_MS = 60_000;
const SYNC_TAG = "send";

export const isAutomatic = signal(false);
export const progress = signal<SyncProgress | null>(null);
export const isSending = signal(false);
export const result = signal<SyncResult | null>(null);
export const refusal = signal<Refusal | null>(null);

let stopper: AbortController | null = null;
let lastTryMs = 0;

/** Goes to the network once; a code also fetches its answers. */
export async function sendNow(code: string | null = null): Promise<void> {
  if (isSending.value) return;
  stopper = new AbortController();
  isSending.value = true;
  progress.value = null;
  result.value = null;
  refusal.value = null;
  lastTryMs = Date.now();
  try {
    const options = { code, today: dayByPerson.value };
    result.value = await engine().sync(
      options,
      (now) => {
        progress.value = now;
      },
      stopper.signal,
    );
  } catch (error) {
    refusal.value = refusalOf(error);
  } finally {
    isSending.value = false;
    progress.value = null;
  }
}

export function stopSending(): void {
  stopper?.abort();
}

export function setAutomatic(isOn: boolean): void {
  isAutomatic.value = isOn;
  choose("auto", isOn ? "on" : "off");
  if (isOn) void sendByItself();
}

/** Starts listening for the network, if the person has chosen that once. */
export function startAutomatic(): void {
  isAutomatic.value = chosen("auto") === "on";
  addEventListener("online", () => void sendByItself());
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "visible") void sendByItself();
  });
  navigator.serviceWorker?.addEventListener("message", (event) => {
    if (event.data === SYNC_TAG) void sendByItself();
  });
  effect(() => {
    if (isAutomatic.value && waiting()) void askForBackgroundSync();
  });
}

function waiting(): boolean {
  return (outbox.value ?? []).some(
    (item) => item.isHere && !item.isPaused && item.state !== "opened" && item.state !== "expired",
  );
}

async function sendByItself(): Promise<void> {
  if (!isAutomatic.value || !waiting() || navigator.onLine === false) return;
  if (Date.now() - lastTryMs < PAUSE_MS) return;
  await sendNow();
}

interface WithSync extends ServiceWorkerRegistration {
  readonly sync?: { register(tag: string): Promise<void> };
}

/** Where the browser has it; one that forbids it changes nothing. */
async function askForBackgroundSync(): Promise<void> {
  const registration: WithSync | undefined = await navigator.serviceWorker?.getRegistration();
  await registration?.sync?.register(SYNC_TAG).catch(() => undefined);
}
