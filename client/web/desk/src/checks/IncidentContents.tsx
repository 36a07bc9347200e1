/** What an incident's reports say together: their figures and their files. */
import { size } from "../../../src/languages/messages.ts";
import { openReport } from "../inbox/MiniRow.tsx";
import { useFetched } from "../state/fetched.ts";
import { say } from "../words/say.ts";
import type { IncidentSays } from "./answers.ts";
import { FigureTables } from "./Figures.tsx";

export function IncidentContents({ id }: { readonly id: string }) {
  const { found } = useFetched<IncidentSays>(`/api/incidents/${id}`);
  if (found === null) return null;
  const { figures, media } = found;
  return (
    <>
      <FigureTables title={say("incident.figures")} rows={figures.rows} />
      {media.length > 0 && (
        <section>
          <h3>{say("incident.files", { count: media.length })}</h3>
          <ul class="incident-files">
            {media.map(({ report, file, name, size_bytes, here }) => (
              <li key={`${report} ${file}`}>
                <button type="button" class="link" onClick={() => openReport(report)}>
                  <bdi>{name}</bdi>
                </button>{" "}
                <span class="hint">
                  {size(size_bytes)}
                  {!here.includes("original") && ` · ${say("incident.notHere")}`}
                </span>
              </li>
            ))}
          </ul>
        </section>
      )}
    </>
  );
}
