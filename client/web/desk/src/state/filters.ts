/**
 * What narrows the list: chips and words, as they are typed (`state:checking tag:"old town" fire`)
 * and as the server is asked. Asks nobody itself.
 */
import { STATES, type State, type Wish } from "../api.ts";

export const CHIP_NAMES = [
  "is",
  "state",
  "tag",
  "place",
  "city",
  "lang",
  "alias",
  "has",
  "since",
  "until",
  "incident",
] as const;
export type ChipName = (typeof CHIP_NAMES)[number];

export const MARKS = ["unread", "starred", "urgent", "first-hand", "muted"] as const;
type Mark = (typeof MARKS)[number];

export interface Chip {
  readonly name: ChipName;
  readonly value: string;
}

export interface Filters {
  readonly chips: readonly Chip[];
  readonly words: string;
}

export const NO_FILTERS: Filters = { chips: [], words: "" };

/** Of these only one can hold; of the others all, or any of them, do. */
const SINGLE: ReadonlySet<ChipName> = new Set(["alias", "since", "until", "incident"]);
const UNITS_S = { m: 60, h: 3_600, d: 86_400, w: 604_800 } as const;

/** A chip for `name:value`, or null for what is none. */
export function chipOf(token: string): Chip | null {
  const at = token.indexOf(":");
  const name = CHIP_NAMES.find((each) => each === token.slice(0, at).toLowerCase());
  const value = token
    .slice(at + 1)
    .replace(/^"|"$/g, "")
    .trim();
  if (at < 1 || name === undefined || value === "") return null;
  return isFit(name, value) ? { name, value: isWord(name) ? value.toLowerCase() : value } : null;
}

/** Whether the values of this kind are ours, and not the people's. */
function isWord(name: ChipName): boolean {
  return name === "is" || name === "state" || name === "has" || name === "lang";
}

function isFit(name: ChipName, value: string): boolean {
  const word = value.toLowerCase();
  if (name === "is") return MARKS.includes(word as Mark);
  if (name === "state") return STATES.includes(word as State);
  if (name === "has") return word === "media";
  if (name === "since" || name === "until") return secondsOf(value, 0) !== null;
  return true;
}

/** A moment in unix seconds: `36h` before now, or the beginning of `2022-01-06`, UTC. */
export function secondsOf(value: string, now_s: number): number | null {
  const [, many = "", unit = ""] = /^(\d{1,5})([mhdw])$/.exec(value) ?? [];
  if (unit !== "") return now_s - Number(many) * UNITS_S[unit as keyof typeof UNITS_S];
  if (!/^\d{4}-\d\d-\d\d(T\d\d:\d\d)?$/.test(value)) return null;
  const moment = Date.parse(value.length === 10 ? `${value}T00:00Z` : `${value}Z`);
  return Number.isNaN(moment) ? null : moment / 1000;
}

/** A minute in UTC, as `since` and `until` take it. */
export function stampOf(at_s: number): string {
  return new Date(at_s * 1000).toISOString().slice(0, 16);
}

/** The chips in what was typed, and the rest of it. */
export function parse(typed: string): Filters {
  const chips: Chip[] = [];
  const words: string[] = [];
  for (const [token] of typed.matchAll(/\w+:"[^"]*"?|\S+/g)) {
    const chip = chipOf(token);
    if (chip === null) words.push(token);
    else chips.push(chip);
  }
  return { chips, words: words.join(" ") };
}

export function withChip(filters: Filters, chip: Chip): Filters {
  const kept = filters.chips.filter(
    ({ name, value }) => name !== chip.name || (!SINGLE.has(name) && value !== chip.value),
  );
  return { ...filters, chips: [...kept, chip] };
}

export function withoutChip(filters: Filters, at: number): Filters {
  return { ...filters, chips: filters.chips.filter((_, each) => each !== at) };
}

/** Whether they are the same but for their order. */
export function areSame(one: Filters, other: Filters): boolean {
  return one.words === other.words && keyOf(one) === keyOf(other);
}

function keyOf({ chips }: Filters): string {
  return JSON.stringify(chips.map(({ name, value }) => `${name}:${value}`).sort());
}

/** As the server is asked. The reports of one alias are wanted one by one. */
export function wishOf({ chips, words }: Filters, now_s: number): Wish {
  const of = (wanted: ChipName) =>
    chips.filter(({ name }) => name === wanted).map(({ value }) => value);
  const lists = {
    states: of("state") as State[],
    tags: of("tag"),
    places: of("place"),
    cities: of("city"),
    languages: of("lang"),
  };
  const marks = new Set(of("is"));
  const [alias, since, until, incident] = [
    of("alias")[0],
    secondsOf(of("since")[0] ?? "", now_s),
    secondsOf(of("until")[0] ?? "", now_s),
    of("incident")[0],
  ];
  return {
    ...Object.fromEntries(Object.entries(lists).filter(([, values]) => values.length > 0)),
    ...(words === "" ? {} : { words }),
    ...(alias === undefined ? {} : { alias, grouped: false }),
    ...(since === null ? {} : { since_s: since }),
    ...(until === null ? {} : { until_s: until }),
    ...(incident === undefined ? {} : { incident }),
    ...(marks.has("unread") ? { unread: true } : {}),
    ...(marks.has("starred") ? { starred: true } : {}),
    ...(marks.has("urgent") ? { urgent: true } : {}),
    ...(marks.has("first-hand") ? { first_hand: true } : {}),
    ...(marks.has("muted") ? { muted: true } : {}),
    ...(of("has").length > 0 ? { with_media: true } : {}),
  };
}
