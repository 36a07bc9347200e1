/** The opened report. What strangers wrote is only ever set as text. */

import { mounts } from "../mounts.ts";
import { failure, report } from "../state/report.ts";
import { say } from "../words/say.ts";
import { Files } from "./Files.tsx";
import { Head } from "./Head.tsx";

export function ReportView() {
  const shown = report.value;
  if (shown === null) {
    return (
      <article class="report" aria-label={say("report.label")}>
        {failure.value === "" ? (
          <p class="empty">{say("report.none")}</p>
        ) : (
          <p class="empty" role="alert">
            {failure.value}
          </p>
        )}
      </article>
    );
  }
  const { Figures, Related } = mounts;
  return (
    <article class="report" key={shown.id} aria-label={say("report.label")}>
      <Head report={shown} />
      <p class="text" dir="auto" lang={shown.language}>
        {shown.text}
      </p>
      <Files report={shown} />
      {Figures !== undefined && <Figures report={shown} />}
      {Related !== undefined && <Related report={shown} />}
    </article>
  );
}
