/** What the search box offers while something is typed: kinds of filters, then their values. */
import { type Incident, STATES } from "../api.ts";
import type { Key } from "../words/say.ts";
import { CHIP_NAMES, type Chip, type ChipName, chipOf, MARKS } from "./filters.ts";

export interface Suggestion {
  readonly text: string;
  /** As it is shown. */
  readonly label: string;
  readonly hint: Key | null;
  /** What it becomes, or null where it only begins something. */
  readonly chip: Chip | null;
}

const MOST = 10;

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

/** For the last word of what was typed; nothing for a word that begins no filter. */
export function suggestions(
  typed: string,
  tags: readonly string[],
  incidents: readonly Incident[],
): readonly Suggestion[] {
  const last = (/\S*$/.exec(typed)?.[0] ?? "").toLowerCase();
  if (typed.trim() !== "" && last === "") return [];
  const colon = last.indexOf(":");
  if (colon < 0) {
    return CHIP_NAMES.filter((name) => name.startsWith(last)).map((name) => ({
      text: `${name}:`,
      label: `${name}:`,
      hint: hints[name],
      chip: null,
    }));
  }
  const name = last.slice(0, colon);
  const begun = last.slice(colon + 1).replaceAll('"', "");
  const values: Readonly<Record<string, readonly (readonly [value: string, shown: string])[]>> = {
    is: MARKS.map((mark) => [mark, mark]),
    state: STATES.map((state) => [state, state]),
    has: [["media", "media"]],
    tag: tags.map((tag) => [tag, tag]),
    since: ["6h", "24h", "3d", "7d"].map((each) => [each, each]),
    incident: incidents.map(({ id, name: called }) => [id, called]),
  };
  return (values[name] ?? [])
    .filter(([, shown]) => shown.toLowerCase().startsWith(begun))
    .slice(0, MOST)
    .flatMap(([value, shown]) => {
      const text = /\s/.test(value) ? `${name}:"${value}"` : `${name}:${value}`;
      const chip = chipOf(text);
      return chip === null ? [] : [{ text, label: `${name}:${shown}`, hint: null, chip }];
    });
}
