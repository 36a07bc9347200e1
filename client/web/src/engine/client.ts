/**
 * The engine as a page has it: in a worker where one can be made, else in the page itself. Does
 * what only a page can: asks to be kept, wipes its small stores, hears other tabs of old browsers.
 */
import { type Ask, Caller, type Method, type Served, serve, type Told } from "./calls.ts";
import { type Engine, EngineError, type Wiped } from "./engine.ts";
import type { Origin } from "./socketLink.ts";
import { wipeCaches, wipeEntries, wipeWorkers } from "./wiping.ts";

const CHANGED = "qanat.changed";
const METHODS: readonly Method[] = [
  "desks",
  "readCard",
  "addDesk",
  "removeDesk",
  "newCode",
  "checkCode",
  "seal",
  "outbox",
  "setPaused",
  "drop",
  "homeCountry",
  "setHomeCountry",
  "handOver",
  "takeIn",
  "replies",
  "bulletins",
  "sync",
  "room",
];

/** Where the engine may run. */
export interface Places {
  /** As `?worker&inline` of `worker.ts` gives it. */
  readonly worker: () => Worker;
  /** `LocalEngine.open`, loaded when no worker can be made; without it the engine then throws. */
  readonly page?: (page: Origin | null) => Promise<Served>;
}

export function createEngine(places: Places): Engine {
  return new PageEngine(places).engine;
}

class PageEngine {
  readonly engine: Engine;
  readonly #places: Places;
  readonly #listeners = new Set<() => void>();
  #ask: (ask: Ask) => void = () => undefined;
  #caller = new Caller((ask) => this.#ask(ask));
  #end: () => void = () => undefined;

  constructor(places: Places) {
    this.#places = places;
    this.#begin();
    // Browsers that have no BroadcastChannel tell other tabs of this alone.
    if (typeof BroadcastChannel === "undefined") {
      window.addEventListener("storage", ({ key }) => {
        if (key === CHANGED) this.#ask({ type: "look" });
      });
    }
    const calls = Object.fromEntries(
      METHODS.map((method) => [
        method,
        (...values: unknown[]) => this.#caller.call(method, values),
      ]),
    );
    this.engine = {
      ...(calls as unknown as Engine),
      persist: () => this.#persist(),
      wipe: () => this.#wipe(),
      onChange: (listener) => {
        this.#listeners.add(listener);
        return () => this.#listeners.delete(listener);
      },
    };
  }

  #begin(): void {
    const page = location.protocol === "file:" ? null : originOf(location);
    try {
      const worker = this.#places.worker();
      worker.onmessage = ({ data }: MessageEvent<Told>) => this.#hear(data);
      let isReady = false;
      worker.addEventListener("message", () => {
        isReady = true;
      });
      worker.onerror = () => {
        // A policy or a browser that refuses it says so only now.
        if (!isReady) this.#beginHere(page);
      };
      this.#ask = (ask) => worker.postMessage(ask);
      this.#end = () => worker.terminate();
    } catch (error) {
      if (!(error instanceof Error || error instanceof DOMException)) throw error;
      this.#beginHere(page);
    }
    this.#ask({ type: "begin", page });
  }

  #beginHere(page: Origin | null): void {
    const open = this.#places.page;
    if (open === undefined) throw new EngineError("failed", "no worker can be made here");
    this.#caller.end("failed");
    this.#ask = serve(open, (told) => this.#hear(told));
    this.#end = () => undefined;
    this.#ask({ type: "begin", page });
  }

  #hear(told: Told): void {
    this.#caller.hear(told);
    if (told.type !== "changed") return;
    this.#tell();
    if (typeof BroadcastChannel !== "undefined") return;
    try {
      localStorage.setItem(CHANGED, String(Date.now()));
      localStorage.removeItem(CHANGED);
    } catch (error) {
      // Nobody else to be told, where nothing is kept.
      if (!(error instanceof DOMException)) throw error;
    }
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }

  async #persist(): Promise<boolean> {
    // Throws where nothing is kept.
    const isKept = (await this.#caller.call("persist", [])) as boolean;
    return isKept || ((await navigator.storage?.persist?.()) ?? false);
  }

  async #wipe(): Promise<Wiped> {
    const { databases } = (await this.#caller.call("wipe", [])) as Wiped;
    this.#end();
    this.#caller.end("cancelled");
    const workers = await wipeWorkers();
    const caches = await wipeCaches();
    const wiped = { databases, caches, entries: wipeEntries(), workers };
    this.#begin();
    this.#tell();
    return wiped;
  }
}

function originOf({ protocol, host }: Location): Origin {
  return { protocol, host };
}
