/** Which reports may belong to one, each with its reasons; nothing is decided by it. */
import type { ReportPage } from "../api.ts";
import { MiniRow } from "../inbox/MiniRow.tsx";
import { decide } from "../state/deciding.ts";
import { useFetched } from "../state/fetched.ts";
import { say } from "../words/say.ts";
import type { RelatedReports } from "./answers.ts";

export function Related({ report }: { readonly report: ReportPage }) {
  const { found, again } = useFetched<RelatedReports>(`/api/reports/${report.id}/related`);
  if (found === null) return null;
  const [incident] = report.decided.incidents;
  const gather = async (id: string) => {
    if (incident === undefined) return;
    const change = { what: "gathered", report: id, incident: incident.id, value: true } as const;
    if (await decide([change])) again();
  };
  return (
    <section class="related">
      <h3>{say("related.title")}</h3>
      {found.suggestions.map(({ row, score, reasons }) => (
        <div key={row.id} class="suggested">
          <MiniRow row={row}>
            {incident !== undefined && (
              <button type="button" class="link" onClick={() => void gather(row.id)}>
                {say("related.gather", { name: incident.name || incident.id.slice(0, 8) })}
              </button>
            )}
          </MiniRow>
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
