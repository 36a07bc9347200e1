/** What would be lost with the page is known, until it has gone out. */
import { beforeEach, expect, test } from "vitest";
import * as writing from "../src/bulletins/writing.ts";
import { answer, draftOf, hasDraft, want, write } from "../src/state/answering.ts";
import { decide } from "../src/state/deciding.ts";
import { noteOf, typeNote } from "../src/state/notes.ts";
import { hasUnsent } from "../src/state/unsent.ts";
import { served } from "./fewLines.ts";

/** Requests that wait for their answer. */
const waiting: (() => void)[] = [];

beforeEach(async () => {
  await served(async () => {
    await new Promise<void>((done) => {
      waiting.push(done);
    });
    return Response.json({ number: 1 });
  });
});

async function answerOne(): Promise<void> {
  await expect.poll(() => waiting.length).toBe(1);
  waiting.pop()?.();
}

test("an answer in writing, a file that is asked for, a note and a bulletin are unsent", () => {
  expect(hasUnsent()).toBe(false);
  write("one", "Who");
  expect(hasDraft("one")).toBe(true);
  expect(hasDraft("two")).toBe(false);
  expect(hasUnsent()).toBe(true);
  write("one", " ");
  expect(hasUnsent()).toBe(false);
  want("two", 1, true);
  expect(hasUnsent()).toBe(true);
  want("two", 1, false);
  typeNote("one", "place", "the fountain");
  expect(noteOf("one", "place")).toBe("the fountain");
  expect(noteOf("one", "date")).toBeNull();
  expect(hasUnsent()).toBe(true);
  typeNote("one", "place", null);
  expect(hasUnsent()).toBe(false);
  writing.change(0, { text: "Stay inside" });
  expect(hasUnsent()).toBe(true);
  writing.change(0, { text: "" });
  expect(hasUnsent()).toBe(false);
});

test("what went out is written no more, and what was written meanwhile stays", async () => {
  write("one", "Who else?");
  const first = answer("one");
  await answerOne();
  await first;
  expect(draftOf("one").text).toBe("");
  write("one", "And when?");
  const second = answer("one");
  write("one", "And when? Where?");
  await answerOne();
  await second;
  expect(draftOf("one").text).toBe("And when? Where?");
});

test("decisions are unsent until the desk has kept the last of them", async () => {
  write("one", "");
  const change = { what: "starred", report: "one", value: true } as const;
  const first = decide([change]);
  const second = decide([{ ...change, value: false }]);
  expect(hasUnsent()).toBe(true);
  await answerOne();
  await first;
  // It was not sent before the first was kept.
  expect(hasUnsent()).toBe(true);
  await answerOne();
  expect(await second).toBe(true);
  expect(hasUnsent()).toBe(false);
});
