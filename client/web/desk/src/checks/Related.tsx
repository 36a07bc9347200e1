/** Which reports may belong to one, each with its reasons; nothing is decided by it. */
import type { ReportPage } from "../api.ts";
import { MiniRow } from "../inbox/MiniRow.tsx";
import { decide } from "../state/deciding.ts";
import { readDesk } from "../state/desk.ts";
import { useFetched } from "../state/fetched.ts";
import { say } from "../words/say.ts";
import type { InIncident, RelatedReports } from "./answers.ts";

export function Related({ report }: { readonly report: ReportPage }) {
  const { found, again } = useFetched<RelatedReports>(`/api/reports/${report.id}/related`);
  if (found === null) return null;
  const gather = async (id: string, incident: InIncident) => {
    const change = { what: "gathered", report: id, incident: incident.id, value: true } as const;
    if (!(await decide([change]))) return;
    again();
    await readDesk();
  };
  return (
    <section class="related">
      <h3>{say("related.title")}</h3>
      {found.suggestions.map(({ row, score, reasons, incidents }) => (
        <div key={row.id} class="suggested">
          <MiniRow row={row} />
          <p class="row suggested-into">
            {report.decided.incidents.map((incident) => (
              <Into
                key={incident.id}
                words={say("related.addThis", { name: nameOf(incident) })}
                onPress={() => void gather(row.id, incident)}
              />
            ))}
            {incidents.map((incident) => (
              <Into
                key={incident.id}
                words={say("related.addMine", { name: nameOf(incident) })}
                onPress={() => void gather(report.id, incident)}
              />
            ))}
          </p>
          <p class="hint" dir="auto">
            {say("related.reasons", {
              percent: Math.round(100 * score),
              reasons: reasons.map(({ words }) => words).join("; "),
            })}
          </p>
        </div>
      ))}
      {found.suggestions.length === 0 && <p class="hint">{say("related.none")}</p>}
      {found.together > 0 && (
        <p class="hint">{say("related.together", { count: found.together })}</p>
      )}
    </section>
  );
}

function nameOf({ id, name }: InIncident): string {
  return name || id.slice(0, 8);
}

function Into({ words, onPress }: { readonly words: string; readonly onPress: () => void }) {
  return (
    <button type="button" class="link" dir="auto" onClick={onPress}>
      {words}
    </button>
  );
}
