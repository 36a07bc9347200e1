/** What lies over the screen: the keys, and taking reports out. Esc closes it. */
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { mounts } from "../mounts.ts";
import { FIELD_KEYS, KEYS, PICTURE_KEYS } from "../state/keys.ts";
import { sheet } from "../state/navigation.ts";
import { type Key, say } from "../words/say.ts";
import { focusList } from "./keyboard.ts";
import { COMMAND_WORDS, FIELD_WORDS, keyNames, PICTURE_WORDS } from "./keyWords.ts";

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

/** Whether the part of the app that it leads to is built in. */
function isHere([, command]: (typeof KEYS)[number]): boolean {
  if (command === "goMap") return mounts.Overview !== undefined;
  return command !== "export" || mounts.ExportPanel !== undefined;
}

function Keys() {
  return (
    <>
      <KeyList
        keys={KEYS.filter(isHere).map(([keys, command]) => [keys, COMMAND_WORDS[command]])}
      />
      <h3>{say("keys.inPicture")}</h3>
      <KeyList keys={PICTURE_KEYS.map(([keys, command]) => [keys, PICTURE_WORDS[command]])} />
      <h3>{say("keys.inField")}</h3>
      <KeyList keys={FIELD_KEYS.map(([keys, command]) => [keys, FIELD_WORDS[command]])} />
      <p class="hint">{say("keys.hint")}</p>
    </>
  );
}

function KeyList({ keys }: { readonly keys: readonly (readonly [keys: string, words: Key])[] }) {
  return (
    <dl class="keys">
      {keys.map(([each, words]) => (
        <div key={each}>
          <dt>
            {keyNames(each).map((name) => (
              <kbd key={name}>{name}</kbd>
            ))}
          </dt>
          <dd>{say(words)}</dd>
        </div>
      ))}
    </dl>
  );
}
