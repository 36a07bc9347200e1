/**
 * The engine as a page has it, in a worker. Does what only a page can: asks to be kept, wipes its
 * small stores, hears other tabs of old browsers.
 */
import { type Ask, Caller, type Method, type Told } from "./calls.ts";
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

/** The engine in a worker of `worker.ts`. Throws `failed` where the page can make none. */
export function createEngine(makeWorker: () => Worker): Engine {
  return new PageEngine(makeWorker).engine;
}

class PageEngine {
  readonly engine: Engine;
  readonly #makeWorker: () => Worker;
  readonly #listeners = new Set<() => void>();
  #ask: (ask: Ask) => void = () => undefined;
  #caller = new Caller((ask) => this.#ask(ask));
  #end: () => void = () => undefined;

  constructor(makeWorker: () => Worker) {
    this.#makeWorker = makeWorker;
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
    const worker = this.#made();
    let isReady = false;
    worker.onmessage = ({ data }: MessageEvent<Told>) => {
      isReady = true;
      this.#hear(data);
    };
    worker.onerror = () => {
      // A policy or a browser that refuses it says so only now: nobody will ever answer.
      if (isReady) return;
      this.#ask = () => this.#caller.end("failed");
      this.#caller.end("failed");
    };
    this.#ask = (ask) => worker.postMessage(ask);
    this.#end = () => worker.terminate();
    this.#ask({ type: "begin", page: location.protocol === "file:" ? null : originOf(location) });
  }

  #made(): Worker {
    try {
      return this.#makeWorker();
    } catch (error) {
      if (!(error instanceof Error || error instanceof DOMException)) throw error;
      throw new EngineError("failed", "no worker can be made here");
    }
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
