/** Rows that are chosen, one by one and as a range, by mouse and by keys. */
import { beforeEach, expect, test } from "vitest";
import type { Row } from "../src/api.ts";
import * as list from "../src/state/list.ts";

const IDS = ["a", "b", "c", "d", "e", "f"];

beforeEach(() => {
  list.rows.value = IDS.map((id) => ({ id }) as Row);
  list.chosen.value = new Set();
  list.current.value = null;
});

function chosen(): string {
  return [...list.chosen.value].sort().join("");
}

test("a range goes from the row that was chosen last to the one that is pressed with Shift", () => {
  list.toggleChosen("b");
  list.chooseTo("d");
  expect(chosen()).toBe("bcd");
  list.chooseTo("a");
  expect(chosen()).toBe("abcd");
});

test("without a chosen row it begins where the keys are, and else is one row", () => {
  list.current.value = "e";
  list.chooseTo("c");
  expect(chosen()).toBe("cde");
  list.chosen.value = new Set();
  list.current.value = null;
  list.chooseTo("f");
  expect(chosen()).toBe("f");
  list.chooseTo("none such");
  expect(chosen()).toBe("f");
});

test("a row that is chosen no more begins no range", () => {
  list.toggleChosen("a");
  list.toggleChosen("a");
  list.current.value = "d";
  list.chooseTo("e");
  expect(chosen()).toBe("de");
});

test("the keys choose the row that they are on and the one that they go to", () => {
  list.current.value = "b";
  list.chooseOn(1);
  list.chooseOn(1);
  expect(chosen()).toBe("bcd");
  expect(list.current.value).toBe("d");
  list.chooseOn(-1);
  expect(chosen()).toBe("bcd");
});
