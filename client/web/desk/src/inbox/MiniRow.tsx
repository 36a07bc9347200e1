/** A report in one line, wherever others name it; a press shows it in the inbox. */
import type { ComponentChildren } from "preact";
import type { Row } from "../api.ts";
import { stateName } from "../shell/views.ts";
import { markRead } from "../state/deciding.ts";
import { go } from "../state/navigation.ts";
import { show } from "../state/report.ts";
import { say } from "../words/say.ts";
import { exact, moment } from "../words/times.ts";
import { basisWords } from "./RowView.tsx";

/** Shows a report at the right of the inbox. */
export function openReport(id: string): void {
  go("inbox");
  void show(id);
  void markRead(id);
}

export function MiniRow({ row, children }: { row: Row; children?: ComponentChildren }) {
  return (
    <div class="mini">
      <button type="button" class="mini-open" onClick={() => openReport(row.id)}>
        <time title={exact(row.arrived_s)}>{moment(row.arrived_s)}</time>
        <bdi class="mini-place">{row.where || say("row.nowhere")}</bdi>
        <span class="mini-line" dir="auto" lang={row.language}>
          {row.line || say("row.noWords")}
        </span>
      </button>
      <span class="row-marks">
        {row.urgent && <span class="mark bad">{say("row.urgent")}</span>}
        <span class={row.basis === "seen" ? "mark good" : "mark"}>{basisWords(row.basis)}</span>
        {row.decided.state !== "new" && (
          <span class={`mark state ${row.decided.state}`}>{say(stateName(row.decided.state))}</span>
        )}
        {children}
      </span>
    </div>
  );
}
