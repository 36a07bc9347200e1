/** The incidents in which a report is gathered, and a field for another: a known one or a new. */
import { useSignal } from "@preact/signals";
import type { ReportPage } from "../api.ts";
import { ask, wordsOf } from "../client.ts";
import { FIELD_IDS } from "../shell/keyboard.ts";
import { decide } from "../state/deciding.ts";
import { incidents, readDesk } from "../state/desk.ts";
import { go, incident, tell } from "../state/navigation.ts";
import { again } from "../state/report.ts";
import { say } from "../words/say.ts";
import { Adding } from "./Adding.tsx";

export function Incidents({ report }: { readonly report: ReportPage }) {
  const typed = useSignal("");
  const put = (id: string, value: boolean) =>
    decide([{ what: "gathered", report: report.id, incident: id, value }]);
  const add = async () => {
    const name = typed.value.trim();
    if (name === "") return;
    const known = incidents.value.find((each) => each.name === name);
    if (known !== undefined) {
      if (await put(known.id, true)) typed.value = "";
      return;
    }
    try {
      await ask("/api/incidents", { name, reports: [report.id] });
      typed.value = "";
      tell(say("incidents.made", { name }));
      await Promise.all([readDesk(), again()]);
    } catch (error) {
      tell(wordsOf(error), "bad");
    }
  };
  const inThese = report.decided.incidents;
  return (
    <div class="labels">
      <span class="label">{say("incidents.title")}</span>
      <ul class="row">
        {inThese.map(({ id, name }) => (
          <li key={id} class="incident">
            <button
              type="button"
              class="link"
              onClick={() => {
                incident.value = id;
                go("incidents");
              }}
            >
              <bdi>{name || id.slice(0, 8)}</bdi>
            </button>
            <button
              type="button"
              class="link"
              aria-label={say("incidents.remove", { name })}
              onClick={() => void put(id, false)}
            >
              ×
            </button>
          </li>
        ))}
      </ul>
      <Adding
        id={FIELD_IDS.incident}
        label={say("incidents.add")}
        typed={typed}
        offered={incidents.value
          .filter(({ id }) => !inThese.some((each) => each.id === id))
          .map(({ name }) => name)}
        onAdd={() => void add()}
      />
    </div>
  );
}
