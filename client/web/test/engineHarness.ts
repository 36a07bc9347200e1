/**
 * The engine as a process, with a database in its memory: each line a call, `[name, values]`, each
 * answer a line. What runs for long is begun, and waited for or ended by other calls.
 */
import "fake-indexeddb/auto";
import { createInterface } from "node:readline";
import type { Draft, DraftFile, SyncProgress } from "../src/engine/engine.ts";
import { LocalEngine } from "../src/engine/localEngine.ts";
import { refusalOf } from "../src/engine/refusals.ts";
import { SocketLink } from "../src/engine/socketLink.ts";
import { hex } from "../src/protocol/bytes.ts";

type Values = Record<string, unknown>;

const engine = await LocalEngine.open(null);
let ending = new AbortController();
let syncing: Promise<unknown> | undefined;
let progress: SyncProgress | undefined;

function bytes(digits: unknown): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(Buffer.from(String(digits), "hex"));
}

/** So many bytes that are all different from zero and from one file to another. */
function madeFile({ name, size, seed }: { name: string; size: number; seed: number }): DraftFile {
  const data = new Uint8Array(size).map((_, at) => (at * 31 + (at >> 8) * 7 + seed) & 0xff);
  return { data: new Blob([data]), name, mediaType: "", thumbnail: null, preview: null };
}

function draftOf(values: Values): Draft {
  const { files = [], ...rest } = values as {
    files?: { name: string; size: number; seed: number }[];
  };
  return {
    desk: "",
    text: "",
    what: "",
    where: "",
    when: "",
    basis: 1,
    figures: [],
    language: "en",
    urgent: false,
    code: null,
    today: null,
    ...rest,
    files: files.map(madeFile),
  };
}

function sync(values: Values): Promise<unknown> {
  ending = new AbortController();
  const { code = null, today = null } = values as { code?: string; today?: number };
  return engine.sync({ code, today }, (told) => (progress = told), ending.signal);
}

const CALLS: Readonly<Record<string, (values: Values) => unknown>> = {
  addDesk: ({ card }) => engine.addDesk(bytes(card)),
  newCode: () => engine.newCode(),
  seal: (values) => engine.seal(draftOf(values), () => undefined, new AbortController().signal),
  outbox: () => engine.outbox(),
  setPaused: ({ number, isPaused }) => engine.setPaused(Number(number), isPaused === true),
  drop: ({ number }) => engine.drop(Number(number)),
  handOver: async () => hex(new Uint8Array(await (await engine.handOver()).arrayBuffer())),
  takeIn: ({ bundle }) => engine.takeIn(new Blob([bytes(bundle)])),
  replies: ({ code }) => engine.replies(String(code)),
  bulletins: async () =>
    (await engine.bulletins()).map(({ pictures, ...shown }) => ({
      ...shown,
      pictures: pictures.length,
    })),
  sync,
  beginSync: (values) => {
    progress = undefined;
    syncing = sync(values);
    syncing.catch(() => undefined);
  },
  endSync: () => ending.abort(),
  waitForSync: () => syncing,
  progress: () => progress ?? null,
  wipe: () => engine.wipe(),
  stallAfter: ({ ms }) => {
    SocketLink.stallMs = Number(ms);
  },
};

async function answerTo(line: string): Promise<unknown> {
  const [name, values] = JSON.parse(line) as [string, Values];
  const call = CALLS[name];
  if (call === undefined) throw new Error(`there is no call ${name}`);
  try {
    return { ok: (await call(values)) ?? null };
  } catch (error) {
    const { code, message } = refusalOf(error);
    return { refusal: code, message };
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(`${JSON.stringify(await answerTo(line))}\n`);
}
process.exit(0);
