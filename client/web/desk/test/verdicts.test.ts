/** Who agrees and who stands apart, in a report's figures and in an incident's. */
import { expect, test } from "vitest";
import { verdictOf } from "../src/checks/verdicts.ts";

const MINE = { minimum: 3, maximum: 3 };
const counting = (agrees: boolean) => ({ counts: true, agrees });

test("where all differ nobody stands apart, since most allow no number", () => {
  const others = [counting(false), counting(false), counting(false)];
  const row = { mine: null, sources: 3, others };
  expect(others.map((said) => verdictOf(said, row))).toEqual(["open", "open", "open"]);
});

test("only who is outside of what most allow stands apart", () => {
  const others = [counting(true), counting(true), counting(false), { counts: false, agrees: true }];
  const row = { mine: null, sources: 3, others };
  expect(others.map((said) => verdictOf(said, row))).toEqual(["among", "among", "apart", "out"]);
});

test("a single source agrees with nobody", () => {
  const others = [counting(true)];
  expect(verdictOf(counting(true), { mine: null, sources: 1, others })).toBe("open");
  expect(verdictOf(counting(true), { mine: MINE, sources: 1, others })).toBe("open");
});

test("beside a report's own figure each agrees with it or contradicts it", () => {
  const row = { mine: MINE, sources: 2, others: [counting(false)] };
  expect(verdictOf(counting(false), row)).toBe("contradicts");
  expect(verdictOf(counting(true), row)).toBe("agrees");
});
