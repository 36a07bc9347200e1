/**
 * The service worker. It keeps the files of one version and answers from there; it never asks another
 * host for anything.
 *
 * A first visit keeps what the app needs in the person's language. The other languages, the reader of
 * square codes and the neutral icons are kept when they are asked for, or once the app is opened again; from
 * then on nothing is fetched but a newer version. The page that "Leave" leads to is there from the first visit on.
 */
export {};

/** What is used of a service worker's scope. TypeScript's own types of it don't go with a page's. */
interface Waiting extends Event {
  waitUntil(work: Promise<void>): void;
}
interface Fetching extends Event {
  readonly request: Request;
  respondWith(answer: Promise<Response>): void;
}
interface Scope {
  readonly registration: ServiceWorkerRegistration;
  readonly clients: {
    claim(): Promise<void>;
    matchAll(options: { type: "window" }): Promise<readonly { postMessage(word: string): void }[]>;
  };
  skipWaiting(): Promise<void>;
  addEventListener(type: "install" | "activate", listener: (event: Waiting) => void): void;
  addEventListener(type: "fetch", listener: (event: Fetching) => void): void;
  addEventListener(
    type: "message",
    listener: (event: Waiting & { readonly data: unknown }) => void,
  ): void;
  addEventListener(
    type: "sync",
    listener: (event: Waiting & { readonly tag: string }) => void,
  ): void;
}
declare const self: Scope;
/**
 * Written by the build: the files of this version, those of them that a first visit keeps in any
 * language, and a name that changes with any of them.
 */
declare const __FILES__: readonly string[];
declare const __FIRST__: readonly string[];
declare const __VERSION__: string;

const FILES = __FILES__;
const PREFIX = "app ";
const CACHE = PREFIX + __VERSION__;
const FRONT = "index.html";
/** How long an installation waits for the page to say which language it speaks. */
const LANGUAGE_MS = 60_000;

const spoken = new Set<string>();
let isSpoken: () => void = () => undefined;
/** Rejects, and the next visit tries again, where no language comes: without one there are no words. */
const firstSpoken = new Promise<void>((resolve, reject) => {
  isSpoken = resolve;
  setTimeout(reject, LANGUAGE_MS);
});
firstSpoken.catch(() => undefined);

self.addEventListener("install", (event) => {
  event.waitUntil(install());
});

self.addEventListener("activate", (event) => {
  event.waitUntil(removeOlder());
});

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const name = nameOf(new URL(request.url), request.mode === "navigate");
  if (request.method !== "GET" || name === null) return;
  event.respondWith(kept(name, request));
});

self.addEventListener("message", (event) => {
  const [word, what = ""] = String(event.data).split(" ");
  if (word === "take") void self.skipWaiting();
  if (word === "speak") {
    spoken.add(what);
    isSpoken();
    // Before, its installation keeps it.
    if (self.registration.active !== null) event.waitUntil(keep(languageFiles()));
  }
  if (word === "keep") event.waitUntil(keep(FILES));
});

/** Background Sync: the pages that are open are told; they know whether the person wants it. */
self.addEventListener("sync", (event) => {
  event.waitUntil(tell(event.tag));
});

async function install(): Promise<void> {
  const cache = await caches.open(CACHE);
  // Whoever has an older version may have all of it, and keeps that.
  if (self.registration.active !== null) {
    await add(cache, FILES);
    return;
  }
  await add(cache, __FIRST__);
  await firstSpoken;
  await add(cache, languageFiles());
}

/** Of the languages that pages have spoken since this worker began. */
function languageFiles(): string[] {
  return FILES.filter((file) => spoken.has(/^assets\/(\w+)-/.exec(file)?.[1] ?? ""));
}

/** Keeps files that aren't kept yet; after a wipe, none. Without a network it throws. */
async function keep(names: readonly string[]): Promise<void> {
  if (!(await caches.has(CACHE))) return;
  const cache = await caches.open(CACHE);
  const there = await Promise.all(names.map((name) => cache.match(name)));
  await add(
    cache,
    names.filter((_, at) => there[at] === undefined),
  );
}

function add(cache: Cache, names: readonly string[]): Promise<void> {
  return cache.addAll(names.map((name) => new Request(name, { cache: "no-cache" })));
}

async function removeOlder(): Promise<void> {
  for (const name of await caches.keys()) {
    if (name.startsWith(PREFIX) && name !== CACHE) await caches.delete(name);
  }
  await self.clients.claim();
}

/** The file that an address of ours stands for, or null for what is not of this app. */
function nameOf(address: URL, isPage: boolean): string | null {
  const scope = new URL(self.registration.scope);
  if (address.origin !== scope.origin || !address.pathname.startsWith(scope.pathname)) return null;
  const name = address.pathname.slice(scope.pathname.length);
  if (name === "" && isPage) return FRONT;
  return FILES.includes(name) ? name : null;
}

async function kept(name: string, request: Request): Promise<Response> {
  if (!(await caches.has(CACHE))) return fetch(request);
  const cache = await caches.open(CACHE);
  const found = await cache.match(name);
  if (found !== undefined) return found;
  const answer = await fetch(request);
  // Where there is no room for it, it is shown all the same.
  if (answer.ok) await cache.put(name, answer.clone()).catch(() => undefined);
  return answer;
}

async function tell(tag: string): Promise<void> {
  for (const client of await self.clients.matchAll({ type: "window" })) client.postMessage(tag);
}
