/** The frame around every screen: name of the language, the way out, the five places. */
import type { ComponentType } from "preact";
import { useEffect } from "preact/hooks";
import {
  type Key,
  LANGUAGE_NAMES,
  LANGUAGES,
  language,
  say,
  speak,
} from "../languages/messages.ts";
import { choose } from "./choices.ts";
import { Button, Notice } from "./controls.tsx";
import { Desk } from "./desk/Desk.tsx";
import { Inbox } from "./Inbox.tsx";
import { Icon, LEAVE, ScreenIcon } from "./icons.tsx";
import { leave } from "./leaving.ts";
import { Code } from "./more/Code.tsx";
import { Help } from "./more/Help.tsx";
import { Install } from "./more/Install.tsx";
import { More } from "./more/More.tsx";
import { Share } from "./more/Share.tsx";
import { Wipe } from "./more/Wipe.tsx";
import { go, notice, type Screen, screen } from "./navigation.ts";
import { Outbox } from "./outbox/Outbox.tsx";
import { isReady, room, trouble } from "./session.ts";
import { isNewerHere, takeNewer } from "./updating.ts";
import { refusalWords } from "./words.ts";
import { Write } from "./write/Write.tsx";

const screens: Readonly<Record<Screen, ComponentType>> = {
  write: Write,
  outbox: Outbox,
  inbox: Inbox,
  desk: Desk,
  more: More,
  code: Code,
  help: Help,
  share: Share,
  install: Install,
  wipe: Wipe,
};

const titles: Readonly<Record<Screen, Key>> = {
  write: "write.title",
  outbox: "outbox.title",
  inbox: "inbox.title",
  desk: "desk.title",
  more: "more.title",
  code: "code.title",
  help: "help.title",
  share: "share.title",
  install: "install.title",
  wipe: "wipe.title",
};

const PLACES = [
  { to: "write", key: "nav.write" },
  { to: "outbox", key: "nav.outbox" },
  { to: "inbox", key: "nav.inbox" },
  { to: "desk", key: "nav.desk" },
  { to: "more", key: "nav.more" },
] as const;

/** Where it matters that nothing is kept. */
const KEEPING: ReadonlySet<Screen> = new Set<Screen>(["write", "outbox"]);

export function App() {
  const Shown = screens[screen.value];
  const title = say(titles[screen.value]);
  useEffect(() => {
    document.title = title;
  }, [title]);
  return (
    <>
      <header>
        <LanguageChoice />
        <button type="button" class="leave" onClick={leave} title={say("exit.hint")}>
          <Icon path={LEAVE} />
          {say("exit")}
        </button>
      </header>
      <main key={screen.value}>
        <Banners />
        {isReady.value ? <Shown /> : <p class="hint">{say("loading")}</p>}
      </main>
      <nav aria-label={say("nav.label")}>
        {PLACES.map(({ to, key }) => (
          <button
            type="button"
            key={to}
            {...(place(screen.value) === to ? { "aria-current": "page" as const } : {})}
            onClick={() => go(to)}
          >
            <ScreenIcon screen={to} />
            <span>{say(key)}</span>
          </button>
        ))}
      </nav>
    </>
  );
}

/** Which of the five places a screen belongs to. */
function place(shown: Screen): Screen {
  return PLACES.some(({ to }) => to === shown) ? shown : "more";
}

function Banners() {
  const isPlain = !isSecureContext && location.protocol === "http:";
  return (
    <>
      {trouble.value !== null && (
        <Notice kind="bad">
          {trouble.value === "failed" ? say("error.start") : refusalWords(trouble.value)}
        </Notice>
      )}
      {isNewerHere.value && (
        <Notice>
          <p>{say("update.ready")}</p>
          <Button onPress={takeNewer}>{say("update.take")}</Button>
        </Notice>
      )}
      {room.value?.isKept === false && KEEPING.has(screen.value) && (
        <Notice kind="warn">{say("error.no_storage")}</Notice>
      )}
      {isPlain && screen.value === "write" && (
        <Notice kind="warn">
          <p>{say("plain.notice")}</p>
          <Button kind="quiet" onPress={() => go("help")}>
            {say("plain.more")}
          </Button>
        </Notice>
      )}
      {notice.value !== "" && <Notice kind="good">{notice.value}</Notice>}
    </>
  );
}

function LanguageChoice() {
  return (
    <select
      class="language"
      autoComplete="off"
      aria-label={say("language.label")}
      value={language.value}
      onChange={(event) => {
        const wanted = LANGUAGES.find((each) => each === event.currentTarget.value);
        if (wanted === undefined) return;
        choose("language", wanted);
        void speak(wanted);
      }}
    >
      {LANGUAGES.map((each) => (
        <option key={each} value={each} lang={each}>
          {LANGUAGE_NAMES[each]}
        </option>
      ))}
    </select>
  );
}
