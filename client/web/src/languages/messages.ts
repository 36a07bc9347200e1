/**
 * The words of the app in the person's language: messages, plurals, days, numbers and sizes. All
 * words are in the files beside it, none in code.
 */
import { signal } from "@preact/signals";
import type english from "./en.json";

export type Key = keyof typeof english;
/** A message, or one for each plural category that the language has. */
export type Message = string | { readonly [category: string]: string };
type Messages = { readonly [key in Key]: Message };
export type Values = Readonly<Record<string, string | number>>;

export const LANGUAGES = ["kk", "ru", "en", "de", "fa"] as const;
export type Language = (typeof LANGUAGES)[number];

/** Each in its own words, so that everybody finds theirs. */
export const LANGUAGE_NAMES: Readonly<Record<Language, string>> = {
  kk: "Қазақша",
  ru: "Русский",
  en: "English",
  de: "Deutsch",
  fa: "فارسی",
};

/** The codes of ISO 3166, and Kosovo's that is in use beside them. */
const COUNTRIES =
  "ADAEAFAGAIALAMAOAQARASATAUAWAXAZBABBBDBEBFBGBHBIBJBLBMBNBOBQBRBSBTBVBWBYBZCACCCDCFCG" +
  "CHCICKCLCMCNCOCRCUCVCWCXCYCZDEDJDKDMDODZECEEEGEHERESETFIFJFKFMFOFRGAGBGDGEGFGGGHGIGL" +
  "GMGNGPGQGRGSGTGUGWGYHKHMHNHRHTHUIDIEILIMINIOIQIRISITJEJMJOJPKEKGKHKIKMKNKPKRKWKYKZLA" +
  "LBLCLILKLRLSLTLULVLYMAMCMDMEMFMGMHMKMLMMMNMOMPMQMRMSMTMUMVMWMXMYMZNANCNENFNGNINLNONP" +
  "NRNUNZOMPAPEPFPGPHPKPLPMPNPRPSPTPWPYQARERORSRURWSASBSCSDSESGSHSISJSKSLSMSNSOSRSSSTSV" +
  "SXSYSZTCTDTFTGTHTJTKTLTMTNTOTRTTTVTWTZUAUGUMUSUYUZVAVCVEVGVIVNVUWFWSXKYEYTZAZMZW";

const loaders: Readonly<Record<Language, () => Promise<{ readonly default: Messages }>>> = {
  kk: () => import("./kk.json"),
  ru: () => import("./ru.json"),
  en: () => import("./en.json"),
  de: () => import("./de.json"),
  fa: () => import("./fa.json"),
};

export const language = signal<Language>("en");
const messages = signal<Messages | null>(null);

/** Takes the language into use for the whole page, if it can be had; else the one before stays. */
export async function speak(wanted: Language): Promise<boolean> {
  const loaded = await loaders[wanted]().catch(() => null);
  if (loaded === null) return false;
  messages.value = loaded.default;
  language.value = wanted;
  document.documentElement.lang = wanted;
  document.documentElement.dir = wanted === "fa" ? "rtl" : "ltr";
  return true;
}

/** The first of the browser's languages that the app speaks. */
export function preferred(wanted: readonly string[]): Language {
  for (const tag of wanted) {
    const found = LANGUAGES.find((each) => each === tag.slice(0, 2).toLowerCase());
    if (found !== undefined) return found;
  }
  return "en";
}

/** The message with its values put in, once a language has been loaded; `count` chooses the plural. */
export function say(key: Key, values: Values = {}): string {
  return filled(messages.value?.[key] ?? "", values);
}

/** A message with its values put in. */
export function filled(message: Message, values: Values): string {
  const text = typeof message === "string" ? message : plural(message, Number(values.count));
  return text.replace(/\{(\w+)\}/g, (_, name: string) => shown(values[name]));
}

function plural(forms: { readonly [category: string]: string }, count: number): string {
  const category = new Intl.PluralRules(language.value).select(count);
  return forms[category] ?? forms.other ?? "";
}

function shown(value: string | number | undefined): string {
  return typeof value === "number" ? number(value) : (value ?? "");
}

/**
 * The language in which this browser writes days, numbers and countries. Some have no Kazakh, or say
 * that they have it and know not a word of it; what they would write instead nobody reads
 * ("2022 M01 5"), while the Russian way is known to all there.
 */
