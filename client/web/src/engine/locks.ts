/**
 * What one tab alone may do at a time: by the browser's own locks, or by a row in the store with a
 * lease that is renewed while its tab lives.
 */
import { hex } from "../protocol/bytes.ts";
import { randomBytes } from "../protocol/random.ts";
import { EngineError } from "./engine.ts";
import type { Store } from "./tables.ts";

/** A tab that was killed holds up others for no longer. Phones let pages stand still for seconds. */
const LEASE_MS = 30_000;
const RENEWED_MS = 5_000;

export interface Locks {
  /** Runs the work alone; throws `busy` at once where somebody else does it. */
  run<T>(name: string, work: () => Promise<T>): Promise<T>;
  isHeld(name: string): Promise<boolean>;
}

/** The browser's locks where it has them, or the store's. */
export function locksFor(store: Store): Locks {
  const locks = typeof navigator === "undefined" ? undefined : navigator.locks;
  return locks === undefined ? new LeaseLocks(store) : new BrowserLocks(locks);
}

class BrowserLocks implements Locks {
  readonly #locks: LockManager;

  constructor(locks: LockManager) {
    this.#locks = locks;
  }

  run<T>(name: string, work: () => Promise<T>): Promise<T> {
    return this.#locks.request(placeOf(name), { ifAvailable: true }, (lock) => {
      if (lock === null) throw new EngineError("busy", name);
      return work();
    }) as Promise<T>;
  }

  async isHeld(name: string): Promise<boolean> {
    const { held = [] } = await this.#locks.query();
    return held.some((lock) => lock.name === placeOf(name));
  }
}

function placeOf(name: string): string {
  return `qanat ${name}`;
}

export class LeaseLocks implements Locks {
  readonly #store: Store;
  readonly #now: () => number;

  constructor(store: Store, now: () => number = Date.now) {
    this.#store = store;
    this.#now = now;
  }

  async run<T>(name: string, work: () => Promise<T>): Promise<T> {
    const holder = hex(randomBytes(8));
    await this.#take(name, holder, false);
    const renewing = setInterval(() => {
      // Who lost it while the page stood still finds that out where it counts: in the store.
      this.#take(name, holder, true).catch(() => clearInterval(renewing));
    }, RENEWED_MS);
    try {
      return await work();
    } finally {
      clearInterval(renewing);
      await this.#store.write(["lock"], async (rows) => {
        if ((await rows.get("lock", name))?.holder === holder) await rows.remove("lock", name);
      });
    }
  }

  async isHeld(name: string): Promise<boolean> {
    const row = await this.#store.read(["lock"], (rows) => rows.get("lock", name));
    return row !== undefined && this.#isValid(row.untilMs);
  }

  #take(name: string, holder: string, isMine: boolean): Promise<void> {
    return this.#store.write(["lock"], async (rows) => {
      const row = await rows.get("lock", name);
      const isOurs = row?.holder === holder;
      if (isMine ? !isOurs : row !== undefined && this.#isValid(row.untilMs)) {
        throw new EngineError("busy", name);
      }
      await rows.put("lock", { name, holder, untilMs: this.#now() + LEASE_MS });
    });
  }

  /** A clock that was set back must not make a lease last for years. */
  #isValid(untilMs: number): boolean {
    const leftMs = untilMs - this.#now();
    return leftMs > 0 && leftMs <= LEASE_MS;
  }
}
