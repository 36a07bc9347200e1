/** The words of the app: each language has all of them, and none stands in code. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import {
  countries,
  LANGUAGES,
  preferred,
  say,
  seconds,
  size,
  speak,
} from "../src/languages/messages.ts";
import { spokenInCode } from "./spoken.ts";

type Message = string | Record<string, string>;

const SOURCE = join(import.meta.dirname, "..", "src");
const files = new Map(
  LANGUAGES.map((name) => {
    const text = readFileSync(join(SOURCE, "languages", `${name}.json`), "utf8");
    return [name, JSON.parse(text) as Record<string, Message>];
  }),
);
const english = files.get("en") ?? {};
const keys = Object.keys(english);

const code = ["app", "media", "worker"].flatMap((folder) =>
  readdirSync(join(SOURCE, folder), { recursive: true, encoding: "utf8" })
    .filter((name) => /\.tsx?$/.test(name))
    .map((name) => ({
      name: join(folder, name),
      text: readFileSync(join(SOURCE, folder, name), "utf8"),
    })),
);

function forms(message: Message): string[] {
  return typeof message === "string" ? [message] : Object.values(message);
}

function placeholders(message: string): string {
  return [...new Set(message.match(/\{\w+\}/g))].sort().join();
}

describe.each(LANGUAGES)("%s", (name) => {
  const messages = files.get(name) ?? {};

  test("has the same messages as the others, in the same order", () => {
    expect(Object.keys(messages)).toEqual(keys);
  });

  test("puts the same values into each message", () => {
    const wrong = keys.filter((key) => {
      const [model = ""] = forms(english[key] ?? "");
      return forms(messages[key] ?? "").some((form) => placeholders(form) !== placeholders(model));
    });
    expect(wrong).toEqual([]);
  });

  test("has a form for each plural that the language has", () => {
    const { pluralCategories } = new Intl.PluralRules(name).resolvedOptions();
    const wrong = Object.entries(messages)
      .filter(([, message]) => typeof message !== "string")
      .filter(([, message]) => pluralCategories.some((each) => !(each in Object(message))));
    expect(wrong.map(([key]) => key)).toEqual([]);
  });

  test("leaves nothing untranslated and nothing empty", () => {
    const same = keys.filter(
      (key) => name !== "en" && JSON.stringify(messages[key]) === JSON.stringify(english[key]),
    );
    // Names and words that are the same in several languages.
    const international =
      /^(install\.(own|neutral)|inbox\.from|(more|code)\.(code|title)|role\.original)$/;
    expect(same.filter((key) => !international.test(key))).toEqual([]);
    expect(keys.filter((key) => forms(messages[key] ?? "").includes(""))).toEqual([]);
  });
});

test("every message is used", () => {
  const all = code.map(({ text }) => text).join("\n");
  expect(keys.filter((key) => !all.includes(`"${key}"`))).toEqual([]);
});

test("no words stand in code", () => {
  expect(code.flatMap(({ name, text }) => spokenInCode(name, text))).toEqual([]);
});

test("no HTML is made of what somebody wrote", () => {
  const makers = /innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|srcdoc|eval\(/;
  expect(code.filter(({ text }) => makers.test(text)).map(({ name }) => name)).toEqual([]);
});

test("plurals, numbers and sizes follow the language", async () => {
  Object.assign(globalThis, { document: { documentElement: {} } });
  await speak("ru");
  expect(say("desk.relays", { count: 1 })).toBe("1 узел");
  expect(say("desk.relays", { count: 3 })).toBe("3 узла");
  expect(say("desk.relays", { count: 11 })).toBe("11 узлов");
  await speak("fa");
  expect(say("desk.relays", { count: 3 })).toBe("۳ رله");
  expect(document.documentElement.dir).toBe("rtl");
  await speak("de");
  expect(document.documentElement.dir).toBe("ltr");
  expect(size(1_500_000)).toBe("1,5 MB");
});

test("the first of the browser's languages that the app speaks is taken", () => {
  expect(preferred(["uz-UZ", "ru-KZ", "en"])).toBe("ru");
  expect(preferred(["fa-IR"])).toBe("fa");
  expect(preferred(["ja"])).toBe("en");
});

test("a browser that has no words for units writes their symbols", async () => {
  await speak("de");
  expect(seconds(12)).toBe("12 Sekunden");
  const whole = Intl.NumberFormat;
  class Old extends Intl.NumberFormat {
    constructor(tag: string, options: Intl.NumberFormatOptions = {}) {
      if (options.style === "unit") throw new RangeError("style");
      super(tag, options);
    }
  }
  Object.defineProperty(Intl, "NumberFormat", { value: Old, configurable: true });
  try {
    expect(size(1_250_000)).toBe("1,3\u00a0MB");
    expect(size(950)).toBe("950\u00a0B");
    expect(seconds(12)).toBe("12\u00a0s");
  } finally {
    Object.defineProperty(Intl, "NumberFormat", { value: whole, configurable: true });
  }
});

test("countries stand in the order of the language, each once and by its name", async () => {
  await speak("de");
  const german = countries();
  const codes = german.map(({ code }) => code);
  expect(new Set(codes).size).toBe(250);
  expect(codes).toEqual(expect.arrayContaining(["KZ", "IR", "DE", "XK"]));
  expect(german[0]?.name).toBe("Afghanistan");
  expect(codes.indexOf("AT")).toBeLessThan(codes.indexOf("PL"));
  expect(german.filter(({ code, name }) => code === name)).toEqual([]);
});