function written(): string {
  const [own] = Intl.DateTimeFormat.supportedLocalesOf(language.value);
  return own !== undefined && namesMonths(own) ? own : "ru";
}

function namesMonths(tag: string): boolean {
  return !/\d/.test(new Intl.DateTimeFormat(tag, { month: "long", timeZone: "UTC" }).format(0));
}

/** Whether the language's own words for months and times ago are known. */
function hasWords(): boolean {
  return written() === language.value;
}

export function number(value: number): string {
  return new Intl.NumberFormat(written()).format(value);
}

/** A share of 1, as per cent. */
export function percent(share: number): string {
  return new Intl.NumberFormat(written(), { style: "percent" }).format(share);
}

/** A size with the unit that suits it. */
export function size(bytes: number): string {
  const units = ["byte", "kilobyte", "megabyte", "gigabyte"] as const;
  let at = 0;
  let value = bytes;
  while (value >= 1000 && at < units.length - 1) {
    value /= 1000;
    at += 1;
  }
  const maximumFractionDigits = value < 10 && at > 1 ? 1 : 0;
  // "0 byte" is what some languages make of a short one.
  const unitDisplay = at === 0 ? "long" : "short";
  return measured(value, units[at] ?? "byte", { unitDisplay, maximumFractionDigits });
}

export function seconds(value: number): string {
  return measured(Math.round(value), "second", { unitDisplay: "long" });
}

const SYMBOLS = { byte: "B", kilobyte: "kB", megabyte: "MB", gigabyte: "GB", second: "s" } as const;

/** With the language's own word for the unit; Safari 14.0 has none, and there the symbol stands. */
function measured(
  value: number,
  unit: keyof typeof SYMBOLS,
  options: Pick<Intl.NumberFormatOptions, "unitDisplay" | "maximumFractionDigits">,
): string {
  try {
    return new Intl.NumberFormat(written(), { style: "unit", unit, ...options }).format(value);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    const { maximumFractionDigits = 0 } = options;
    const amount = new Intl.NumberFormat(written(), { maximumFractionDigits }).format(value);
    return `${amount}\u00a0${SYMBOLS[unit]}`;
  }
}

/** A day of the Unix epoch, UTC. */
export function day(dayNumber: number): string {
  const style = hasWords()
    ? ({ dateStyle: "long" } as const)
    : ({ day: "2-digit", month: "2-digit", year: "numeric" } as const);
  return new Intl.DateTimeFormat(written(), { ...style, timeZone: "UTC" }).format(
    dayNumber * 86_400_000,
  );
}

/** From when until when an hour of the Unix epoch is, in the device's own time. */
export function hour(unixHour: number): string {
  const format = new Intl.DateTimeFormat(written(), {
    day: "numeric",
    month: hasWords() ? "long" : "2-digit",
    hour: "numeric",
    minute: "numeric",
  });
  const from = unixHour * 3_600_000;
  // Safari 14.0 writes no ranges.
  if (!("formatRange" in format)) return (format as Intl.DateTimeFormat).format(from);
  return format.formatRange(from, from + 3_600_000);
}

/** How long ago a day was, in days; the day itself where the browser has no words for that. */
export function age(dayNumber: number, today: number): string {
  if (!hasWords()) return day(dayNumber);
  return new Intl.RelativeTimeFormat(written(), { numeric: "auto" }).format(
    Math.min(0, dayNumber - today),
    "day",
  );
}

/** A country's name for its two letters. */
export function country(code: string): string {
  if (typeof Intl.DisplayNames !== "function" || !/^[a-z]{2}$/i.test(code)) return code;
  return new Intl.DisplayNames([written()], { type: "region" }).of(code.toUpperCase()) ?? code;
}

/** Every country by its name, as the language sorts them. */
export function countries(): { readonly code: string; readonly name: string }[] {
  const codes = COUNTRIES.match(/../g) ?? [];
  const { compare } = new Intl.Collator(written());
  return codes
    .map((code) => ({ code, name: country(code) }))
    .sort((one, other) => compare(one.name, other.name));
}

/** Names, one after the other as the language lists them. */
export function list(names: readonly string[]): string {
  if (!("ListFormat" in Intl)) return names.join(", ");
  return new Intl.ListFormat(written(), { type: "conjunction" }).format(names);
}
