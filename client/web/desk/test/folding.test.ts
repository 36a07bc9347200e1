/** Names are folded as the desk folds them: test_folded_names.py reads the same pairs. */
import { expect, test } from "vitest";
import { alike, fold } from "../src/state/folding.ts";
import pairs from "./folded.json";

test.each(pairs)("%s", (text, folded) => {
  expect(fold(text)).toBe(folded);
  expect(fold(folded)).toBe(folded);
});

test("what begins with the words comes before what has them inside", () => {
  const all = ["Республика алаңы", "Алаңдағы атыс", "Hospital"].map((name) => ({ name }));
  expect(alike(all, " АЛАН ").map(({ name }) => name)).toEqual([
    "Алаңдағы атыс",
    "Республика алаңы",
  ]);
  expect(alike(all, "spit").map(({ name }) => name)).toEqual(["Hospital"]);
  expect(alike(all, "")).toHaveLength(3);
  expect(alike(all, "fire")).toEqual([]);
});
