/** The engine without a network: what it seals, refuses, shows and keeps. */
import "fake-indexeddb/auto";
import { expect, test } from "vitest";
import { DatabaseStore } from "../../src/engine/databaseStore.ts";
import { type Draft, type DraftFile, EngineError } from "../../src/engine/engine.ts";
import { LocalEngine } from "../../src/engine/localEngine.ts";
import { MemoryStore } from "../../src/engine/memoryStore.ts";
import { blank } from "../../src/engine/sealingRoom.ts";
import { TABLES } from "../../src/engine/tables.ts";
import { parseCard } from "../../src/protocol/card.ts";
import { dayOf } from "../../src/protocol/days.ts";
import { draftTo, madeDesk } from "./madeDesk.ts";

const TODAY = dayOf(Date.now() / 1000);
const DESK = madeDesk(TODAY);
const going = () => new AbortController().signal;

function file(data: Blob, name = "film.mp4"): DraftFile {
  return { data, name, mediaType: "video/mp4", thumbnail: null, preview: null };
}

async function ready(store = new MemoryStore()): Promise<{ engine: LocalEngine; desk: string }> {
  const engine = new LocalEngine(store, null);
  return { engine, desk: (await engine.addDesk(DESK.card())).id };
}

async function refusal(work: Promise<unknown>): Promise<string> {
  const error = await work.then(
    () => new Error("nothing was refused"),
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof EngineError)) throw error;
  return error.code;
}

/** All bytes and texts of a store, one after the other. */
async function dumped(store: MemoryStore): Promise<Buffer> {
  const rows = await store.read(TABLES, async (found) =>
    Promise.all(TABLES.map((table) => found.all(table))),
  );
  const parts: Uint8Array[] = [];
  for (const row of rows.flat()) {
    for (const value of Object.values(row)) {
      parts.push(value instanceof Uint8Array ? value : Buffer.from(String(value)));
    }
  }
  return Buffer.concat(parts);
}

test("nothing that was written is readable in the store", async () => {
  const store = new MemoryStore();
  const { engine, desk } = await ready(store);
  const code = await engine.newCode();
  const text = "a text of which no eight letters may be found";
  const media = new Uint8Array(100_000).map((_, at) => at * 7 + (at >> 8));
  const { reportId } = await engine.seal(
    draftTo(desk, { text, where: "Almaty, the square", code, files: [file(new Blob([media]))] }),
    () => undefined,
    going(),
  );
  await engine.replies(code);
  const kept = await dumped(store);
  expect(kept.length).toBeGreaterThan(100_000);
  const sought = [text, "Almaty, the square", "film.mp4", code, code.replaceAll(" ", ""), reportId];
  for (const one of sought) {
    for (let at = 0; at + 8 <= one.length; at++)
      expect(kept.includes(one.slice(at, at + 8))).toBe(false);
  }
  for (let at = 0; at + 8 < media.length; at += 97) {
    expect(kept.includes(Buffer.from(media.subarray(at, at + 8)))).toBe(false);
  }
});

test("a seal that is cut or fails leaves nothing behind", async () => {
  const store = new MemoryStore();
  const { engine, desk } = await ready(store);
  const before = await dumped(store);
  const controller = new AbortController();
  const big = file(new Blob([new Uint8Array(9 << 20)]));
  const sealing = engine.seal(
    draftTo(desk, { files: [big] }),
    (done) => done > 5 << 20 && controller.abort(),
    controller.signal,
  );
  expect(await refusal(sealing)).toBe("cancelled");
  const shrinking = new Blob([new Uint8Array(3 << 20)]);
  Object.defineProperty(shrinking, "size", { value: 4 << 20 });
  const failing = engine.seal(
    draftTo(desk, { files: [file(shrinking)] }),
    () => undefined,
    going(),
  );
  expect(await refusal(failing)).toBe("unreadable_file");
  expect(await dumped(store)).toEqual(before);
  expect(await engine.outbox()).toEqual([]);
});

test("what a page left that was closed in mid-seal is cleared away by the next", async () => {
  const store = new DatabaseStore();
  const { engine, desk } = await ready(store as unknown as MemoryStore);
  await store.write(["parcel", "body"], async (rows) => {
    const row = { ...blank(1, "original"), batch: "gone" };
    const parcel = (await rows.put("parcel", row)) as number;
    await rows.put("body", { parcel, group: 0, data: new Uint8Array(10) });
  });
  await engine.seal(draftTo(desk), () => undefined, going());
  const next = await LocalEngine.open(null);
  const left = await store.read(["parcel", "body"], async (rows) => [
    (await rows.all("parcel")).map(({ role }) => role),
    (await rows.all("body")).length,
  ]);
  expect(left).toEqual([["letter"], 1]);
  expect((await next.outbox()).map(({ state }) => state)).toEqual(["queued"]);
});

