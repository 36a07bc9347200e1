/**
 * What the search box offers while something is typed: kinds of filters and their values, and for a
 * word without a kind every value that begins so.
 */
import { type Incident, STATES } from "../api.ts";
import type { Key } from "../words/say.ts";
import { CHIP_NAMES, type Chip, type ChipName, chipOf, MARKS } from "./filters.ts";
import { fold } from "./folding.ts";

export interface Suggestion {
  readonly text: string;
  /** As it is shown. */
  readonly label: string;
  readonly hint: Key | null;
  /** What else it is called, where it was found by that. */
  readonly also: string;
  /** What it becomes, or null where it only begins something. */
  readonly chip: Chip | null;
}

/** What reports have, as far as it is known here. */
export interface Known {
  readonly tags: readonly string[];
  readonly incidents: readonly Incident[];
  readonly cities: readonly { readonly city: string; readonly names: readonly string[] }[];
  readonly languages: readonly { readonly language: string }[];
  /** Of those that begin as what is typed. */
  readonly aliases: readonly string[];
}

interface Value {
  readonly name: ChipName;
  readonly value: string;
  readonly shown: string;
  /** What it is found by, besides what is shown. */
  readonly names: readonly string[];
}

const MOST = 10;
/** Of a single letter too much begins so. */
const MIN_LETTERS = 2;

const hints: Readonly<Record<ChipName, Key>> = {
  is: "filter.is",
  state: "filter.state",
  tag: "filter.tag",
  place: "filter.place",
  city: "filter.city",
  lang: "filter.lang",
  alias: "filter.alias",
  has: "filter.has",
  since: "filter.since",
  until: "filter.until",
  incident: "filter.incident",
};

/** For the last word of what was typed; nothing behind a space, nor for what nothing begins with. */
export function suggestions(typed: string, known: Known): readonly Suggestion[] {
  const last = /(?:\w+:"[^"]*|\S*)$/.exec(typed)?.[0] ?? "";
  if (typed.trim() !== "" && last === "") return [];
  const colon = last.indexOf(":");
  if (colon >= 0) {
    const name = last.slice(0, colon).toLowerCase();
    const begun = fold(last.slice(colon + 1).replaceAll('"', ""));
    return offered(
      values(known).filter((each) => each.name === name),
      begun,
    );
  }
  const begun = fold(last);
  const kinds = CHIP_NAMES.filter((name) => name.startsWith(begun)).map((name) => ({
    text: `${name}:`,
    label: `${name}:`,
    hint: hints[name],
    also: "",
    chip: null,
  }));
  if (begun.length < MIN_LETTERS) return kinds;
  const free = values(known).filter(({ name }) => name !== "since");
  return [...kinds, ...offered(free, begun)].slice(0, MOST);
}

/** The last word, as aliases are asked for; "" where none can be meant. */
export function aliasBegun(typed: string): string {
  const last = /\S*$/.exec(typed)?.[0]?.toLowerCase() ?? "";
  const begun = last.startsWith("alias:") ? last.slice("alias:".length) : last;
  return begun.includes(":") || begun.length < MIN_LETTERS ? "" : begun;
}

function offered(among: readonly Value[], begun: string): readonly Suggestion[] {
  return among
    .flatMap(({ name, value, shown, names }) => {
      const isShown = begins(shown, begun);
      const also = isShown ? undefined : names.find((each) => begins(each, begun));
      if (!isShown && also === undefined) return [];
      const text = /\s/.test(value) ? `${name}:"${value}"` : `${name}:${value}`;
      const chip = chipOf(text);
      if (chip === null) return [];
      return [{ text, label: `${name}:${shown}`, hint: null, also: also ?? "", chip }];
    })
    .slice(0, MOST);
}

function values(known: Known): readonly Value[] {
  const plain = (name: ChipName, all: readonly string[]) =>
    all.map((value) => ({ name, value, shown: value, names: [] }));
  return [
    ...plain("alias", known.aliases),
    ...known.cities.map(({ city, names }) => ({
      name: "city" as const,
      value: city,
      shown: city,
      names,
    })),
    ...plain("tag", known.tags),
    ...known.incidents.map(({ id, name }) => ({
      name: "incident" as const,
      value: id,
      shown: name,
      names: [],
    })),
    ...plain("is", MARKS),
    ...plain("state", STATES),
    ...known.languages.map(({ language }) => ({
      name: "lang" as const,
      value: language,
      shown: language,
      names: languageNames(language),
    })),
    ...plain("has", ["media"]),
    ...plain("since", ["6h", "24h", "3d", "7d"]),
  ];
}

/** In English and in itself, as far as the browser knows it. */
function languageNames(tag: string): readonly string[] {
  return ["en", tag].flatMap((language) => {
    try {
      const found = new Intl.DisplayNames([language], { type: "language" }).of(tag);
      return found === undefined || found === tag ? [] : [found];
    } catch {
      // Strangers name languages that are none.
      return [];
    }
  });
}

/** Whether a word of it begins so. */
function begins(text: string, begun: string): boolean {
  const whole = fold(text);
  return whole.startsWith(begun) || whole.split(/[\s-]+/).some((word) => word.startsWith(begun));
}
