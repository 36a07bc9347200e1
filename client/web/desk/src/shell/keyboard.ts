/** Hears the keys of the whole page and carries their commands out; fields keep their own. */
import type { State } from "../api.ts";
import { STATES } from "../api.ts";
import { isShowable } from "../media/kinds.ts";
import { mounts } from "../mounts.ts";
import { setState, subjects, toggle } from "../state/deciding.ts";
import { enlarge, enlarged } from "../state/enlarging.ts";
import { openExport } from "../state/exporting.ts";
import { type Command, latin, press } from "../state/keys.ts";
import {
  chooseOn,
  chosen,
  current,
  move,
  narrow,
  rows,
  showFresh,
  toggleChosen,
} from "../state/list.ts";
import { go, place, sheet } from "../state/navigation.ts";
import { report } from "../state/report.ts";
import { isSettled, openCurrent, previewCurrent, settle } from "./reading.ts";

/** Fields that a key leads to, by their ids. */
export const FIELD_IDS = {
  search: "search",
  answer: "answer",
  tag: "tag",
  incident: "gather",
  list: "list",
} as const;

const PLACES_OF: Readonly<Partial<Record<Command, Parameters<typeof go>[0]>>> = {
  goInbox: "inbox",
  goMap: "overview",
  goIncidents: "incidents",
  goBulletins: "bulletins",
  goOutgoing: "outgoing",
  goDesk: "desk",
};
const SEQUENCE_MS = 1_500;

let kept = "";
let keptUntil_ms = 0;
/** A report is awaited, into which something is to be written. */
let isWaiting = false;

/** Starts hearing; the answer ends it. */
export function listenToKeys(): () => void {
  addEventListener("keydown", hear);
  return () => removeEventListener("keydown", hear);
}

function hear(event: KeyboardEvent): void {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  // A picture that fills the window hears its own.
  if (enlarged.value !== null) return;
  if (isWaiting) {
    event.preventDefault();
    return;
  }
  const target = event.target instanceof HTMLElement ? event.target : document.body;
  if (isField(target)) {
    if (event.key === "Escape" && !event.defaultPrevented) focusList();
    return;
  }
  if (event.defaultPrevented || !isFree(target, event.key)) return;
  // When it was pressed, and not when a busy page came to hear of it.
  const before = event.timeStamp < keptUntil_ms ? kept : "";
  const { command, kept: first } = press(before, latin(event));
  kept = first;
  keptUntil_ms = event.timeStamp + SEQUENCE_MS;
  if (command !== null && carryOut(command)) event.preventDefault();
}

function isField(target: HTMLElement): boolean {
  return target.matches("input:not([type=checkbox], [type=radio]), textarea, select");
}

/** Whether the element does nothing of its own with the key. */
function isFree(target: HTMLElement, key: string): boolean {
  if (target === document.body || target.id === FIELD_IDS.list) return true;
  if (/^(Arrow|Home|End)/.test(key)) return false;
  return key !== "Enter" || !target.matches("button, a[href], summary, [role=button], input");
}

export function focusList(): void {
  document.getElementById(FIELD_IDS.list)?.focus();
}

function focusOn(id: string): boolean {
  const field = document.getElementById(id);
  field?.scrollIntoView({ block: "nearest" });
  field?.focus();
  return field !== null;
}

/** A field of the report that the keys are on; until that one is here, no key does anything. */
function focusInReport(id: string): boolean {
  if (isSettled()) return focusOn(id);
  isWaiting = true;
  void settle().then(() =>
    requestAnimationFrame(() => {
      isWaiting = false;
      if (isSettled()) focusOn(id);
    }),
  );
  return true;
}

/** True when the command did something here. */
export function carryOut(command: Command): boolean {
  const to = PLACES_OF[command];
  if (to !== undefined) {
    if (to === "overview" && mounts.Overview === undefined) return false;
    go(to);
    return true;
  }
  if (command === "keys") {
    sheet.value = sheet.value === "keys" ? null : "keys";
    return true;
  }
  if (sheet.value !== null) return command === "back" && closeSheet();
  if (command === "search") {
    go("inbox");
    // From another place it has to be drawn first.
    if (!focusOn(FIELD_IDS.search)) requestAnimationFrame(() => focusOn(FIELD_IDS.search));
    return true;
  }
  if (command === "export" && place.value === "incidents") return openExport();
  return place.value === "inbox" && inInbox(command);
}

function closeSheet(): boolean {
  sheet.value = null;
  focusList();
  return true;
}

function inInbox(command: Command): boolean {
  const ids = subjects();
  switch (command) {
    case "next":
    case "previous":
      move(command === "next" ? 1 : -1);
      previewCurrent();
      return true;
    case "first":
    case "last":
      move(command === "first" ? -rows.value.length : rows.value.length);
      previewCurrent();
      return true;
    case "open":
      return openCurrent();
    case "back":
      chosen.value = new Set();
      focusList();
      return true;
    case "fresh":
      showFresh();
      return true;
    case "choose":
      if (current.value !== null) toggleChosen(current.value);
      return true;
    case "chooseNext":
    case "choosePrevious":
      chooseOn(command === "chooseNext" ? 1 : -1);
      previewCurrent();
      return true;
    case "enlarge":
      return enlargeFirst();
    case "author":
      return showAuthor();
    case "star":
      void toggle("starred", ids);
      return true;
    case "unread":
      void toggle("read", ids);
      return true;
    case "reply":
      return focusInReport(FIELD_IDS.answer);
    case "tag":
      return focusInReport(FIELD_IDS.tag);
    case "gather":
      return focusInReport(FIELD_IDS.incident);
    case "export":
      return mounts.ExportPanel !== undefined && openExport();
    default:
      return decideState(command, ids);
  }
}

/** The first file of which there is anything to be seen, of the report that the keys are on. */
function enlargeFirst(): boolean {
  if (!isSettled()) {
    void settle().then(() => isSettled() && enlargeFirst());
    return true;
  }
  const files = report.value?.files ?? [];
  const first = files.findIndex((file) => isShowable(file));
  if (first >= 0) enlarge(first);
  return first >= 0;
}

/** All reports of the pseudonym that the keys are on. */
function showAuthor(): boolean {
  const value = rows.value.find(({ id }) => id === current.value)?.alias ?? null;
  if (value !== null) narrow({ chips: [{ name: "alias", value }], words: "" });
  return value !== null;
}

function decideState(command: Command, ids: readonly string[]): boolean {
  const [, number] = /^state(\d)$/.exec(command) ?? [];
  const state: State | undefined = STATES[Number(number) - 1];
  if (state === undefined) return false;
  void setState(ids, state);
  return true;
}