test("each thing that can't be sealed is refused by its name, before anything is read", async () => {
  const { engine, desk } = await ready();
  const seal = (more: Partial<Draft>) =>
    refusal(engine.seal(draftTo(desk, more), () => undefined, going()));
  const huge = new Blob([]);
  Object.defineProperty(huge, "size", { value: 3 * 2 ** 30 });
  expect(await seal({ files: [file(huge)] })).toBe("too_large");
  expect(await seal({ text: "  \n" })).toBe("empty");
  expect(await seal({ text: "ы".repeat(40_000) })).toBe("too_large");
  expect(await seal({ files: Array.from({ length: 33 }, () => file(new Blob(["x"]))) })).toBe(
    "too_many_files",
  );
  expect(await seal({ figures: [{ what: "x", minimum: 2, maximum: 1 }] })).toBe("malformed");
  expect(await seal({ code: "1234" })).toBe("bad_code");
  expect(await seal({ desk: "00".repeat(32) })).toBe("unknown_desk");
  expect(await seal({ today: 9_000 })).toBe("clock");
  expect(await seal({ today: TODAY + 1000 })).toBe("expired");
  expect(await engine.outbox()).toEqual([]);
});

test("a clock that can't be right asks for the date, and the date is taken", async () => {
  const engine = new LocalEngine(new MemoryStore(), null);
  const ahead = madeDesk(TODAY + 400);
  const { id } = await engine.addDesk(ahead.card());
  const sealed = (today: number | null) =>
    engine.seal(draftTo(id, { today }), () => undefined, going());
  expect(await refusal(sealed(null))).toBe("clock");
  expect((await sealed(TODAY + 401)).number).toBe(1);
  const past = madeDesk(TODAY - 300);
  const { id: old } = await engine.addDesk(past.card());
  expect(await refusal(engine.seal(draftTo(old), () => undefined, going()))).toBe("clock");
});

test("texts, names and types become what a report can hold", async () => {
  const { engine, desk } = await ready();
  const sealed = engine.seal(
    draftTo(desk, {
      text: "one\r\ntwo\u0000 \ud800",
      where: "a\tb",
      language: "x".repeat(50),
      files: [
        { ...file(new Blob([]), ""), mediaType: "" },
        { ...file(new Blob(["x"]), "../\u202e.jpg"), mediaType: "video/mp4; codecs=1" },
        { ...file(new Blob(["y"]), `${"ы".repeat(300)}.mp4`), mediaType: "no type" },
      ],
    }),
    () => undefined,
    going(),
  );
  expect((await sealed).number).toBe(1);
  const [item] = await engine.outbox();
  expect(item?.parts.map(({ role }) => role)).toEqual([
    "letter",
    "original",
    "original",
    "original",
  ]);
});

test("an older card is refused, and a link holds a card behind its sign", async () => {
  const { engine } = await ready();
  const first = parseCard(DESK.card());
  await engine.addDesk(DESK.card(2, first.cardHash));
  expect(await refusal(engine.addDesk(DESK.card()))).toBe("older_card");
  const link = `https://example.org/#${Buffer.from(DESK.card(3)).toString("base64url")}`;
  expect(await refusal(engine.readCard(link))).toBe("bad_signature");
  expect(await refusal(engine.readCard("https://example.org/#no*card"))).toBe("malformed");
  expect(await refusal(engine.readCard(Uint8Array.of(1, 2, 3)))).toBe("malformed");
  expect((await engine.desks()).length).toBe(1);
});

test("where nothing is kept all works while the page is open, and persist says so", async () => {
  const { engine, desk } = await ready();
  await engine.seal(draftTo(desk), () => undefined, going());
  expect((await engine.handOver()).size).toBeGreaterThan(4096);
  expect(await refusal(engine.persist())).toBe("no_storage");
  expect(await engine.room()).toMatchObject({ most: null, isPersistent: false });
});

test("listeners are told of a change, and not when they have ended", async () => {
  const { engine, desk } = await ready();
  let told = 0;
  const end = engine.onChange(() => (told += 1));
  await engine.seal(draftTo(desk), () => undefined, going());
  await new Promise((resolve) => setTimeout(resolve, 400));
  expect(told).toBeGreaterThan(0);
  end();
  const before = told;
  await engine.drop(1);
  await new Promise((resolve) => setTimeout(resolve, 400));
  expect(told).toBe(before);
});

test("a body's rows hold no more than its bytes, and a report that is dropped leaves none at once", async () => {
  const steps: string[] = [];
  class Counting extends MemoryStore {
    override write<T>(...given: Parameters<MemoryStore["write"]>): Promise<T> {
      steps.push("write");
      return super.write(...given) as Promise<T>;
    }
  }
  const store = new Counting();
  const { engine, desk } = await ready(store);
  const files = [file(new Blob([new Uint8Array(70_000)]))];
  await engine.seal({ ...draftTo(desk), files }, () => undefined, going());
  const bodies = await store.read(["body"], (rows) => rows.all("body"));
  expect(bodies.length).toBeGreaterThan(1);
  for (const { data } of bodies) expect(data.buffer.byteLength).toBe(data.length);
  steps.length = 0;
  await engine.drop(1);
  expect(steps).toEqual(["write"]);
  for (const table of ["item", "parcel", "body", "page"] as const) {
    expect(await store.read([table], (rows) => rows.all(table))).toEqual([]);
  }
});
