import { describe, expect, test } from "vitest";
import type { Cluster } from "../src/overview/answer.ts";
import {
  atlas,
  countryOf,
  HEIGHT,
  mostReported,
  outlines,
  projectionFor,
  WIDTH,
} from "../src/overview/atlas.ts";
import { between, movedEnd } from "../src/overview/brush.ts";
import { labelled } from "../src/overview/labels.ts";
import { duration, filled, radius, ticks, timeTicks } from "../src/overview/scales.ts";
import { byKey, moved, seen, WHOLE, zoomed } from "../src/overview/view.ts";

function cluster(place: string, country: string, lat: number, lon: number, reports = 1): Cluster {
  return {
    place,
    names: { en: place },
    country,
    is_region: false,
    lat,
    lon,
    reports,
    urgent: 0,
    unsure: 0,
    region: null,
    namesakes: [],
    newest_s: 0,
  };
}

const ALMATY = cluster("Almaty", "KZ", 43.25, 76.91, 20);
const AKTAU = cluster("Aktau", "KZ", 43.64, 51.17, 5);
const PETROPAVL = cluster("Petropavl", "KZ", 54.87, 69.15, 2);
const TEHRAN = cluster("Tehran", "IR", 35.69, 51.42, 21);

describe("the map", () => {
  test("fits the country with the most reports into the picture", async () => {
    const all = await atlas();
    expect(all.length).toBeGreaterThan(200);
    const places = [TEHRAN, ALMATY, AKTAU, PETROPAVL];
    expect(mostReported(places)).toEqual([ALMATY, AKTAU, PETROPAVL]);
    expect(countryOf(mostReported(places), all)?.properties?.name).toBe("Kazakhstan");
    const projection = projectionFor(places, all);
    const at = (each: Cluster) => projection([each.lon, each.lat]) ?? [-1, -1];
    for (const each of [ALMATY, AKTAU, PETROPAVL]) {
      const [x, y] = at(each);
      expect(x > 0 && x < WIDTH && y > 0 && y < HEIGHT).toBe(true);
    }
    // North is up and east is right.
    expect(at(PETROPAVL)[1]).toBeLessThan(at(ALMATY)[1]);
    expect(at(AKTAU)[0]).toBeLessThan(at(ALMATY)[0]);
  });

  test.each([
    ["Myanmar", cluster("Yangon", "MM", 16.8, 96.15)],
    ["Iran", TEHRAN],
    ["Bangladesh", cluster("Dhaka", "BD", 23.71, 90.41)],
    ["Belarus", cluster("Minsk", "BY", 53.9, 27.57)],
    ["Uganda", cluster("Kampala", "UG", 0.32, 32.58)],
  ])("knows the outline of %s", async (name, place) => {
    const all = await atlas();
    expect(countryOf([place], all)?.properties?.name).toBe(name);
    const land = outlines(all, projectionFor([place], all));
    expect(land.some((each) => each.name === name)).toBe(true);
    expect(land.every(({ path }) => !path.includes("NaN"))).toBe(true);
    expect(new Set(land.map(({ id }) => id)).size).toBe(land.length);
  });

  test("shows the world where there is no place, and places that lie in no country", async () => {
    const all = await atlas();
    expect(outlines(all, projectionFor([], all)).length).toBeGreaterThan(100);
    const atSea = [cluster("A", "XX", -40, -120), cluster("B", "XX", -41, -119)];
    expect(countryOf(atSea, all)).toBeUndefined();
    const point = projectionFor(atSea, all)([-120, -40]);
    expect(point?.every(Number.isFinite)).toBe(true);
  });
});

describe("the view", () => {
  test("keeps under the pointer what is there while it is enlarged", () => {
    const at = [300, 200] as const;
    const view = zoomed(WHOLE, 2, at);
    expect(seen(view, at)).toEqual(at);
    expect(zoomed(view, 1 / 2, at)).toEqual(WHOLE);
  });

  test("never loses the map, however far it is moved", () => {
    for (const view of [WHOLE, zoomed(WHOLE, 1e9), zoomed(WHOLE, 1e-9)]) {
      for (const [x, y] of [
        [1e9, 1e9],
        [-1e9, -1e9],
      ] as const) {
        const next = moved(view, x, y);
        const [left, top] = seen(next, [0, 0]);
        const [right, bottom] = seen(next, [WIDTH, HEIGHT]);
        expect(left < WIDTH && top < HEIGHT && right > 0 && bottom > 0).toBe(true);
      }
    }
  });

  test("follows the keys, and leaves those of others alone", () => {
    expect(byKey(WHOLE, "+")?.scale).toBeGreaterThan(1);
    expect(byKey(WHOLE, "-")?.scale).toBeLessThan(1);
    expect(byKey(WHOLE, "ArrowLeft")?.x).toBeGreaterThan(0);
    expect(byKey(WHOLE, "ArrowDown")?.y).toBeLessThan(0);
    expect(byKey(zoomed(WHOLE, 3), "0")).toEqual(WHOLE);
    for (const key of ["j", "Tab", "Enter", "?", "/"]) expect(byKey(WHOLE, key)).toBeNull();
  });
});

