/** Figures side by side: a bar for each who counts the same, and in words whether they agree. */
import type { ReportPage } from "../api.ts";
import { openReport } from "../inbox/MiniRow.tsx";
import { basisWords } from "../inbox/RowView.tsx";
import { useFetched } from "../state/fetched.ts";
import { type Key, say } from "../words/say.ts";
import type { FigureRow, FigureRows, Range, Said } from "./answers.ts";
import { rangeWords, type Scale, scaleOf, spanOf } from "./ranges.ts";
import { isCompared, type Verdict, verdictOf } from "./verdicts.ts";

export function Figures({ report }: { readonly report: ReportPage }) {
  return report.figures.length === 0 ? null : <Compared of={report} />;
}

function Compared({ of }: { readonly of: ReportPage }) {
  const { found } = useFetched<FigureRows>(`/api/reports/${of.id}/figures`);
  return found === null ? null : <FigureTables title={say("figures.title")} rows={found.rows} />;
}

interface TablesProps {
  readonly title: string;
  readonly rows: readonly FigureRow[];
}

export function FigureTables({ title, rows }: TablesProps) {
  if (rows.length === 0) return null;
  return (
    <section class="figures">
      <h3>{title}</h3>
      {rows.map((row, at) => (
        // Two figures of one report may count the same.
        <FigureTable key={at} row={row} />
      ))}
    </section>
  );
}

function FigureTable({ row }: { readonly row: FigureRow }) {
  const scale = scaleOf(row);
  return (
    <table class="figure">
      <caption dir="auto">{row.what}</caption>
      <thead class="unseen">
        <tr>
          <th scope="col">{say("figures.who")}</th>
          <th scope="col">{say("figures.range")}</th>
          <th scope="col">{say("figures.bar")}</th>
          <th scope="col">{say("figures.how")}</th>
          <th scope="col">{say("figures.verdict")}</th>
        </tr>
      </thead>
      <tbody>
        {row.mine !== null && (
          <tr>
            <th scope="row">{say("figures.mine")}</th>
            <td class="range">{rangeWords(row.mine)}</td>
            <td class="figure-bar">
              {isCompared(row) && (
                <Bar range={row.mine} scale={scale} kind={row.mine_counts ? "mine" : "out"} />
              )}
            </td>
            <td />
            <td>{!row.mine_counts && say("figures.outMine")}</td>
          </tr>
        )}
        {row.others.map((said, at) => (
          <Other key={at} said={said} row={row} scale={scale} />
        ))}
      </tbody>
      <tfoot>
        <tr>
          <td colSpan={5}>
            {together(row)} {row.more && say("figures.more")}
          </td>
        </tr>
      </tfoot>
    </table>
  );
}

function Other({ said, row, scale }: { said: Said; row: FigureRow; scale: Scale }) {
  const verdict = verdictOf(said, row);
  return (
    <tr class={verdict}>
      <th scope="row">
        <button type="button" class="link" onClick={() => openReport(said.report)}>
          {said.alias ?? said.short_id}
        </button>{" "}
        <bdi>{said.where}</bdi>
      </th>
      <td class="range">{rangeWords(said)}</td>
      <td class="figure-bar">
        {isCompared(row) && <Bar range={said} scale={scale} kind={verdict} />}
      </td>
      <td>{basisWords(said.basis)}</td>
      <td>
        {verdict !== "open" && (
          <span class={`mark ${marks[verdict]}`}>{say(wordsOf(said, verdict))}</span>
        )}
      </td>
    </tr>
  );
}

const marks = {
  agrees: "good",
  among: "good",
  contradicts: "bad",
  apart: "bad",
  out: "plain",
} as const;
const reasons = {
  withdrawn: "figures.withdrawn",
  corrected: "figures.corrected",
  rejected: "figures.rejected",
} as const;

const verdicts = {
  agrees: "figures.agrees",
  contradicts: "figures.contradicts",
  among: "figures.among",
  apart: "figures.apart",
  out: "figures.outMine",
} as const;

function wordsOf(said: Said, verdict: Exclude<Verdict, "open">): Key {
  return said.why_not === null ? verdicts[verdict] : reasons[said.why_not];
}

function together(row: FigureRow): string {
  if (row.lowest === null || row.highest === null) return say("figures.nothing");
  if (!isCompared(row)) {
    return say("figures.alone", {
      range: rangeWords({ minimum: row.lowest, maximum: row.highest }),
    });
  }
  const common =
    row.overlap === null
      ? say("figures.noCommon")
      : say("figures.common", { range: rangeWords(row.overlap) });
  return say("figures.together", {
    count: row.sources,
    seen: row.first_hand,
    heard: row.rumour,
    range: rangeWords({ minimum: row.lowest, maximum: row.highest }),
    common,
  });
}

/** Nothing that the words beside it do not say. */
function Bar({ range, scale, kind }: { range: Range; scale: Scale; kind: string }) {
  const { from, width } = spanOf(range, scale);
  return (
    <svg aria-hidden="true" class={kind} viewBox="0 0 100 8" preserveAspectRatio="none">
      <rect class="ground" x="0" y="3.5" width="100" height="1" />
      <rect x={from} y="0" width={width} height="8" />
    </svg>
  );
}
