/** What lies over the screen: the keys, and taking reports out. Esc closes it. */
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { mounts } from "../mounts.ts";
import { type Command, KEYS } from "../state/keys.ts";
import { sheet } from "../state/navigation.ts";
import { type Key, say } from "../words/say.ts";
import { focusList } from "./keyboard.ts";

export function Sheets() {
  if (sheet.value === "keys") {
    return (
      <Sheet title={say("keys.title")}>
        <Keys />
      </Sheet>
    );
  }
  const { ExportPanel } = mounts;
  if (sheet.value !== "export" || ExportPanel === undefined) return null;
  return (
    <Sheet title={say("export.title")} isWide>
      <ExportPanel onDone={close} />
    </Sheet>
  );
}

function close(): void {
  sheet.value = null;
  focusList();
}

interface SheetProps {
  readonly title: string;
  readonly isWide?: boolean;
  readonly children: ComponentChildren;
}

function Sheet({ title, isWide = false, children }: SheetProps) {
  const box = useRef<HTMLDialogElement>(null);
  useEffect(() => box.current?.showModal(), []);
  return (
    <dialog ref={box} class={isWide ? "sheet wide" : "sheet"} aria-label={title} onClose={close}>
      <div class="sheet-head">
        <h2>{title}</h2>
        <button type="button" class="quiet small" onClick={close}>
          {say("close")}
        </button>
      </div>
      {children}
    </dialog>
  );
}

const explained: Readonly<Partial<Record<Command, Key>>> = {
  next: "keys.next",
  previous: "keys.previous",
  open: "keys.open",
  back: "keys.back",
  star: "keys.star",
  unread: "keys.unread",
  choose: "keys.choose",
  state1: "state.new",
  state2: "state.checking",
  state3: "state.corroborated",
  state4: "state.doubtful",
  state5: "state.published",
  state6: "state.rejected",
  author: "keys.author",
  tag: "keys.tag",
  gather: "keys.gather",
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

function isHere([, command]: (typeof KEYS)[number]): boolean {
  if (command === "goMap") return mounts.Overview !== undefined;
  return command !== "export" || mounts.ExportPanel !== undefined;
}

function Keys() {
  return (
    <>
      <dl class="keys">
        {KEYS.filter(isHere).map(([keys, command]) => (
          <div key={keys}>
            <dt>
              {keys.split(" ").map((each) => (
                <kbd key={each}>{each}</kbd>
              ))}
            </dt>
            <dd>{say(explained[command] ?? "keys.keys")}</dd>
          </div>
        ))}
      </dl>
      <p class="hint">{say("keys.hint")}</p>
    </>
  );
}