describe("names on the map", () => {
  test("stand beside the larger circle where two meet, and apart where there is room", () => {
    const spot = (x: number, y: number, size = 5) => ({ x, y, radius: size, name: "Somewhere" });
    expect(labelled([spot(100, 100, 20), spot(110, 102), spot(400, 100)], 9)).toEqual(
      new Map([
        [0, "right"],
        [2, "right"],
      ]),
    );
    // What has no room at its right is named at its left.
    expect(labelled([spot(200, 100), spot(180, 100)], 9).get(1)).toBe("left");
    expect(labelled([spot(0, 0), spot(0, 50), spot(0, 100)], 2).size).toBe(2);
  });
});

describe("scales", () => {
  test("have round ticks that reach above the most", () => {
    expect(ticks(0)).toEqual([0]);
    expect(ticks(3)).toEqual([0, 1, 2, 3]);
    expect(ticks(7)).toEqual([0, 2, 4, 6, 8]);
    expect(ticks(100_000)).toEqual([0, 50_000, 100_000]);
    for (const most of [1, 2, 9, 11, 99, 1_234, 98_765]) {
      const found = ticks(most);
      expect(found.at(-1)).toBeGreaterThanOrEqual(most);
      expect(found.length).toBeLessThanOrEqual(7);
      expect(found.every(Number.isInteger)).toBe(true);
    }
  });

  test("make the area of a circle grow with its number", () => {
    expect(radius(100, 100, 34, 4)).toBe(34);
    expect(radius(25, 100, 34, 4)).toBe(17);
    expect(radius(1, 100_000, 34, 4)).toBe(4);
    expect(radius(0, 0, 34, 4)).toBe(4);
  });

  test("fill hours without a report, and nothing where there is none", () => {
    const hour = (hour_s: number, arrived: number) => ({ hour_s, arrived, written: 0 });
    expect(filled([hour(0, 1), hour(10_800, 2)], 3_600, (at) => hour(at, 0))).toEqual([
      hour(0, 1),
      hour(3_600, 0),
      hour(7_200, 0),
      hour(10_800, 2),
    ]);
    expect(filled([], 3_600, (at) => hour(at, 0))).toEqual([]);
  });

  test("put ticks of time on whole hours and days", () => {
    for (const days of [0.2, 1, 3, 30, 400]) {
      const found = timeTicks(1_641_300_000, 1_641_300_000 + days * 86_400, 10);
      expect(found.length).toBeGreaterThan(0);
      expect(found.length).toBeLessThanOrEqual(12);
      for (const at of found) expect(new Date(at * 1000).getMinutes()).toBe(0);
    }
  });

  test("say a length of time in one unit", () => {
    expect(duration(0)).toEqual({ unit: "min", count: 0 });
    expect(duration(900)).toEqual({ unit: "min", count: 15 });
    expect(duration(3_600)).toEqual({ unit: "h", count: 1 });
    expect(duration(5_400)).toEqual({ unit: "min", count: 90 });
    expect(duration(86_400)).toEqual({ unit: "d", count: 1 });
    expect(duration(100_000)).toEqual({ unit: "h", count: 28 });
    expect(duration(120 * 86_400)).toEqual({ unit: "d", count: 120 });
  });
});

describe("a span of the timeline", () => {
  test("goes from left to right however it is drawn, and not beyond", () => {
    expect(between(7, 3, 10)).toEqual({ first: 3, last: 7 });
    expect(between(-5, 99, 10)).toEqual({ first: 0, last: 9 });
  });

  test("is moved by the keys at each of its ends, which do not pass each other", () => {
    const span = { first: 3, last: 5 };
    expect(movedEnd(span, "first", "ArrowRight", 10)).toEqual({ first: 4, last: 5 });
    expect(movedEnd(span, "first", "PageUp", 10)).toEqual({ first: 5, last: 5 });
    expect(movedEnd(span, "first", "Home", 10)).toEqual({ first: 0, last: 5 });
    expect(movedEnd(span, "last", "End", 10)).toEqual({ first: 3, last: 9 });
    expect(movedEnd(span, "last", "PageDown", 10)).toEqual({ first: 3, last: 3 });
    expect(movedEnd(span, "last", "x", 10)).toBeNull();
  });
});
