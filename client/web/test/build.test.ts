/** What is built: for old phones, in two shapes, asking nobody else for anything. */
import { createHash } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { parse } from "acorn";
import { build } from "vite";
import { afterAll, beforeAll, expect, test } from "vitest";

const ROOT = join(import.meta.dirname, "..");
let dist = "";
let single = "";

beforeAll(async () => {
  dist = mkdtempSync(join(tmpdir(), "qanat-web-"));
  process.env.WEB_DIST = dist;
  // The test's own would give the libraries' larger halves, for those who write programs.
  process.env.NODE_ENV = "production";
  await build({ root: ROOT, mode: "single", logLevel: "error" });
  await build({ root: ROOT, mode: "production", logLevel: "error" });
  single = readFileSync(join(dist, "qanat.html"), "utf8");
}, 300_000);

afterAll(() => rmSync(dist, { recursive: true, force: true }));

function served(): string[] {
  return readdirSync(join(dist, "app"), { recursive: true, encoding: "utf8" }).filter((name) =>
    /\.[a-z]+$/.test(name),
  );
}

function read(name: string): string {
  return readFileSync(join(dist, "app", name), "utf8");
}

/** The single file's script, and the worker's that is a text in it. */
function scriptOfSingle(): string {
  const [, script = ""] = /<script type="module">(.*)<\/script>/s.exec(single) ?? [];
  return script;
}

test("every script is in the language of 2020", () => {
  const scripts = served().filter((name) => name.endsWith(".js"));
  expect(scripts.length).toBeGreaterThanOrEqual(8);
  for (const name of scripts) {
    const isModule = !/worker-|sw\.js/.test(name);
    const sourceType = isModule ? "module" : "script";
    expect(() => parse(read(name), { ecmaVersion: 2020, sourceType }), name).not.toThrow();
  }
  expect(() => parse(scriptOfSingle(), { ecmaVersion: 2020, sourceType: "module" })).not.toThrow();
});

