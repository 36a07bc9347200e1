/** The words of the editors' app: every one is used, and none stands in code. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { spokenInCode } from "../../test/spoken.ts";
import { say } from "../src/words/say.ts";
import { between, moment } from "../src/words/times.ts";

const SOURCE = join(import.meta.dirname, "..", "src");
const keys = Object.keys(
  JSON.parse(readFileSync(join(SOURCE, "words", "en.json"), "utf8")) as object,
);
const code = readdirSync(SOURCE, { recursive: true, encoding: "utf8" })
  .filter((name) => /\.tsx?$/.test(name))
  .map((name) => ({ name, text: readFileSync(join(SOURCE, name), "utf8") }));

test("every message is used", () => {
  const all = code.map(({ text }) => text).join("\n");
  const unused = keys.filter((key) => !all.includes(`"${key}"`) && !/^(unit|length)\./.test(key));
  expect(unused).toEqual([]);
});

test("no words stand in code", () => {
  expect(code.flatMap(({ name, text }) => spokenInCode(name, text))).toEqual([]);
});

test("no HTML is made of what somebody wrote, and no style or script stands in the page", () => {
  const makers =
    /innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|srcdoc|eval\(|cssText/;
  expect(code.filter(({ text }) => makers.test(text)).map(({ name }) => name)).toEqual([]);
  const page = readFileSync(join(SOURCE, "..", "index.html"), "utf8");
  expect(page).not.toMatch(/<style|style=|<script(?![^>]* src=)/);
});

test("a count chooses the plural", () => {
  expect(say("list.total", { count: 1 })).toBe("1 report");
  expect(say("list.total", { count: 1200 })).toBe("1,200 reports");
});

test("a moment is as short as it can be understood", () => {
  const now = new Date(2022, 0, 6, 18, 0).getTime();
  expect(moment(new Date(2022, 0, 6, 9, 5).getTime() / 1000, now)).toBe("09:05");
  expect(moment(new Date(2022, 0, 5, 9, 5).getTime() / 1000, now)).toBe("5 Jan 09:05");
  expect(moment(new Date(2020, 5, 1).getTime() / 1000, now)).toBe("1 Jun 2020");
  expect(between(0, 45 * 60)).toEqual({ unit: "min", count: 45 });
  expect(between(0, 5 * 3_600)).toEqual({ unit: "h", count: 5 });
  expect(between(3 * 86_400, 0)).toEqual({ unit: "d", count: -3 });
});
