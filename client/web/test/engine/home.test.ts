/** What left the country: only where the person said which that is, and a desk's card where the relay is. */
import "fake-indexeddb/auto";
import { expect, test } from "vitest";
import { DatabaseStore, STEPS } from "../../src/engine/databaseStore.ts";
import { LocalEngine } from "../../src/engine/localEngine.ts";
import { MemoryStore } from "../../src/engine/memoryStore.ts";
import { Word } from "../../src/engine/outbox.ts";
import type { RelayRow } from "../../src/engine/tables.ts";
import { dayOf } from "../../src/protocol/days.ts";
import { draftTo, madeDesk } from "./madeDesk.ts";

const TODAY = dayOf(Date.now() / 1000);
const DESK = madeDesk(TODAY);
const RELAY: RelayRow = {
  key: "aa",
  address: "http://relay.example",
  country: "DE",
  largestBody: null,
  namedBy: null,
};

async function sealed(): Promise<{ engine: LocalEngine; store: MemoryStore; parcel: number }> {
  const store = new MemoryStore();
  const engine = new LocalEngine(store, null);
  const { id } = await engine.addDesk(DESK.card());
  await engine.seal(draftTo(id), () => undefined, new AbortController().signal);
  const [letter] = await store.read(["parcel"], (rows) => rows.all("parcel"));
  return { engine, store, parcel: letter?.key ?? 0 };
}

async function says(store: MemoryStore, parcel: number, word: Word, relay = RELAY): Promise<void> {
  await store.write(["relay", "custody"], async (rows) => {
    await rows.put("relay", relay);
    await rows.put("custody", { parcel, relay: relay.key, word, day: TODAY, held: null });
  });
}

async function seen(engine: LocalEngine): Promise<unknown[]> {
  const [item] = await engine.outbox();
  return [item?.state, item?.relays, item?.countries];
}

test("a report that a relay outside signed for has left the country", async () => {
  const { engine, store, parcel } = await sealed();
  await engine.setHomeCountry("KZ");
  await says(store, parcel, Word.HOLDS);
  expect(await seen(engine)).toEqual(["held", 0, []]);
  await says(store, parcel, Word.SIGNED);
  expect(await seen(engine)).toEqual(["abroad", 1, ["DE"]]);
});

test("while nobody said which country it is, or where the relay is at home, nothing has left", async () => {
  const { engine, store, parcel } = await sealed();
  await says(store, parcel, Word.SIGNED);
  expect(await seen(engine)).toEqual(["signed", 1, ["DE"]]);
  await engine.setHomeCountry("de");
  expect(await engine.homeCountry()).toBe("DE");
  expect(await seen(engine)).toEqual(["signed", 1, []]);
  await engine.setHomeCountry("nowhere");
  expect(await engine.homeCountry()).toBe("");
});

test("a country that only a relay tells of proves nothing", async () => {
  const { engine, store, parcel } = await sealed();
  await engine.setHomeCountry("KZ");
  await says(store, parcel, Word.SIGNED, { ...RELAY, namedBy: "bb" });
  expect(await seen(engine)).toEqual(["signed", 1, []]);
});

test("a database from before the question keeps what waits, and takes the answer", async () => {
  const old = new DatabaseStore("home", STEPS.slice(0, 1));
  const item = { desk: "ab", epoch: 1, expiryDay: 2, sealedHour: 3, files: 0, isPaused: false };
  await old.write(["item"], (rows) => rows.put("item", item));
  const engine = new LocalEngine(new DatabaseStore("home"), null);
  await engine.setHomeCountry("KZ");
  expect(await engine.homeCountry()).toBe("KZ");
  const next = new DatabaseStore("home");
  expect(await next.read(["item"], (rows) => rows.all("item"))).toEqual([{ ...item, number: 1 }]);
});
