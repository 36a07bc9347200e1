/** The opened report. What strangers wrote is only ever set as text. */
import { useEffect, useRef } from "preact/hooks";
import { list } from "../../../src/languages/messages.ts";
import { mounts } from "../mounts.ts";
import { failure, report } from "../state/report.ts";
import { say } from "../words/say.ts";
import { Answer } from "./Answer.tsx";
import { Chain } from "./Chain.tsx";
import { Checking } from "./Checking.tsx";
import { Files } from "./Files.tsx";
import { Head } from "./Head.tsx";
import { Links } from "./Links.tsx";
import { Log } from "./Log.tsx";
import { Others } from "./Others.tsx";

export function ReportView() {
  const shown = report.value;
  const box = useRef<HTMLElement>(null);
  const id = shown?.id;
  useEffect(() => box.current?.scrollTo(0, 0), [id]);
  const { Enlarged = null, Figures = null, Related = null } = mounts;
  return (
    <article class="report" ref={box} aria-label={say("report.label")}>
      {failure.value !== "" && (
        <p class="strip bad" role="alert">
          {failure.value}
        </p>
      )}
      {shown === null && failure.value === "" && <p class="empty">{say("report.none")}</p>}
      {shown !== null && (
        <div class="report-body" key={shown.id}>
          <div class="report-words">
            {shown.unreadable !== undefined && (
              <p class="strip bad" role="alert">
                {say("report.unreadable", { what: list(shown.unreadable) })}
              </p>
            )}
            <Links report={shown} />
            <Head report={shown} />
            {shown.text !== "" && (
              <p class="text" dir="auto" lang={shown.language}>
                {shown.text}
              </p>
            )}
            <Files report={shown} />
            {Enlarged !== null && <Enlarged report={shown} />}
            {Figures !== null && <Figures report={shown} />}
          </div>
          <div class="report-desk">
            <Checking report={shown} />
            <Answer report={shown} />
          </div>
          <div class="report-more">
            {Related !== null && <Related report={shown} />}
            {shown.same_pseudonym_total > 0 && <Others report={shown} />}
            <Chain report={shown} />
            <Log log={shown.log} />
          </div>
        </div>
      )}
    </article>
  );
}
