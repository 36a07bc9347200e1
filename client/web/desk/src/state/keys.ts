/** Which keys do what, and where. Knows no screen: whoever is shown takes the command. */

export type Command =
  | "next"
  | "previous"
  | "first"
  | "last"
  | "open"
  | "back"
  | "star"
  | "unread"
  | "choose"
  | "chooseNext"
  | "choosePrevious"
  | "state1"
  | "state2"
  | "state3"
  | "state4"
  | "state5"
  | "state6"
  | "enlarge"
  | "reply"
  | "export"
  | "tag"
  | "gather"
  | "author"
  | "fresh"
  | "search"
  | "keys"
  | "goInbox"
  | "goMap"
  | "goIncidents"
  | "goBulletins"
  | "goOutgoing"
  | "goDesk";

/** What every list has, which is not explained one by one. */
export type ListCommand = "first" | "last";

/** A key, or two after each other; in the order in which they are explained. */
export const KEYS: readonly (readonly [keys: string, command: Exclude<Command, ListCommand>])[] = [
  ["j", "next"],
  ["k", "previous"],
  ["Enter", "open"],
  ["Escape", "back"],
  ["s", "star"],
  ["u", "unread"],
  ["x", "choose"],
  ["J", "chooseNext"],
  ["K", "choosePrevious"],
  ["1", "state1"],
  ["2", "state2"],
  ["3", "state3"],
  ["4", "state4"],
  ["5", "state5"],
  ["6", "state6"],
  ["a", "author"],
  ["t", "tag"],
  ["c", "gather"],
  ["v", "enlarge"],
  ["r", "reply"],
  ["e", "export"],
  ["n", "fresh"],
  ["/", "search"],
  ["?", "keys"],
  ["g i", "goInbox"],
  ["g m", "goMap"],
  ["g c", "goIncidents"],
  ["g b", "goBulletins"],
  ["g o", "goOutgoing"],
  ["g d", "goDesk"],
];

/** What works beside them. */
const ALSO: Readonly<Record<string, Command>> = {
  ArrowDown: "next",
  ArrowUp: "previous",
  Home: "first",
  End: "last",
};

/** In a picture that fills the window. */
export type PictureCommand =
  | "closer"
  | "farther"
  | "whole"
  | "real"
  | "left"
  | "right"
  | "up"
  | "down"
  | "nextFile"
  | "previousFile"
  | "shut";

export const PICTURE_KEYS: readonly (readonly [keys: string, command: PictureCommand])[] = [
  ["+", "closer"],
  ["-", "farther"],
  ["0", "whole"],
  ["1", "real"],
  ["ArrowLeft", "left"],
  ["ArrowRight", "right"],
  ["ArrowUp", "up"],
  ["ArrowDown", "down"],
  ["n", "nextFile"],
  ["p", "previousFile"],
  ["Escape", "shut"],
];

/** In a field. */
export type FieldCommand = "send" | "leave";
export const FIELD_KEYS: readonly (readonly [keys: string, command: FieldCommand])[] = [
  ["Ctrl Enter", "send"],
  ["Escape", "leave"],
];

/** The same sign with the other finger. */
const IN_PICTURE = new Map<string, PictureCommand>([
  ...PICTURE_KEYS,
  ["=", "closer"],
  ["_", "farther"],
]);

export function pressInPicture(key: string): PictureCommand | null {
  return IN_PICTURE.get(key) ?? null;
}

const BY_KEYS = new Map<string, Command>([...KEYS, ...Object.entries(ALSO)]);
const PREFIXES = new Set(KEYS.flatMap(([keys]) => (keys.includes(" ") ? [keys[0] ?? ""] : [])));

interface Pressed {
  readonly key: string;
  readonly code: string;
  readonly shiftKey: boolean;
}

/** What the key would be on a Latin keyboard, so that a Cyrillic or Arabic one works the same. */
export function latin({ key, code, shiftKey }: Pressed): string {
  if (code === "Slash" && !/[/?a-z]/i.test(key)) return shiftKey ? "?" : "/";
  const [, letter] = /^Key([A-Z])$/.exec(code) ?? [];
  const [, digit] = /^Digit(\d)$/.exec(code) ?? [];
  const isForeign = [...key].length === 1 && (key.codePointAt(0) ?? 0) > 0x7f;
  if (isForeign && letter !== undefined) return shiftKey ? letter : letter.toLowerCase();
  if (isForeign && digit !== undefined) return digit;
  return key;
}

/** What a key does after what was pressed before it: a command, or a first key to keep. */
export function press(before: string, key: string): { command: Command | null; kept: string } {
  if (before !== "") return { command: BY_KEYS.get(`${before} ${key}`) ?? null, kept: "" };
  if (PREFIXES.has(key)) return { command: null, kept: key };
  return { command: BY_KEYS.get(key) ?? null, kept: "" };
}
