/** What the desk thinks of a report: state, each element with a note, tags, incidents. */
import { useSignal } from "@preact/signals";
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
import { type Key, say } from "../words/say.ts";
import { Incidents } from "./Incidents.tsx";
import { Tags } from "./Tags.tsx";

const elementNames: Readonly<Record<Element, Key>> = {
  source: "element.source",
  date: "element.date",
  place: "element.place",
  content: "element.content",
};
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
      <h3>{say("checking.title")}</h3>
      <fieldset class="states">
        <legend class="unseen">{say("checking.state")}</legend>
        {STATES.map((state, at) => (
          <button
            type="button"
            key={state}
            class={`small state ${state}`}
            aria-pressed={report.decided.state === state}
            onClick={() => void setState([report.id], state)}
          >
            {say(stateName(state))} <small aria-hidden="true">{at + 1}</small>
          </button>
        ))}
      </fieldset>
      <p class="hint">{say("checking.basis", { basis: basisWords(report.basis) })}</p>
      {ELEMENTS.map((element) => (
        <ElementView key={element} report={report} element={element} />
      ))}
      <Tags report={report} />
      <Incidents report={report} />
    </section>
  );
}

/** A confidence is kept when it is chosen, a note when its field is left. */
function ElementView({ report, element }: { report: ReportPage; element: Element }) {
  const known = report.decided.elements[element] ?? { confidence: "unknown", note: "" };
  const typed = useSignal<string | null>(null);
  const name = say(elementNames[element]);
  const keep = async (value: Confidence, note: string) => {
    if (value === known.confidence && note === known.note) return true;
    return decide([{ what: "element", report: report.id, element, value, note }]);
  };
  const keepNote = async () => {
    const note = typed.value?.trim() ?? known.note;
    if (await keep(known.confidence, note)) typed.value = null;
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
          if (value !== undefined) void keep(value, typed.value?.trim() ?? known.note);
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
        value={typed.value ?? known.note}
        onInput={(event) => {
          typed.value = event.currentTarget.value;
        }}
        onBlur={() => void keepNote()}
        onKeyDown={(event) => {
          if (event.key === "Enter") void keepNote();
        }}
      />
    </fieldset>
  );
}
