/** All that the desk sends, and what is known of where it is. */
import type { ComponentChildren } from "preact";
import type { Outgoing, Sent } from "../api.ts";
import { openReport } from "../inbox/MiniRow.tsx";
import { useFetched } from "../state/fetched.ts";
import { say } from "../words/say.ts";
import { SentState } from "./SentState.tsx";

export function OutgoingPage() {
  const { found, failure } = useFetched<Outgoing>("/api/outgoing");
  return (
    <div class="page-body alone">
      <h1>{say("place.outgoing")}</h1>
      <p class="hint">{say("outgoing.hint")}</p>
      {failure !== "" && <p role="alert">{failure}</p>}
      <Group
        title={say("outgoing.replies")}
        sent={found?.replies}
        show={({ text, short_id, report }) => (
          <>
            <p class="reply" dir="auto">
              {text || say("outgoing.onlyFiles")}
            </p>
            {report !== undefined && (
              <button type="button" class="link" onClick={() => openReport(report)}>
                {say("outgoing.toReport", { id: short_id ?? report.slice(0, 8) })}
              </button>
            )}
          </>
        )}
      />
      <Group
        title={say("place.bulletins")}
        sent={found?.bulletins}
        show={({ serial, title, text, language }) => (
          <p class="reply" dir="auto" lang={language}>
            {say("outgoing.numbered", { serial: String(serial), words: title || text })}
          </p>
        )}
      />
      <Group
        title={say("outgoing.cards")}
        sent={found?.cards}
        show={({ serial }) => <p>{say("outgoing.card", { serial: String(serial) })}</p>}
      />
    </div>
  );
}

interface GroupProps<S extends Sent> {
  readonly title: string;
  readonly sent: readonly S[] | undefined;
  readonly show: (each: S) => ComponentChildren;
}

function Group<S extends Sent>({ title, sent, show }: GroupProps<S>) {
  return (
    <section>
      <h2>{title}</h2>
      {sent === undefined && <p class="hint">{say("loading")}</p>}
      {sent?.length === 0 && <p class="hint">{say("outgoing.none")}</p>}
      <ul class="cards">
        {sent?.map((each) => (
          <li key={each.number} class="card">
            {show(each)}
            <SentState sent={each} />
          </li>
        ))}
      </ul>
    </section>
  );
}
