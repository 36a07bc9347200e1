/**
 * The engine where it runs, in a worker. Puts together what the modules
 * beside it do, names their errors, and lets one sync run at a time.
 */
import "./oldBrowsers.ts";
import { grouped, newCode, normalise } from "../protocol/code.ts";
import { bundleOf, takeBundle } from "./bundles.ts";
import { dayBy } from "./clock.ts";
import { DatabaseStore } from "./databaseStore.ts";
import { wipeDatabase } from "./databaseWipe.ts";
import { Desks, viewOf } from "./desks.ts";
import {
  type BulletinView,
  type DeskView,
  type Draft,
  type Engine,
  EngineError,
  type OutboxItem,
  type ReplyView,
  type Room,
  type SyncProgress,
  type SyncResult,
  type Wiped,
} from "./engine.ts";
import { homeIn, setHome } from "./home.ts";
import { allBulletins, openReplies } from "./inbox.ts";
import { ledger } from "./ledger.ts";
import { Library } from "./library.ts";
import { type Locks, locksFor } from "./locks.ts";
import { MemoryStore } from "./memoryStore.ts";
import { Outbox } from "./outbox.ts";
import { refusing } from "./refusals.ts";
import { Relays } from "./relays.ts";
import { roomIn } from "./room.ts";
import { syncOnce } from "./rounds.ts";
import { SealingRoom } from "./sealingRoom.ts";
import { sealReport } from "./sealReport.ts";
import type { Origin } from "./socketLink.ts";
import type { Store, TableName } from "./tables.ts";
import { WatchedStore } from "./watchedStore.ts";
import { wipeCaches } from "./wiping.ts";

/** What changes often is told of no oftener. */
const TOLD_MS = 150;

/**
 * The store of this browser; one in memory where it keeps nothing (private windows of some, storage
 * that was refused). Then all works while the page is open, and `persist` throws `no_storage`.
 */
export async function openStore(): Promise<Store> {
  try {
    if (typeof indexedDB === "undefined" || indexedDB === null) return new MemoryStore();
    const store = new DatabaseStore();
    await store.read(["lock"], (rows) => rows.all("lock"));
    return store;
  } catch (error) {
    // What a newer app keeps must not be hidden behind an empty store.
    if (error instanceof EngineError) return new DatabaseStore();
    return new MemoryStore();
  }
}

export class LocalEngine implements Engine {
  readonly #store: WatchedStore;
  readonly #page: Origin | null;
  readonly #locks: Locks;
  readonly #desks: Desks;
  readonly #room: SealingRoom;
  readonly #outbox: Outbox;
  readonly #library: Library;
  readonly #relays: Relays;
  readonly #listeners = new Set<() => void>();
  /** Sessions that look whether the outbox has changed. */
  readonly #sessions = new Set<() => void>();
  readonly #going = new Map<AbortController, Promise<unknown>>();
  #telling: ReturnType<typeof setTimeout> | undefined;

  /** `page`: where it came from; null where it is a file, or no page at all. */
  constructor(store: Store, page: Origin | null) {
    this.#store = new WatchedStore(store, (tables) => this.#heard(tables));
    this.#page = page;
    this.#locks = locksFor(this.#store);
    this.#desks = new Desks(this.#store);
    this.#room = new SealingRoom(this.#store, this.#locks);
    this.#outbox = new Outbox(this.#store);
    this.#library = new Library(this.#store);
    this.#relays = new Relays(this.#store);
  }

  /** One that is ready: what a page that was closed in mid-seal left has been cleared away. */
  static async open(page: Origin | null): Promise<LocalEngine> {
    const engine = new LocalEngine(await openStore(), page);
    await engine.#room.clearAbandoned();
    return engine;
  }

