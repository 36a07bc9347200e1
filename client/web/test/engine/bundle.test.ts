/** What a browser loads of the engine: how much that is, and that it runs in old ones. */
import { createContext, runInContext } from "node:vm";
import { gzipSync } from "node:zlib";
import { build, type Rolldown } from "vite";
import { expect, test } from "vitest";
import { shortPrivateNames } from "../../build/shortPrivateNames.ts";
import { withoutDetails } from "../../build/withoutDetails.ts";
import type { Ask, Told } from "../../src/engine/calls.ts";
import { dayOf } from "../../src/protocol/days.ts";
import { madeDesk } from "./madeDesk.ts";

const OLDEST = ["chrome87", "safari14", "firefox91"];
/** A first visit may load 110 kB, the screens among it. */
const MOST_BYTES = 72_000;
/** What browsers learnt behind those. */
const NEWER = [
  "Object.hasOwn",
  "Array.prototype.at",
  "Array.prototype.findLast",
  "String.prototype.at",
  "Uint8Array.prototype.at",
  "Promise.withResolvers",
];
const LONG_MS = 240_000;

async function bundled(): Promise<string> {
  const built = (await build({
    configFile: false,
    logLevel: "error",
    plugins: [withoutDetails(), shortPrivateNames()],
    oxc: { assumptions: { setPublicClassFields: true } },
    build: {
      write: false,
      target: OLDEST,
      lib: { entry: "src/engine/worker.ts", formats: ["iife"], name: "engine" },
    },
  })) as Rolldown.RolldownOutput[];
  const chunks = built.flatMap(({ output }) => output);
  expect(chunks.length).toBe(1);
  return chunks[0]?.type === "chunk" ? chunks[0].code : "";
}

interface Scope {
  onmessage(event: { data: Ask }): void;
  Uint8Array: Uint8ArrayConstructor;
}

test(
  "the worker is one small script, which seals in a browser as old as it may be",
  async () => {
    const code = await bundled();
    expect(gzipSync(code, { level: 9 }).length).toBeLessThan(MOST_BYTES);
    expect(code.includes("a parcel that is for a desk")).toBe(false);

    let answer: (told: Told) => void = () => undefined;
    const context = createContext({
      crypto,
      TextEncoder,
      TextDecoder,
      AbortController,
      Blob,
      atob,
      setTimeout,
      clearTimeout,
      setInterval,
      clearInterval,
      DOMException,
      postMessage: (told: Told) => answer(told),
    });
    for (const name of NEWER) runInContext(`delete ${name}`, context);
    runInContext(code, context);
    const scope = runInContext("globalThis", context) as Scope;
    let id = 0;
    const call = (method: string, values: unknown[]) =>
      new Promise<unknown>((resolve, reject) => {
        id += 1;
        answer = (told) => {
          if (told.type === "done") resolve(told.value);
          if (told.type === "failed") reject(new Error(`${told.code}: ${told.message}`));
        };
        scope.onmessage({ data: { type: "call", id, method, values } as Ask });
      });
    scope.onmessage({ data: { type: "begin", page: null } });
    const card = scope.Uint8Array.from(madeDesk(dayOf(Date.now() / 1000)).card());
    const desk = (await call("addDesk", [card])) as { id: string };
    const file = {
      data: new Blob(["x"]),
      name: "a.txt",
      mediaType: "",
      thumbnail: null,
      preview: null,
    };
    const draft = {
      desk: desk.id,
      text: "a".repeat(9000),
      what: "",
      where: "",
      when: "",
      basis: 0,
    };
    const more = {
      figures: [],
      language: "",
      urgent: false,
      files: [file],
      code: null,
      today: null,
    };
    const sealed = (await call("seal", [{ ...draft, ...more }])) as { number: number };
    expect(sealed.number).toBe(1);
    expect((await call("outbox", [])) as unknown[]).toHaveLength(1);
  },
  LONG_MS,
);
