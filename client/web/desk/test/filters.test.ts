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
import { aliasBegun, type Known, suggestions } from "../src/state/suggesting.ts";

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

const KNOWN: Known = {
  tags: ["fire", "old town"],
  incidents: [{ id: "ab".repeat(16), name: "The square", reports: 2, newest_s: null }],
  cities: [
    { city: "Almaty", names: ["Almaty", "Алматы", "Алма-Ата", "آلماتی"] },
    { city: "Qaraghandy", names: ["Қарағанды", "Караганда"] },
  ],
  languages: [{ language: "kk" }, { language: "ru" }],
  aliases: ["amber-heron"],
};
const offered = (typed: string) => suggestions(typed, KNOWN);

test("kinds of filters are offered, then their values; behind a word nothing", () => {
  expect(offered("").length).toBeGreaterThan(8);
  expect(offered("smoke ta").map(({ text }) => text)).toEqual(["tag:"]);
  expect(offered('tag:"old t').map(({ text }) => text)).toEqual(['tag:"old town"']);
  expect(offered("tag:").map(({ text }) => text)).toEqual(["tag:fire", 'tag:"old town"']);
  expect(offered("incident:the")[0]).toMatchObject({
    label: "incident:The square",
    chip: { name: "incident", value: "ab".repeat(16) },
  });
  expect(offered("smoke ")).toEqual([]);
  expect(offered("place:Al")).toEqual([]);
});

test("a word without a kind is offered as whatever begins so", () => {
  const texts = (typed: string) => offered(typed).map(({ text }) => text);
  expect(texts("amb")).toEqual(["alias:amber-heron"]);
  expect(texts("heron")).toEqual(["alias:amber-heron"]);
  expect(texts("smoke unr")).toEqual(["is:unread"]);
  expect(texts("cor")).toEqual(["state:corroborated"]);
  expect(texts("squ")).toEqual([`incident:${"ab".repeat(16)}`]);
  expect(texts("fi")).toEqual(["tag:fire", "is:first-hand"]);
  expect(texts("z")).toEqual([]);
  expect(texts("alias:am")).toEqual(["alias:amber-heron"]);
});

test("a city is offered in whichever language its name begins so", () => {
  for (const typed of ["алма", "АЛМ", "آلم", "almat", "city:алм"]) {
    expect(offered(typed)[0]?.text, typed).toBe("city:Almaty");
  }
  expect(offered("ата")[0]).toMatchObject({ label: "city:Almaty", also: "Алма-Ата" });
  // Written with the letters of a Russian keyboard.
  expect(offered("карага")[0]?.text).toBe("city:Qaraghandy");
});

test("a language is offered by its tag and by its names", () => {
  for (const typed of ["lang:ru", "russ", "русс"]) {
    expect(
      offered(typed).map(({ text }) => text),
      typed,
    ).toEqual(["lang:ru"]);
  }
});

test("aliases are asked for by the word that is being typed, and by no other", () => {
  expect(aliasBegun("smoke amb")).toBe("amb");
  expect(aliasBegun("alias:Am")).toBe("am");
  for (const typed of ["", "a", "smoke ", "tag:amb", "12:30"]) expect(aliasBegun(typed)).toBe("");
});
