/** What the desk thinks of a report: state, each element with a note, tags, incidents. */
import {
  CONFIDENCES,
  type Confidence,
  ELEMENTS,
  type Element,
  type ReportPage,
  STATES,
} from "../api.ts";
import { basisWords } from "../inbox/RowView.tsx";
import { stateName } from "../shell/views.ts";
import { decide, setState } from "../state/deciding.ts";
import { ELEMENT_NAMES, kept } from "../state/kept.ts";
import { noteOf, typeNote } from "../state/notes.ts";
import { type Key, say } from "../words/say.ts";
import { moment } from "../words/times.ts";
import { Incidents } from "./Incidents.tsx";
import { Tags } from "./Tags.tsx";

const confidences: Readonly<Record<Confidence, Key>> = {
  unknown: "confidence.unknown",
  low: "confidence.low",
  medium: "confidence.medium",
  high: "confidence.high",
};
const MOST_NOTE = 4_000;

export function Checking({ report }: { readonly report: ReportPage }) {
  return (
    <section class="panel checking">
      <div class="panel-head">
        <h3>{say("checking.title")}</h3>
        <KeptWords id={report.id} />
      </div>
      <fieldset class="states">
        <legend class="unseen">{say("checking.state")}</legend>
        {STATES.map((state, at) => (
          <button
            type="button"
            key={state}
            class={`small state ${state}`}
            aria-pressed={report.decided.state === state}
            aria-keyshortcuts={String(at + 1)}
            title={say("checking.key", { key: at + 1 })}
            onClick={() => void setState([report.id], state)}
          >
            {say(stateName(state))}{" "}
            <span class="key" aria-hidden="true">
              {at + 1}
            </span>
          </button>
        ))}
      </fieldset>
      <p class="hint">
        {report.basis === "not said"
          ? say("checking.basisNotSaid")
          : say("checking.basis", { basis: basisWords(report.basis) })}
      </p>
      {ELEMENTS.map((element) => (
        <ElementView key={element} report={report} element={element} />
      ))}
      <Tags report={report} />
      <Incidents report={report} />
    </section>
  );
}

/** That the last change was kept, or not; its line is there all the time, so that nothing moves. */
function KeptWords({ id }: { readonly id: string }) {
  const last = kept.value;
  const isMine = last !== null && last.report === id;
  return (
    <p class={isMine && !last.isKept ? "kept fault" : "kept hint"} role="status">
      {isMine &&
        say(last.isKept ? "kept.done" : "kept.refused", {
          what: say(last.what),
          time: moment(last.at_s),
        })}
    </p>
  );
}

/** A confidence is kept when it is chosen, a note when its field is left. */
function ElementView({ report, element }: { report: ReportPage; element: Element }) {
  const known = report.decided.elements[element] ?? { confidence: "unknown", note: "" };
  const typed = noteOf(report.id, element);
  const name = say(ELEMENT_NAMES[element]);
  const keep = async (value: Confidence, note: string) => {
    if (value === known.confidence && note === known.note) return true;
    return decide([{ what: "element", report: report.id, element, value, note }]);
  };
  // What was typed on meanwhile waits for its own time.
  const keepTyped = async (value: Confidence) => {
    const note = noteOf(report.id, element);
    const isKept = await keep(value, note?.trim() ?? known.note);
    if (isKept && noteOf(report.id, element) === note) typeNote(report.id, element, null);
  };
  return (
    <fieldset class="element">
      <legend>{name}</legend>
      <select
        class={`confidence ${known.confidence}`}
        aria-label={say("checking.confidence", { element: name })}
        value={known.confidence}
        onChange={(event) => {
          const value = CONFIDENCES.find((each) => each === event.currentTarget.value);
          if (value !== undefined) void keepTyped(value);
        }}
      >
        {CONFIDENCES.map((each) => (
          <option key={each} value={each}>
            {say(confidences[each])}
          </option>
        ))}
      </select>
      <input
        type="text"
        dir="auto"
        autoComplete="off"
        aria-label={say("checking.note", { element: name })}
        placeholder={say("checking.why")}
        maxLength={MOST_NOTE}
        value={typed ?? known.note}
        onInput={(event) => typeNote(report.id, element, event.currentTarget.value)}
        onBlur={() => void keepTyped(known.confidence)}
        onKeyDown={(event) => {
          if (event.key === "Enter") void keepTyped(known.confidence);
        }}
      />
    </fieldset>
  );
}
