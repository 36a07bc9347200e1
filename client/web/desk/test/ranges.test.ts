/** Bars of figures stay on their scale, are seen however narrow, and are said in words. */
import { expect, test } from "vitest";
import { rangeWords, scaleOf, spanOf } from "../src/checks/ranges.ts";

test("a bar lies where its numbers lie on the scale", () => {
  expect(spanOf({ minimum: 10, maximum: 20 }, { minimum: 0, maximum: 40 })).toEqual({
    from: 25,
    width: 25,
  });
});

test("one number that all say is drawn as one number, and not as a full bar", () => {
  const { from, width } = spanOf({ minimum: 3, maximum: 3 }, { minimum: 3, maximum: 3 });
  expect(width).toBeLessThan(5);
  expect(from + width / 2).toBe(50);
});

test("a single number is a bar that is seen and does not leave the scale", () => {
  for (const at of [0, 1, 500, 999, 1000]) {
    const { from, width } = spanOf({ minimum: at, maximum: at }, { minimum: 0, maximum: 1000 });
    expect(width).toBeGreaterThan(1);
    expect(from).toBeGreaterThanOrEqual(0);
    expect(from + width).toBeLessThanOrEqual(100);
  }
});

test("the scale holds every number, this report's too", () => {
  expect(scaleOf({ mine: { minimum: 16, maximum: 20 }, others: [] })).toEqual({
    minimum: 16,
    maximum: 20,
  });
});

test("a range of one number is that number", () => {
  expect(rangeWords({ minimum: 16, maximum: 16 })).toBe("16");
  expect(rangeWords({ minimum: 16, maximum: 20 })).toBe("16 to 20");
});
