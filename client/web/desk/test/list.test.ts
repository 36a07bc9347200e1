/** The list's store against a server of a few lines: pages, new reports, and answers that are late. */
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Row } from "../src/api.ts";
import { parse } from "../src/state/filters.ts";
import * as list from "../src/state/list.ts";
import { served } from "./fewLines.ts";

interface Asked {
  readonly before?: number;
  readonly limit: number;
  readonly words?: string;
}

let ids: number[] = [];
let holds: ((body: Asked) => Promise<void>) | null = null;
const fetched = globalThis.fetch;

beforeEach(async () => {
  await served(async (_, body) => {
    const asked = JSON.parse(body) as Asked;
    await holds?.(asked);
    const older = ids.filter((id) => asked.before === undefined || id < asked.before);
    const page = older.slice(0, asked.limit);
    const next = older.length > page.length ? page.at(-1) : null;
    const rows = page.map((id) => ({ id: `${asked.words ?? "report"}-${id}`, arrived_s: id }));
    return new Response(JSON.stringify({ rows, next, total: ids.length, muted: 0 }));
  });
  ids = Array.from({ length: 250 }, (_, at) => 250 - at);
});

afterEach(() => {
  holds = null;
  list.rows.value = [];
  list.filters.value = { chips: [], words: "" };
  list.current.value = null;
  list.chosen.value = new Set();
  globalThis.fetch = fetched;
});

function shown(): string[] {
  return list.rows.value.map(({ id }: Row) => id);
}

test("pages follow each other to the end, none twice", async () => {
  await list.load();
  await list.more();
  await list.more();
  await list.more();
  expect(shown()).toEqual(ids.map((id) => `report-${id}`));
});

test("new reports are counted and move nothing until they are asked for", async () => {
  await list.load();
  const before = shown();
  ids = [253, 252, 251, ...ids];
  await list.lookAgain();
  expect(shown()).toEqual(before);
  expect(list.fresh.value).toBe(3);
  await list.load();
  expect(shown().slice(0, 3)).toEqual(["report-253", "report-252", "report-251"]);
  expect(list.fresh.value).toBe(0);
});

test("more new reports than a page has are counted all", async () => {
  await list.load();
  ids = [...Array.from({ length: 500 }, (_, at) => 750 - at), ...ids];
  await list.lookAgain();
  expect(list.fresh.value).toBe(500);
});

test("an answer to an older question is dropped", async () => {
  let release = () => undefined as undefined;
  holds = async ({ words }) => {
    if (words !== "slow") return;
    await new Promise<void>((done) => {
      release = () => void done();
    });
  };
  list.narrow(parse("slow"));
  list.narrow(parse("quick"));
  await new Promise((done) => setTimeout(done, 20));
  release();
  await new Promise((done) => setTimeout(done, 20));
  expect(shown()[0]).toBe("quick-250");
});

test("the keys' row stops at both ends", async () => {
  await list.load();
  list.move(1);
  expect(list.current.value).toBe("report-250");
  list.move(-5);
  expect(list.current.value).toBe("report-250");
  list.move(10_000);
  expect(list.current.value).toBe("report-151");
});

test("a choice holds while more is read, and ends with the rows that are gone", async () => {
  await list.load();
  list.toggleChosen("report-250");
  list.toggleChosen("report-249");
  await list.more();
  expect(list.chosen.value.size).toBe(2);
  ids = ids.slice(1);
  await list.load();
  expect([...list.chosen.value]).toEqual(["report-249"]);
});
