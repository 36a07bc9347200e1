/** Decisions against a server of a few lines that answers when it is let: none takes another back. */
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Change } from "../src/api.ts";
import { decide } from "../src/state/deciding.ts";
import { again, close, report, show } from "../src/state/report.ts";
import { served } from "./fewLines.ts";

let held: Record<string, { confidence: string; note: string }> = {};
let taken: Change[] = [];
/** What each path waits for before its answer, made of what was held when it was asked, is given. */
let holds: Record<string, Promise<void>> = {};
const fetched = globalThis.fetch;

beforeEach(async () => {
  held = { place: { confidence: "unknown", note: "" } };
  taken = [];
  holds = {};
  await served(async (path, body) => {
    if (path === "/api/decide") {
      const { changes } = JSON.parse(body) as { changes: Change[] };
      await holds[path];
      taken.push(...changes);
      for (const { element, value, note } of changes)
        if (element !== undefined)
          held = { ...held, [element]: { confidence: String(value), note: note ?? "" } };
      return Response.json({ decisions: changes.length });
    }
    const found = { id: "a", decided: { elements: held } };
    await holds[path];
    return Response.json(found);
  });
  await show("a");
});

afterEach(() => {
  close();
  globalThis.fetch = fetched;
});

function heldBack(path: string): () => void {
  let release: () => void = () => {};
  holds[path] = new Promise((resolve) => {
    release = resolve;
  });
  return release;
}

function place(value: string, note: string): Change {
  return { what: "element", report: "a", element: "place", value, note };
}

test("a report that was asked for before a decision does not take it off the screen", async () => {
  const release = heldBack("/api/reports/a");
  const late = again();
  delete holds["/api/reports/a"];
  const letItBeKept = heldBack("/api/decide");
  const decided = decide([place("high", "")]);
  release();
  await late;
  expect(report.value?.decided.elements.place?.confidence).toBe("high");
  letItBeKept();
  expect(await decided).toBe(true);
  expect(report.value?.decided.elements.place?.confidence).toBe("high");
});

test("a report that was asked for while a decision was being kept is asked for again", async () => {
  const letItBeKept = heldBack("/api/decide");
  const decided = decide([place("high", "")]);
  await again();
  expect(report.value?.decided.elements.place?.confidence).toBe("high");
  letItBeKept();
  await decided;
  expect(report.value?.decided.elements).toEqual(held);
});

test("an older answer that comes last takes nothing newer off the screen", async () => {
  const release = heldBack("/api/reports/a");
  const late = again();
  delete holds["/api/reports/a"];
  held = { place: { confidence: "high", note: "by another editor" } };
  await again();
  release();
  await late;
  expect(report.value?.decided.elements).toEqual(held);
});

test("decisions are kept in the order in which they were made", async () => {
  const letItBeKept = heldBack("/api/decide");
  const first = decide([place("high", "")]);
  const second = decide([place("high", "the sign over the door")]);
  await new Promise((resolve) => setTimeout(resolve));
  letItBeKept();
  await Promise.all([first, second]);
  expect(taken.map(({ note }) => note)).toEqual(["", "the sign over the door"]);
  expect(report.value?.decided.elements).toEqual(held);
});