  desks(): Promise<readonly DeskView[]> {
    return refusing(async () => (await this.#desks.all()).map(({ card }) => viewOf(card)));
  }

  readCard(card: Uint8Array | string): Promise<DeskView> {
    return refusing(async () => viewOf(await this.#desks.weigh(card)));
  }

  addDesk(card: Uint8Array | string): Promise<DeskView> {
    return refusing(async () => viewOf(await this.#desks.add(card)));
  }

  removeDesk(desk: string): Promise<void> {
    return refusing(() => this.#desks.forget(desk));
  }

  newCode(): Promise<string> {
    return refusing(newCode);
  }

  checkCode(code: string): Promise<string> {
    return refusing(() => grouped(digitsOf(code)));
  }

  seal(
    draft: Draft,
    onProgress: (done: number, all: number) => void,
    signal: AbortSignal,
  ): Promise<{ number: number; reportId: string }> {
    return this.#during(signal, async (going) => {
      if (draft.code !== null) digitsOf(draft.code);
      return sealReport(draft, {
        store: this.#store,
        desks: this.#desks,
        room: this.#room,
        advance: onProgress,
        signal: going,
      });
    });
  }

  outbox(): Promise<readonly OutboxItem[]> {
    return refusing(() => ledger(this.#store, dayBy(null)));
  }

  setPaused(number: number, isPaused: boolean): Promise<void> {
    return refusing(() => this.#outbox.setPaused(number, isPaused));
  }

  drop(number: number): Promise<void> {
    return refusing(() => this.#outbox.drop(number));
  }

  homeCountry(): Promise<string> {
    return refusing(() => this.#store.read(["setting"], homeIn));
  }

  setHomeCountry(country: string): Promise<void> {
    return refusing(() => setHome(this.#store, country));
  }

  handOver(): Promise<Blob> {
    return refusing(() => bundleOf(this.#outbox));
  }

  takeIn(bundle: Blob): Promise<SyncResult> {
    return refusing(() => takeBundle(bundle, this.#library, dayBy(null)));
  }

  replies(code: string): Promise<readonly ReplyView[]> {
    const kept = { store: this.#store, desks: this.#desks, outbox: this.#outbox };
    return refusing(() => openReplies(digitsOf(code), kept));
  }

  bulletins(): Promise<readonly BulletinView[]> {
    return refusing(() => allBulletins(this.#library, this.#desks));
  }

  sync(
    options: { readonly code: string | null; readonly today: number | null },
    onProgress: (progress: SyncProgress) => void,
    signal: AbortSignal,
  ): Promise<SyncResult> {
    return this.#during(signal, (going) =>
      this.#locks.run("sync", async () => {
        await this.#room.clearAbandoned();
        return syncOnce({
          desks: this.#desks,
          outbox: this.#outbox,
          library: this.#library,
          relays: this.#relays,
          page: this.#page,
          signal: going,
          listeners: this.#sessions,
          code: options.code === null ? null : digitsOf(options.code),
          today: options.today,
          onProgress,
        });
      }),
    );
  }

  room(): Promise<Room> {
    return refusing(() => roomIn(this.#store));
  }

  persist(): Promise<boolean> {
    return refusing(() => {
      if (!this.#store.isKept) throw new EngineError("no_storage");
      // Only a page may ask.
      return navigator.storage?.persist?.() ?? false;
    });
  }

  /** What a worker can reach; the rest is the page's. Nothing can be done with it afterwards. */
  wipe(): Promise<Wiped> {
    return refusing(async () => {
      for (const going of this.#going.keys()) going.abort();
      await Promise.all(this.#going.values());
      await this.#store.close();
      return {
        databases: await wipeDatabase(),
        caches: await wipeCaches(),
        entries: 0,
        workers: 0,
      };
    });
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Something was written in another tab that this one could not hear. */
  look(): void {
    this.#heard(["item"]);
  }

  #during<T>(signal: AbortSignal, work: (going: AbortSignal) => Promise<T>): Promise<T> {
    const controller = new AbortController();
    const abort = () => controller.abort();
    if (signal.aborted) abort();
    signal.addEventListener("abort", abort);
    const working = refusing(async () => {
      if (controller.signal.aborted) throw new EngineError("cancelled");
      return work(controller.signal);
    }).finally(() => {
      signal.removeEventListener("abort", abort);
      this.#going.delete(controller);
    });
    this.#going.set(
      controller,
      working.catch(() => undefined),
    );
    return working;
  }

  #heard(tables: readonly TableName[] | "wiped"): void {
    if (tables === "wiped") {
      for (const going of this.#going.keys()) going.abort();
    } else if (tables.includes("item")) {
      for (const look of this.#sessions) look();
    }
    this.#telling ??= setTimeout(() => {
      this.#telling = undefined;
      for (const listener of this.#listeners) listener();
    }, TOLD_MS);
  }
}

/** A code's 24 digits; whatever is wrong with it is `bad_code`. */
function digitsOf(code: string): string {
  try {
    return normalise(code);
  } catch (error) {
    throw new EngineError("bad_code", error instanceof Error ? error.message : "");
  }
}
