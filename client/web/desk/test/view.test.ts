/** The part of a picture that is seen: closer, moved, and the same when a larger one comes. */
import { expect, test } from "vitest";
import { frameOf, pushed, real, scaleOf, WHOLE, zoomed } from "../src/media/view.ts";

const PICTURE = { width: 2000, height: 1000 };
const WINDOW = { width: 1000, height: 800 };

test("all of it is seen at first, in the middle", () => {
  expect(frameOf(WHOLE, PICTURE, WINDOW)).toEqual({ width: 1000, height: 500, left: 0, top: 150 });
});

test("at 100% a pixel of it is one of the window, also where that is smaller than the window", () => {
  expect(scaleOf(real(WHOLE, PICTURE, WINDOW), PICTURE, WINDOW)).toBe(1);
  const small = { width: 100, height: 80 };
  expect(frameOf(real(WHOLE, small, WINDOW), small, WINDOW)).toEqual({
    width: 100,
    height: 80,
    left: 450,
    top: 360,
  });
});

test("the point under the pointer stays where it is", () => {
  const at = { x: 0.25, y: 0.5 };
  const near = zoomed(WHOLE, 4, PICTURE, WINDOW, at);
  const { left, width } = frameOf(near, PICTURE, WINDOW);
  expect((250 - left) / width).toBeCloseTo(0.25);
});

test("it is pushed to its edges and no further", () => {
  const near = real(WHOLE, PICTURE, WINDOW);
  expect(frameOf(pushed(near, 200, 0, PICTURE, WINDOW), PICTURE, WINDOW).left).toBe(-300);
  const corner = pushed(near, 9_999, -9_999, PICTURE, WINDOW);
  expect(frameOf(corner, PICTURE, WINDOW)).toMatchObject({ left: 0, top: -200 });
  expect(pushed(WHOLE, 50, 50, PICTURE, WINDOW)).toEqual(WHOLE);
});

test("it is neither drawn too large nor smaller than it fits and is", () => {
  expect(scaleOf(zoomed(WHOLE, 1_000, PICTURE, WINDOW), PICTURE, WINDOW)).toBe(8);
  expect(zoomed(WHOLE, 0.01, PICTURE, WINDOW).zoom).toBe(1);
});

test("a larger rendition of it is seen in the same place", () => {
  const near = pushed(zoomed(WHOLE, 3, PICTURE, WINDOW), 100, 100, PICTURE, WINDOW);
  const larger = { width: 4000, height: 2000 };
  const [before, after] = [frameOf(near, PICTURE, WINDOW), frameOf(near, larger, WINDOW)];
  for (const side of ["left", "top", "width", "height"] as const) {
    expect(after[side]).toBeCloseTo(before[side]);
  }
});
