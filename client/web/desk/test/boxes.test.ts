/** Boxes over a picture: never outside of it, however they are drawn and moved. */
import { expect, test } from "vitest";
import { asked, between, isDrawn, moved, sized } from "../src/media/boxes.ts";
import { here, kindOf, stillForm, stills } from "../src/media/kinds.ts";

const box = { x: 0.2, y: 0.3, width: 0.4, height: 0.1 };

test("a box is the same from whichever corner it is drawn", () => {
  const drawn = between({ x: 0.75, y: 0.25 }, { x: 0.25, y: 0.5 });
  expect(drawn).toEqual({ x: 0.25, y: 0.25, width: 0.5, height: 0.25 });
  expect(between({ x: 0.25, y: 0.5 }, { x: 0.75, y: 0.25 })).toEqual(drawn);
});

test("what is drawn past the edge ends at it", () => {
  expect(between({ x: -3, y: 0.5 }, { x: 4, y: 9 })).toEqual({
    x: 0,
    y: 0.5,
    width: 1,
    height: 0.5,
  });
});

test("a click draws nothing", () => {
  expect(isDrawn(between({ x: 0.5, y: 0.5 }, { x: 0.501, y: 0.5 }))).toBe(false);
  expect(isDrawn(box)).toBe(true);
});

test("a box is moved and sized within the picture", () => {
  expect(moved(box, { x: 5, y: -5 })).toEqual({ x: 0.6, y: 0, width: 0.4, height: 0.1 });
  const large = sized(box, { x: 5, y: 5 });
  expect(large.x + large.width).toBeCloseTo(1);
  expect(large.y + large.height).toBeCloseTo(1);
  expect(sized(box, { x: -5, y: -5 }).width).toBeGreaterThan(0);
  expect(asked(box)).toEqual([0.2, 0.3, 0.4, 0.1]);
});

const part = (rendition: "thumbnail" | "preview" | "original", state: "verified" | "missing") => ({
  rendition,
  state,
  media_type: "",
  size_bytes: 1,
  sha256: "",
  parcel_id: "",
  verdict: null,
});

test("renditions that are here come the smallest first, and what is missing is left out", () => {
  const parts = [
    part("original", "verified"),
    part("preview", "missing"),
    part("thumbnail", "verified"),
  ];
  expect(here({ parts })).toEqual(["thumbnail", "original"]);
  expect(stills({ parts, media_type: "application/pdf" })).toEqual(["thumbnail"]);
  expect(stills({ parts, media_type: "video/mp4" })).toEqual(["thumbnail", "original"]);
});

test("of a film's original one picture is asked for, of its thumbnail the picture that it is", () => {
  expect(kindOf({ media_type: "video/mp4" })).toBe("film");
  expect(stillForm("film", "original")).toBe("poster");
  expect(stillForm("film", "thumbnail")).toBe("picture");
  expect(stillForm("picture", "original")).toBe("picture");
});
