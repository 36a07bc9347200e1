/** What each key is said to do, and how it is written on the sheet of keys. */
import type { Command, FieldCommand, ListCommand, PictureCommand } from "../state/keys.ts";
import type { Key } from "../words/say.ts";

export const COMMAND_WORDS: Readonly<Record<Exclude<Command, ListCommand>, Key>> = {
  next: "keys.next",
  previous: "keys.previous",
  open: "keys.open",
  back: "keys.back",
  star: "keys.star",
  unread: "keys.unread",
  choose: "keys.choose",
  chooseNext: "keys.chooseNext",
  choosePrevious: "keys.choosePrevious",
  state1: "state.new",
  state2: "state.checking",
  state3: "state.corroborated",
  state4: "state.doubtful",
  state5: "state.published",
  state6: "state.rejected",
  author: "keys.author",
  tag: "keys.tag",
  gather: "keys.gather",
  enlarge: "keys.enlarge",
  reply: "keys.reply",
  export: "keys.export",
  fresh: "keys.fresh",
  search: "keys.search",
  keys: "keys.keys",
  goInbox: "place.inbox",
  goMap: "place.overview",
  goIncidents: "place.incidents",
  goBulletins: "place.bulletins",
  goOutgoing: "place.outgoing",
  goDesk: "place.desk",
};

export const PICTURE_WORDS: Readonly<Record<PictureCommand, Key>> = {
  closer: "map.closer",
  farther: "map.farther",
  whole: "map.whole",
  real: "media.real",
  left: "keys.left",
  right: "keys.right",
  up: "keys.up",
  down: "keys.down",
  nextFile: "media.nextFile",
  previousFile: "media.previousFile",
  shut: "close",
};

export const FIELD_WORDS: Readonly<Record<FieldCommand, Key>> = {
  send: "answer.send",
  leave: "keys.leave",
};

const SIGNS = new Map([
  ["Escape", "Esc"],
  ["ArrowLeft", "←"],
  ["ArrowRight", "→"],
  ["ArrowUp", "↑"],
  ["ArrowDown", "↓"],
]);

/** As they stand on keyboards: `J` is Shift and J. */
export function keyNames(keys: string): readonly string[] {
  return keys.split(" ").flatMap((key) => {
    if (/^[A-Z]$/.test(key)) return ["Shift", key.toLowerCase()];
    return [SIGNS.get(key) ?? key];
  });
}
