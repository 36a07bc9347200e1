/** What every store does alike, and what IndexedDB's own does beside it. */
import "fake-indexeddb/auto";
import { openDB } from "idb";
import { expect, test } from "vitest";
import { DatabaseStore, STEPS } from "../../src/engine/databaseStore.ts";
import { wipeDatabase } from "../../src/engine/databaseWipe.ts";
import { LeaseLocks } from "../../src/engine/locks.ts";
import { MemoryStore } from "../../src/engine/memoryStore.ts";
import type { ItemRow, Store } from "../../src/engine/tables.ts";
import { WatchedStore } from "../../src/engine/watchedStore.ts";

const ITEM: ItemRow = {
  desk: "ab",
  epoch: 1,
  expiryDay: 2,
  sealedHour: 3,
  files: 0,
  isPaused: false,
};

let count = 0;
function name(): string {
  count += 1;
  return `store ${count}`;
}

const STORES: readonly [string, () => Store][] = [
  ["memory", () => new MemoryStore()],
  ["IndexedDB", () => new DatabaseStore(name())],
];

test.each(STORES)(
  "%s counts rows, finds them by key and index, and removes them",
  async (_, make) => {
    const store = make();
    const numbers = await store.write(["item", "body"], async (rows) => {
      for (const group of [2, 0, 10]) {
        await rows.put("body", { parcel: 7, group, data: Uint8Array.of(group) });
      }
      await rows.put("body", { parcel: 8, group: 0, data: Uint8Array.of(1) });
      return [await rows.put("item", ITEM), await rows.put("item", ITEM)];
    });
    expect(numbers).toEqual([1, 2]);
    await store.write(["item", "body"], async (rows) => {
      await rows.remove("item", 1);
      await rows.put("item", { ...ITEM, number: 2, isPaused: true });
    });
    const found = await store.read(["item", "body"], async (rows) => ({
      items: await rows.all("item"),
      groups: (await rows.all("body", 7)).map(({ group }) => group),
      one: await rows.get("body", [7, 10]),
      none: await rows.get("body", [7, 1]),
    }));
    expect(found.items).toEqual([{ ...ITEM, number: 2, isPaused: true }]);
    expect(found.groups).toEqual([0, 2, 10]);
    expect(found.one?.data).toEqual(Uint8Array.of(10));
    expect(found.none).toBeUndefined();
    await store.write(["body"], (rows) => rows.removeUnder("body", 7));
    const left = await store.read(["body"], (rows) => rows.all("body"));
    expect(left.map(({ parcel }) => parcel)).toEqual([8]);
  },
);

test.each(STORES)("%s undoes what a transaction that throws has done", async (_, make) => {
  const store = make();
  await store.write(["item"], (rows) => rows.put("item", ITEM));
  const failing = store.write(["item"], async (rows) => {
    await rows.put("item", ITEM);
    await rows.remove("item", 1);
    throw new Error("no");
  });
  await expect(failing).rejects.toThrow("no");
  const items = await store.read(["item"], (rows) => rows.all("item"));
  expect(items.map(({ number }) => number)).toEqual([1]);
});

test("looking makes no database", async () => {
  const place = name();
  const store = new DatabaseStore(place);
  expect(await store.read(["item"], (rows) => rows.all("item"))).toEqual([]);
  const names = async () => (await indexedDB.databases()).map((found) => found.name);
  expect(await names()).not.toContain(place);
  await store.write(["item"], (rows) => rows.put("item", ITEM));
  expect(await names()).toContain(place);
});

test("a newer version of the schema keeps what waits", async () => {
  const place = name();
  const old = new DatabaseStore(place);
  await old.write(["item"], (rows) => rows.put("item", ITEM));
  const next = new DatabaseStore(place, [
    ...STEPS,
    (database) => {
      database.createObjectStore("more");
    },
  ]);
  // The old one, in another tab, lets go of the database.
  expect(await next.read(["item"], (rows) => rows.all("item"))).toEqual([{ ...ITEM, number: 1 }]);
  await expect(old.read(["item"], (rows) => rows.all("item"))).rejects.toThrow("newer app");
});

test("a wipe removes the database though another tab has it open, and nothing comes back", async () => {
  const place = name();
  const [here, there] = [
    new WatchedStore(new DatabaseStore(place), () => undefined),
    new DatabaseStore(place),
  ];
  await here.write(["item"], (rows) => rows.put("item", ITEM));
  await there.read(["item"], (rows) => rows.all("item"));
  await here.close();
  expect(await wipeDatabase(place)).toBe(0);
  await expect(here.write(["item"], (rows) => rows.put("item", ITEM))).rejects.toThrow("wiped");
  expect(await there.read(["item"], (rows) => rows.all("item"))).toEqual([]);
  expect((await indexedDB.databases()).map((found) => found.name)).not.toContain(place);
});

test("a wipe says so where a tab does not let go", async () => {
  const place = name();
  const stubborn = await openDB(place, 1);
  expect(await wipeDatabase(place)).toBe(1);
  stubborn.close();
}, 20_000);

test("one tab alone holds a lease, until it ends or its tab is gone", async () => {
  const store = new DatabaseStore(name());
  let nowMs = 1_000_000;
  const [one, other] = [new LeaseLocks(store, () => nowMs), new LeaseLocks(store, () => nowMs)];
  let end: () => void = () => undefined;
  const working = one.run("sync", () => new Promise<void>((resolve) => (end = resolve)));
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(await other.isHeld("sync")).toBe(true);
  await expect(other.run("sync", async () => 1)).rejects.toMatchObject({ code: "busy" });
  // A page that was killed renews nothing; nor does a clock that was set back make it last.
  nowMs += 31_000;
  expect(await other.isHeld("sync")).toBe(false);
  nowMs = 10;
  expect(await other.run("sync", async () => 2)).toBe(2);
  end();
  await working;
  expect(await one.run("sync", async () => 3)).toBe(3);
});
