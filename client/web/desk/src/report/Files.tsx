/** The attachments: what of each is here, its hash, and the wish for the full file. */
import { size } from "../../../src/languages/messages.ts";
import type { Part, ReportFile, ReportPage } from "../api.ts";
import { mounts } from "../mounts.ts";
import { draftOf, want } from "../state/answering.ts";
import { type Key, say } from "../words/say.ts";

const renditions: Readonly<Record<Part["rendition"], Key>> = {
  thumbnail: "rendition.thumbnail",
  preview: "rendition.preview",
  original: "rendition.original",
};
const states: Readonly<Record<Part["state"], Key>> = {
  missing: "part.missing",
  verified: "part.verified",
  bad: "part.bad",
};

export function Files({ report }: { readonly report: ReportPage }) {
  if (report.files.length === 0) return null;
  return (
    <section class="files" aria-label={say("files.title")}>
      <h3>{say("files.title")}</h3>
      <ul>
        {report.files.map((file, number) => (
          <li key={number}>
            <FileView report={report} file={file} number={number} />
          </li>
        ))}
      </ul>
    </section>
  );
}

interface FileProps {
  readonly report: ReportPage;
  readonly file: ReportFile;
  readonly number: number;
}

function FileView({ report, file, number }: FileProps) {
  const { MediaViewer } = mounts;
  const original = file.parts.find(({ rendition }) => rendition === "original");
  const isHere = original?.state === "verified";
  const isAsked = report.wanted.includes(number) || draftOf(report.id).want.has(number);
  return (
    <div class="file">
      <p class="file-head">
        <bdi class="file-name">{file.name || say("files.unnamed")}</bdi>
        <span class="hint">
          <bdi>{file.media_type}</bdi> · {size(file.size_bytes)}
        </span>
      </p>
      {MediaViewer !== undefined && <MediaViewer report={report} file={number} />}
      <ul class="parts">
        {file.parts.map(({ rendition, state, size_bytes, verdict }) => (
          <li
            key={rendition}
            class={`mark ${state === "verified" ? "good" : state === "bad" ? "bad" : "plain"}`}
          >
            {say("part.line", {
              rendition: say(renditions[rendition]),
              state: say(states[state]),
              size: size(size_bytes),
            })}
            {verdict !== null && ` (${verdict})`}
          </li>
        ))}
      </ul>
      {!isHere && report.can_be_answered && !isAsked && (
        <button type="button" class="quiet small" onClick={() => want(report.id, number, true)}>
          {say("files.ask")}
        </button>
      )}
      {report.wanted.includes(number) && !isHere && <p class="hint">{say("files.wanted")}</p>}
      <p class="hash">
        <span class="hint">{say("files.hash")}</span> <code>{file.sha256}</code>
      </p>
    </div>
  );
}
