/** What the report is at a glance: what, where, when, by whom, and the marks that the desk gave it. */
import { number } from "../../../src/languages/messages.ts";
import type { ReportPage } from "../api.ts";
import { basisWords } from "../inbox/RowView.tsx";
import { mounts } from "../mounts.ts";
import { Star } from "../shell/icons.tsx";
import { decide, toggle } from "../state/deciding.ts";
import { openExport } from "../state/exporting.ts";
import { narrow } from "../state/list.ts";
import { say } from "../words/say.ts";
import { exact, inUtc, moment } from "../words/times.ts";

export function Head({ report }: { readonly report: ReportPage }) {
  const { decided } = report;
  return (
    <header class="report-head">
      <div class="report-title">
        <h2 dir="auto" lang={report.language}>
          {report.what || say("report.untitled", { id: report.short_id })}
        </h2>
        <div class="row">
          <button
            type="button"
            class="quiet small"
            aria-pressed={decided.starred}
            onClick={() => void toggle("starred", [report.id])}
          >
            <Star isOn={decided.starred} />
            {say("report.star")}
          </button>
          <button
            type="button"
            class="quiet small"
            onClick={() => void toggle("read", [report.id])}
          >
            {say(decided.read ? "report.markUnread" : "report.markRead")}
          </button>
          {mounts.ExportPanel !== undefined && (
            <button type="button" class="quiet small" onClick={() => openExport("report")}>
              {say("export.button")}
            </button>
          )}
        </div>
      </div>
      <p class="row-marks">
        {report.urgent && <span class="mark bad">{say("row.urgent")}</span>}
        <span class={report.basis === "seen" ? "mark good" : "mark"}>
          {basisWords(report.basis)}
        </span>
        {report.language !== "" && <span class="mark plain">{report.language}</span>}
        <span class="mark plain id">{report.short_id}</span>
      </p>
      <dl class="facts">
        <Fact name={say("fact.where")} words={report.where} />
        <Fact name={say("fact.when")} words={report.when} />
        {report.figures.map(({ what, minimum, maximum }, at) => (
          <Fact key={at} name={what} words={rangeWords(minimum, maximum)} />
        ))}
        <dt>{say("fact.written")}</dt>
        <dd>
          {report.written_s === null ? say("fact.notSaid") : <Moment at_s={report.written_s} />}
        </dd>
        <dt>{say("fact.arrived")}</dt>
        <dd>
          <Moment at_s={report.arrived_s} />
        </dd>
        <dt>{say("fact.by")}</dt>
        <dd>
          <bdi>{report.alias}</bdi>
          {report.muted && <span class="mark warn">{say("report.muted")}</span>}
          {report.alias !== null && report.same_pseudonym_total > 0 && (
            <button type="button" class="link" onClick={() => showAlias(report.alias ?? "")}>
              {say("report.others", { count: report.same_pseudonym_total })}
            </button>
          )}
          <button
            type="button"
            class="link"
            onClick={() =>
              void decide([{ what: "muted", report: report.id, value: !report.muted }])
            }
          >
            {say(report.muted ? "report.unmute" : "report.mute")}
          </button>
        </dd>
      </dl>
    </header>
  );
}

/** All reports of one pseudonym, in the list. */
export function showAlias(value: string): void {
  narrow({ chips: [{ name: "alias", value }], words: "" });
}

function rangeWords(minimum: number, maximum: number): string {
  if (minimum === maximum) return number(minimum);
  return say("fact.range", { minimum, maximum });
}

function Fact({ name, words }: { readonly name: string; readonly words: string }) {
  if (words === "") return null;
  return (
    <>
      <dt dir="auto">{name}</dt>
      <dd dir="auto">{words}</dd>
    </>
  );
}

function Moment({ at_s }: { readonly at_s: number }) {
  return (
    <>
      <time title={exact(at_s)}>{moment(at_s)}</time>{" "}
      <span class="hint">{say("fact.utc", { time: inUtc(at_s) })}</span>
    </>
  );
}