/** Younger than Chrome 87, Safari 14 or Firefox 91, and how a script asks whether it is there. */
const YOUNG: readonly (readonly [used: RegExp, asked: RegExp | null])[] = [
  [/\bstructuredClone\(/, null],
  [/\bObject\.hasOwn\b/, null],
  [/\bObject\.groupBy\b|\bMap\.groupBy\b/, null],
  [/\bArray\.fromAsync\b/, null],
  [/\bPromise\.withResolvers\b|\bPromise\.try\b/, null],
  [/\.(?:findLast|findLastIndex|toSorted|toReversed|toSpliced|at)\(/, null],
  [/\bcrypto\.randomUUID\b/, null],
  [/\bAbortSignal\.(?:any|timeout)\b|\.throwIfAborted\(/, null],
  [/\bnew (?:De)?CompressionStream\b/, null],
  [/\bnew (?:WeakRef|FinalizationRegistry)\b/, /typeof (?:WeakRef|FinalizationRegistry)\b/],
  [/\bUint8Array\.from(?:Hex|Base64)\(/, /typeof Uint8Array\.fromHex\b/],
  [/\bnew BroadcastChannel\b/, /typeof BroadcastChannel\b/],
  [/\bIntl\.ListFormat\b/, /[`"']ListFormat[`"'] ?in Intl/],
  [/\bIntl\.DisplayNames\(/, /typeof Intl\.DisplayNames\b/],
  [/\bnew ReadableStream\b|\.stream\(\)/, null],
  [/\brequestIdleCallback\(/, null],
];

test("what is younger than the oldest phones is asked for before it is used", () => {
  for (const name of served().filter((each) => each.endsWith(".js"))) {
    const script = read(name);
    for (const [used, asked] of YOUNG) {
      if (used.test(script)) expect(asked?.test(script), `${name}: ${used}`).toBe(true);
    }
  }
});

test("the search finds what is young", () => {
  const young = "a.at(-1);structuredClone(b);new BroadcastChannel(c);Object.hasOwn(d,e)";
  expect(YOUNG.filter(([used]) => used.test(young))).toHaveLength(4);
});

test("the served page has nothing in it that its policy forbids", () => {
  const page = read("index.html");
  expect(page).not.toMatch(/<style|\sstyle=|\son[a-z]+=|javascript:/);
  for (const [, attributes = "", content] of page.matchAll(/<script([^>]*)>(.*?)<\/script>/gs)) {
    expect(attributes).toContain("src=");
    expect(content).toBe("");
  }
});

/** The lists in the service worker: all that it keeps, and what it keeps of it at a first visit. */
function kept(): { all: string[]; first: string[] } {
  const lists = new Set(read("sw.js").match(/\[(?:"[^"]+",?)+\]/g));
  expect(lists.size).toBe(2);
  const [all = [], first = []] = [...lists]
    .map((list) => JSON.parse(list) as string[])
    .sort((one, other) => other.length - one.length);
  return { all, first };
}

test("the service worker keeps every file but itself and the single file", () => {
  expect(kept().all.sort()).toEqual(
    served()
      .filter((each) => !/^(sw\.js|qanat\.html)$/.test(each))
      .sort(),
  );
  expect(read("sw.js")).not.toMatch(/__\w+__/);
});

test("a first visit keeps all but languages, the reader of codes and icons for an installation", () => {
  const { all, first } = kept();
  const names = all
    .filter((name) => !first.includes(name))
    .map((name) => name.replace(/^assets\/(\w+)-.*$/, "$1"));
  const notes = ["192.png", "512.png"].map((size) => `notes-${size}`);
  const others = [...notes, "notes.svg", "notes.webmanifest"];
  expect(names.sort()).toEqual(
    ["de", "decode", "en", "fa", "icon-512.png", "kk", "ru", ...others].sort(),
  );
});

/** The limits that docs/web-app.md names. */
const MOST_OF_FIRST_VISIT = 110_000;
const MOST_OF_SINGLE = 130_000;

test("a first visit and the single file are as small as they have to be", () => {
  const size = (content: Buffer | string) => gzipSync(content, { level: 9 }).length;
  const sizes = (names: string[]) =>
    names.map((name) => size(readFileSync(join(dist, "app", name))));
  const { first } = kept();
  const languages = served().filter((name) => /^assets.(?:kk|ru|en|de|fa)-/.test(name));
  expect(languages).toHaveLength(5);
  const loaded = [...sizes([...first, "sw.js"]), Math.max(...sizes(languages))];
  const all = loaded.reduce((sum, each) => sum + each, 0);
  expect(all).toBeGreaterThan(50_000);
  expect(all).toBeLessThanOrEqual(MOST_OF_FIRST_VISIT);
  expect(size(single)).toBeLessThanOrEqual(MOST_OF_SINGLE);
});

test("no message's name and no sentence for programmers is left", () => {
  const scripts = served().filter((name) => name.endsWith(".js"));
  const all = [single, ...scripts.map(read)].join("\n");
  const left = (text: string) => all.split(text).length - 1;
  expect(left("write.title")).toBe(0);
  expect(left("a parcel that is for a desk")).toBe(0);
  // A library has some; lowered private members would be hundreds.
  expect(left("new WeakMap")).toBeLessThan(20);
  // This is said, in the language of the files.
  expect(left("Что произошло?")).toBe(2);
});

test("the served app shows the fingerprint of the file that lies beside it", () => {
  const fingerprint = createHash("sha256").update(read("qanat.html")).digest("hex");
  expect(read("qanat.html")).toBe(single);
  const scripts = served().filter((name) => /^assets.index-.*\.js$/.test(name));
  expect(scripts.map(read).join("")).toContain(fingerprint);
});

test("the single file holds all of it, under a policy that names its script and style", () => {
  expect(single).not.toMatch(/<(?:script|img|iframe)[^>]*\ssrc=|<link[^>]*href="(?!data:,")/);
  const [, policy = ""] = /Content-Security-Policy" content="([^"]+)"/.exec(single) ?? [];
  const [, style = ""] = /<style>(.*?)<\/style>/s.exec(single) ?? [];
  const hash = (text: string) => createHash("sha256").update(text).digest("base64");
  expect(policy).toContain(`script-src 'sha256-${hash(scriptOfSingle())}' 'wasm-unsafe-eval'`);
  expect(policy).toContain(`style-src 'sha256-${hash(style)}'`);
  expect(policy).not.toContain("unsafe-inline");
});

test("nothing that is built names another host, but for licences", () => {
  const all = [
    single,
    ...served()
      .filter((name) => !name.endsWith(".png"))
      .map(read),
  ].join("\n");
  const code = all.replace(/\/\*!.*?\*\//gs, "");
  const hosts = new Set(code.match(/\b(?:https?|wss?):\/\/[\w.-]+\.[a-z]{2,}/g));
  // Names of namespaces, which nobody fetches.
  expect([...hosts].filter((host) => host !== "http://www.w3.org")).toEqual([]);
});
