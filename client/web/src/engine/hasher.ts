/**
 * The SHA-256 of a long file in a worker of its own, so that sealing and hashing have a processor
 * each. WebCrypto has no hash that takes its data piece by piece.
 */
import { fastSha256, type Hash } from "../protocol/hashing.ts";
import { EngineError } from "./engine.ts";

/** What a worker hears first where it is to take hashes. */
export const HASHES = "hashes";

/** Pieces under way to the worker, of a MiB each. */
const MOST_AHEAD = 4;
/** A worker that has not begun within this will not. */
const PATIENCE_MS = 3000;

/** From the worker: that it has begun or has taken a piece in, or the hash. */
type Told = null | Uint8Array;

interface Scope {
  onmessage: ((event: MessageEvent<Uint8Array | null>) => void) | null;
  postMessage(told: Told): void;
}

/** The worker's end: takes pieces in, and at `null` tells the hash. */
export async function takeHash(scope: Scope): Promise<void> {
  const hash = await fastSha256();
  scope.onmessage = async ({ data }) => {
    if (data !== null) await hash.update(data);
    scope.postMessage(data === null ? await hash.digest() : null);
  };
  scope.postMessage(null);
}

/** A hash that has to be ended. */
export interface Hasher extends Hash {
  end(): void;
}

/**
 * A hash in a second worker of the script that this one runs; here where there can be none, as in
 * the single file.
 */
export async function startHasher(): Promise<Hasher> {
  const worker = startWorker();
  if (worker !== undefined) {
    const hasher = new WorkerHash(worker);
    if (await hasher.hasBegun()) return hasher;
    hasher.end();
  }
  return Object.assign(await fastSha256(), { end: () => undefined });
}

function startWorker(): Worker | undefined {
  if (typeof Worker === "undefined") return undefined;
  try {
    return new Worker(location.href);
  } catch (error) {
    // A browser or a policy under which workers make none.
    if (!(error instanceof Error || error instanceof DOMException)) throw error;
    return undefined;
  }
}

class WorkerHash implements Hasher {
  readonly #worker: Worker;
  readonly #waiting: { resolve: (told: Told) => void; reject: (error: EngineError) => void }[] = [];
  readonly #ahead: Promise<Told>[] = [];
  #isBroken = false;

  constructor(worker: Worker) {
    this.#worker = worker;
    worker.onmessage = ({ data }: MessageEvent<Told>) => this.#waiting.shift()?.resolve(data);
    worker.onerror = () => {
      this.#isBroken = true;
      for (const { reject } of this.#waiting) reject(broken());
    };
  }

  async hasBegun(): Promise<boolean> {
    const late = new Promise<boolean>((resolve) => setTimeout(resolve, PATIENCE_MS, false));
    const begun = this.#ask(HASHES).then(
      () => true,
      () => false,
    );
    return Promise.race([begun, late]);
  }

  async update(data: Uint8Array): Promise<void> {
    this.#ahead.push(this.#ask(data));
    if (this.#ahead.length > MOST_AHEAD) await this.#ahead.shift();
  }

  async digest(): Promise<Uint8Array> {
    await Promise.all(this.#ahead);
    return (await this.#ask(null)) as Uint8Array;
  }

  end(): void {
    this.#worker.terminate();
  }

  #ask(message: Uint8Array | null | typeof HASHES): Promise<Told> {
    const told = new Promise<Told>((resolve, reject) => {
      if (this.#isBroken) reject(broken());
      this.#waiting.push({ resolve, reject });
      this.#worker.postMessage(message);
    });
    // Whoever waits for it is told what it throws.
    told.catch(() => undefined);
    return told;
  }
}

function broken(): EngineError {
  return new EngineError("failed", "the worker that takes the hash has ended");
}
