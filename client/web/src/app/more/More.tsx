/** The screen that leads to what is used seldom. */
import { type Key, say } from "../../languages/messages.ts";
import { Title } from "../controls.tsx";
import { go, type Screen } from "../navigation.ts";

const entries: readonly { readonly to: Screen; readonly title: Key; readonly hint: Key }[] = [
  { to: "code", title: "more.code", hint: "more.code.hint" },
  { to: "help", title: "more.help", hint: "more.help.hint" },
  { to: "share", title: "more.share", hint: "more.share.hint" },
  { to: "install", title: "more.install", hint: "more.install.hint" },
  { to: "wipe", title: "more.wipe", hint: "more.wipe.hint" },
];

export function More() {
  return (
    <section>
      <Title>{say("more.title")}</Title>
      <ul class="cards">
        {entries.map(({ to, title, hint }) => (
          <li key={to}>
            <button type="button" class="entry" onClick={() => go(to)}>
              <strong>{say(title)}</strong>
              <small>{say(hint)}</small>
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}
