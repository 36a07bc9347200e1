/** The newest of what the same pseudonym wrote besides. */
import type { ReportPage, Rows } from "../api.ts";
import { MiniRow } from "../inbox/MiniRow.tsx";
import { useFetched } from "../state/fetched.ts";
import { say } from "../words/say.ts";
import { showAlias } from "./Head.tsx";

const MOST = 6;

export function Others({ report }: { readonly report: ReportPage }) {
  const { alias, id, same_pseudonym_total: count } = report;
  const wish = { alias: alias ?? "", grouped: false, limit: MOST + 1 };
  const { found } = useFetched<Rows>("/api/inbox", wish);
  const rows = (found?.rows ?? []).filter((row) => row.id !== id).slice(0, MOST);
  if (alias === null || rows.length === 0) return null;
  return (
    <section>
      <h3>{say("others.title", { alias })}</h3>
      {rows.map((row) => (
        <MiniRow key={row.id} row={row} />
      ))}
      {count > rows.length && (
        <button type="button" class="link" onClick={() => showAlias(alias)}>
          {say("others.all", { count })}
        </button>
      )}
    </section>
  );
}
