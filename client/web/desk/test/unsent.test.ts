/** What would be lost with the page is known, until it has gone out. */
import { beforeEach, expect, test } from "vitest";
import * as writing from "../src/bulletins/writing.ts";
import { answer, draftOf, hasDraft, want, write } from "../src/state/answering.ts";
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
