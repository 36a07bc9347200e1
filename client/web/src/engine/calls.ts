/**
 * Calls of the engine as messages between a page and its worker. Progress comes back while a call
 * runs; a signal goes there as a message of its own.
 */
import { type Engine, EngineError, type Refusal } from "./engine.ts";
import { refusalOf } from "./refusals.ts";
import type { Origin } from "./socketLink.ts";

export type Method = Exclude<keyof Engine, "onChange">;

/** From the page. */
export type Ask =
  | { readonly type: "begin"; readonly page: Origin | null }
  | {
      readonly type: "call";
      readonly id: number;
      readonly method: Method;
      readonly values: unknown[];
    }
  | { readonly type: "abort"; readonly id: number }
  | { readonly type: "look" };

/** From the worker. */
export type Told =
  | { readonly type: "ready" }
  | { readonly type: "changed" }
  | { readonly type: "progress"; readonly id: number; readonly values: unknown[] }
  | { readonly type: "done"; readonly id: number; readonly value: unknown }
  | {
      readonly type: "failed";
      readonly id: number;
      readonly code: Refusal;
      readonly message: string;
    };

/** The two that take a while: behind their values stand what is told meanwhile, and a signal. */
const LONG: ReadonlySet<Method> = new Set<Method>(["seal", "sync"]);

/** An engine that others can be asked to look at again. */
export interface Served extends Engine {
  look(): void;
}

/** Answers calls with an engine that is opened once where the page came from is known. */
export function serve(
  open: (page: Origin | null) => Promise<Served>,
  tell: (told: Told) => void,
): (ask: Ask) => void {
  let opening: Promise<Served> | undefined;
  const running = new Map<number, AbortController>();
  const answer = async (id: number, method: Method, values: unknown[]) => {
    const controller = new AbortController();
    running.set(id, controller);
    try {
      const engine = await (opening ?? Promise.reject(new EngineError("failed", "not begun")));
      const behind = LONG.has(method)
        ? [(...told: unknown[]) => tell({ type: "progress", id, values: told }), controller.signal]
        : [];
      const call = engine[method] as (...given: unknown[]) => Promise<unknown>;
      tell({ type: "done", id, value: await call.apply(engine, [...values, ...behind]) });
    } catch (error) {
      const { code, message } = refusalOf(error);
      tell({ type: "failed", id, code, message });
    } finally {
      running.delete(id);
    }
  };
  return (ask) => {
    if (ask.type === "begin") {
      opening = open(ask.page);
      // Whoever calls is told.
      opening.then(
        (engine) => engine.onChange(() => tell({ type: "changed" })),
        () => undefined,
      );
      tell({ type: "ready" });
    } else if (ask.type === "call") {
      void answer(ask.id, ask.method, ask.values);
    } else if (ask.type === "abort") {
      running.get(ask.id)?.abort();
    } else {
      void opening?.then(
        (engine) => engine.look(),
        () => undefined,
      );
    }
  };
}

interface Waiting {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: EngineError) => void;
  readonly onProgress: ((...values: unknown[]) => void) | undefined;
}

/** The page's end: makes calls of asks, and tells of what comes back. */
export class Caller {
  readonly #ask: (ask: Ask) => void;
  readonly #waiting = new Map<number, Waiting>();
  #count = 0;

  constructor(ask: (ask: Ask) => void) {
    this.#ask = ask;
  }

  call(method: Method, given: readonly unknown[]): Promise<unknown> {
    this.#count += 1;
    const id = this.#count;
    const isLong = LONG.has(method);
    const values = isLong ? given.slice(0, -2) : [...given];
    const [onProgress, signal] = isLong
      ? (given.slice(-2) as [(...values: unknown[]) => void, AbortSignal])
      : [undefined, undefined];
    const abort = () => this.#ask({ type: "abort", id });
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject, onProgress });
      this.#ask({ type: "call", id, method, values });
      signal?.addEventListener("abort", abort);
      if (signal?.aborted) abort();
    }).finally(() => signal?.removeEventListener("abort", abort));
  }

  hear(told: Told): void {
    if (told.type === "ready" || told.type === "changed") return;
    const waiting = this.#waiting.get(told.id);
    if (told.type === "progress") {
      waiting?.onProgress?.(...told.values);
      return;
    }
    this.#waiting.delete(told.id);
    if (told.type === "done") waiting?.resolve(told.value);
    else waiting?.reject(withMessage(told.code, told.message));
  }

  /** The worker is gone: nobody answers any more. */
  end(code: Refusal): void {
    for (const { reject } of this.#waiting.values()) reject(new EngineError(code));
    this.#waiting.clear();
  }
}

function withMessage(code: Refusal, message: string): EngineError {
  const error = new EngineError(code);
  error.message = message;
  return error;
}
