/**
 * One file of a report as the desk's decoder shows it: the smallest rendition first, better ones as
 * they arrive, each marked as what it is. Films and sounds are asked for by a button.
 */
import { useSignal } from "@preact/signals";
import type { Rendition, ReportFile, ReportPage } from "../api.ts";
import { enlarge } from "../state/enlarging.ts";
import { say } from "../words/say.ts";
import { BlackOut } from "./BlackOut.tsx";
import { useBest } from "./best.ts";
import { RENDITION_NAMES, Renditions, Told } from "./Caption.tsx";
import { here, type Kind, kindOf, stills } from "./kinds.ts";
import { Particulars } from "./Particulars.tsx";
import { Player, PlayerChoice } from "./Player.tsx";
import { type Forms, type Playable, useForms } from "./playable.ts";
import type { Showing } from "./showing.ts";

interface ViewerProps {
  readonly report: ReportPage;
  readonly file: number;
}

export function MediaViewer({ report, file }: ViewerProps) {
  const found = report.files[file];
  return found === undefined ? null : <FileMedia report={report} file={file} found={found} />;
}

function FileMedia({ report, file, found }: ViewerProps & { readonly found: ReportFile }) {
  const kind = kindOf(found);
  const pictures = stills(found);
  const hasOriginal = here(found).includes("original");
  const isAsked = hasOriginal && kind !== "picture";
  const forms = useForms(report.id, file, isAsked);
  return (
    <div class="media">
      {pictures.length > 0 && (
        <Still report={report.id} file={file} kind={kind} renditions={pictures} />
      )}
      {isAsked && (
        <Playing
          report={report.id}
          file={file}
          kind={kind}
          forms={forms}
          key={`${report.id} ${file}`}
        />
      )}
      {hasOriginal && (!isAsked || forms?.particulars === true) && (
        <Particulars report={report.id} file={file} />
      )}
    </div>
  );
}

interface StillProps {
  readonly report: string;
  readonly file: number;
  readonly kind: Kind;
  readonly renditions: readonly Rendition[];
}

function Still({ report, file, kind, renditions }: StillProps) {
  /** What boxes are drawn over; a better rendition that comes meanwhile is not put under them. */
  const blacked = useSignal<Showing["shown"]>(null);
  const best = useBest(report, file, kind, renditions);
  const { shown, failure, isComing } = best;
  const name = say(RENDITION_NAMES[shown?.rendition ?? best.rendition]);
  if (blacked.value !== null) {
    return (
      <BlackOut
        report={report}
        file={file}
        shown={blacked.value}
        better={shown !== null && shown.rendition !== blacked.value.rendition ? name : null}
        onBetter={() => {
          blacked.value = shown;
        }}
        onDone={() => {
          blacked.value = null;
        }}
      />
    );
  }
  return (
    <>
      {shown !== null && (
        <figure>
          {/* biome-ignore lint/a11y/useKeyWithClickEvents: the button below does the same */}
          <img
            class="still"
            src={shown.url}
            alt={say("media.alt", { rendition: name })}
            width={shown.width}
            height={shown.height}
            onError={best.lost}
            onClick={() => enlarge(file)}
          />
          <figcaption class="hint">
            <Told shown={shown} />
          </figcaption>
        </figure>
      )}
      {failure.trim() !== "" && (
        <p class="notice">
          {say("media.notShown", { rendition: say(RENDITION_NAMES[best.rendition]), failure })}
        </p>
      )}
      {isComing && shown === null && <p class="hint">{say("media.coming")}</p>}
      <p class="media-actions">
        {shown !== null && (
          <button type="button" class="quiet small" onClick={() => enlarge(file)}>
            {say("media.enlarge")}
          </button>
        )}
        <Renditions all={renditions} shown={shown?.rendition} onChoose={best.choose} />
        {shown !== null && (kind === "picture" || shown.rendition !== "original") && (
          <button
            type="button"
            class="quiet small"
            onClick={() => {
              blacked.value = shown;
            }}
          >
            {say("media.blackOut")}…
          </button>
        )}
      </p>
    </>
  );
}

function Playing({
  report,
  file,
  kind,
  forms,
}: Omit<StillProps, "renditions"> & { readonly forms: Forms | null }) {
  const form = useSignal<Playable | null>(null);
  return (
    <>
      {form.value !== null && (
        <Player key={form.value} report={report} file={file} form={form.value} />
      )}
      <p class="media-actions">
        <PlayerChoice
          kind={kind}
          forms={forms}
          playing={form.value}
          onChoose={(wanted) => {
            form.value = wanted;
          }}
        />
        {form.value === "film" && (
          <button type="button" class="quiet small" onClick={() => enlarge(file, true)}>
            {say("media.enlargeFilm")}
          </button>
        )}
      </p>
    </>
  );
}
