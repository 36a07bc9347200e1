/** What is typed into the search box, as chips and as the server is asked. */
import { expect, test } from "vitest";
import {
  areSame,
  chipOf,
  NO_FILTERS,
  parse,
  secondsOf,
  wishOf,
  withChip,
  withoutChip,
} from "../src/state/filters.ts";
import { suggestions } from "../src/state/suggesting.ts";

const NOW_S = 1_641_470_400;

test("filters and words are told apart, whatever their order", () => {
  expect(parse('fire state:checking tag:"old town" near')).toEqual({
    chips: [
      { name: "state", value: "checking" },
      { name: "tag", value: "old town" },
    ],
    words: "fire near",
  });
  expect(parse("place:Алматы пожар")).toEqual({
    chips: [{ name: "place", value: "Алматы" }],
    words: "пожар",
  });
});

test("what is no filter is a word, also where it has a colon", () => {
  for (const token of ["12:30", "state:asleep", "is:", "since:yesterday", "has:words", ":tag"]) {
    expect(chipOf(token), token).toBeNull();
    expect(parse(token).words).toBe(token);
  }
  expect(parse("").chips).toEqual([]);
});

test("our own values know no capitals, the people's do", () => {
  expect(chipOf("IS:Unread")).toEqual({ name: "is", value: "unread" });
  expect(chipOf("place:Almaty")).toEqual({ name: "place", value: "Almaty" });
});

test("a moment is said as so long ago or as a day of UTC", () => {
  expect(secondsOf("36h", NOW_S)).toBe(NOW_S - 36 * 3_600);
  expect(secondsOf("3d", NOW_S)).toBe(NOW_S - 3 * 86_400);
  expect(secondsOf("2022-01-06", NOW_S)).toBe(NOW_S - 12 * 3_600);
  expect(secondsOf("2022-01-06T14:30", NOW_S)).toBe(NOW_S + 2.5 * 3_600);
  for (const wrong of ["", "36", "h", "2022-13-01", "2022-01-06T99:00", "-3d"]) {
    expect(secondsOf(wrong, NOW_S), wrong).toBeNull();
  }
});

test("the server is asked for what the chips say and for nothing else", () => {
  const { chips, words } = parse(
    'state:new state:checking is:unread is:first-hand has:media lang:kk since:1h tag:"a b" smoke',
  );
  expect(wishOf({ chips, words }, NOW_S)).toEqual({
    words: "smoke",
    states: ["new", "checking"],
    tags: ["a b"],
    languages: ["kk"],
    since_s: NOW_S - 3_600,
    unread: true,
    first_hand: true,
    with_media: true,
  });
  expect(wishOf(NO_FILTERS, NOW_S)).toEqual({});
});

test("the reports of one alias are asked for one by one", () => {
  expect(wishOf(parse("alias:amber-heron"), NOW_S)).toEqual({
    alias: "amber-heron",
    grouped: false,
  });
});

test("a second alias takes the place of the first, a second tag stands beside it", () => {
  const both = parse("alias:one tag:a").chips.reduce(withChip, NO_FILTERS);
  const after = parse("alias:two tag:b tag:a").chips.reduce(withChip, both);
  expect(after.chips.map(({ name, value }) => `${name}:${value}`)).toEqual([
    "alias:two",
    "tag:b",
    "tag:a",
  ]);
  expect(withoutChip(after, 0).chips).toHaveLength(2);
});

test("the order of filters makes no difference", () => {
  expect(areSame(parse("tag:a is:unread"), parse("is:unread tag:a"))).toBe(true);
  expect(areSame(parse("tag:a"), parse("tag:a smoke"))).toBe(false);
});

test("kinds of filters are offered, then their values; behind a word nothing", () => {
  const offered = (typed: string) =>
    suggestions(
      typed,
      ["fire", "old town"],
      [{ id: "ab".repeat(16), name: "The square", reports: 2, newest_s: null }],
    );
  expect(offered("").length).toBeGreaterThan(8);
  expect(offered("smoke ta").map(({ text }) => text)).toEqual(["tag:"]);
  expect(offered("tag:").map(({ text }) => text)).toEqual(["tag:fire", 'tag:"old town"']);
  expect(offered("incident:the")[0]).toMatchObject({
    label: "incident:The square",
    chip: { name: "incident", value: "ab".repeat(16) },
  });
  expect(offered("smoke ")).toEqual([]);
  expect(offered("place:Al")).toEqual([]);
});
