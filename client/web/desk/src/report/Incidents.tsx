/** The incidents in which a report is gathered, and a field for another: a known one or a new. */
import type { ReportPage } from "../api.ts";
import { FIELD_IDS } from "../shell/keyboard.ts";
import { decide } from "../state/deciding.ts";
import { incidents, readDesk } from "../state/desk.ts";
import { makeIncident } from "../state/gathering.ts";
import { go, incident } from "../state/navigation.ts";
import { again } from "../state/report.ts";
import { say } from "../words/say.ts";
import { Choosing } from "./Choosing.tsx";

export function Incidents({ report }: { readonly report: ReportPage }) {
  const put = async (id: string, value: boolean) => {
    const isKept = await decide([{ what: "gathered", report: report.id, incident: id, value }]);
    if (isKept) await readDesk();
    return isKept;
  };
  const make = async (name: string) => {
    const isMade = (await makeIncident(name, [report.id])) !== null;
    if (isMade) await again();
    return isMade;
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
      <Choosing
        id={FIELD_IDS.incident}
        label={say("incidents.add")}
        known={incidents.value.filter(({ id }) => !inThese.some((each) => each.id === id))}
        onTake={(id) => put(id, true)}
        onMake={make}
      />
    </div>
  );
}
