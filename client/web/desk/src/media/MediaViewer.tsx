/**
 * One file of a report as the desk's decoder shows it: the smallest rendition first, better ones as
 * they arrive, each marked as what it is. Films and sounds are asked for by a button.
 */
import { useSignal } from "@preact/signals";
import type { Rendition, ReportPage, Shown } from "../api.ts";
import { type Key, say } from "../words/say.ts";
import { BlackOut } from "./BlackOut.tsx";
import { here, type Kind, kindOf, stillForm, stills } from "./kinds.ts";
import { Particulars } from "./Particulars.tsx";
import { useShown } from "./showing.ts";

const names: Readonly<Record<Rendition, Key>> = {
  thumbnail: "rendition.thumbnail",
  preview: "rendition.preview",
  original: "rendition.original",
};

interface ViewerProps {
  readonly report: ReportPage;
  readonly file: number;
}

export function MediaViewer({ report, file }: ViewerProps) {
  const found = report.files[file];
  if (found === undefined) return null;
  const kind = kindOf(found);
  const pictures = stills(found);
  const hasOriginal = here(found).includes("original");
  return (
    <div class="media">
      {pictures.length > 0 && (
        <Still report={report.id} file={file} kind={kind} renditions={pictures} />
      )}
      {hasOriginal && kind !== "picture" && (
        <Playing report={report.id} file={file} kind={kind} key={`${report.id} ${file}`} />
      )}
      {hasOriginal && <Particulars report={report.id} file={file} />}
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
  const chosen = useSignal<Rendition | null>(null);
  const isBlacking = useSignal(false);
  const reached = useSignal(0);
  // One after the other, so that something is there at once and the best in the end.
  const next = renditions[Math.min(reached.value, renditions.length - 1)] ?? "thumbnail";
  const rendition = chosen.value ?? next;
  const form = stillForm(kind, rendition);
  const { shown, failure, isComing, lost } = useShown({ report, file, rendition, form });
  const isDone = shown?.rendition === rendition || failure !== "";
  if (isDone && chosen.value === null && reached.value < renditions.length - 1) {
    queueMicrotask(() => {
      reached.value += 1;
    });
  }
  return (
    <>
      {shown !== null && isBlacking.value && (
        <BlackOut
          report={report}
          file={file}
          shown={shown}
          onDone={() => {
            isBlacking.value = false;
          }}
        />
      )}
      {shown !== null && !isBlacking.value && (
        <figure>
          <img
            class="still"
            src={shown.url}
            alt={say("media.alt", { rendition: say(names[shown.rendition]) })}
            width={shown.width}
            height={shown.height}
            onError={lost}
          />
          <Caption shown={shown} />
        </figure>
      )}
      {failure.trim() !== "" && (
        <p class="notice">{say("media.notShown", { rendition: say(names[rendition]), failure })}</p>
      )}
      {isComing && shown === null && <p class="hint">{say("media.coming")}</p>}
      {!isBlacking.value && (
        <p class="media-actions">
          {renditions.length > 1 &&
            renditions.map((each) => (
              <button
                type="button"
                key={each}
                class="quiet small"
                aria-pressed={shown?.rendition === each}
                onClick={() => {
                  chosen.value = each;
                }}
              >
                {say(names[each])}
              </button>
            ))}
          {shown !== null && (kind === "picture" || shown.rendition !== "original") && (
            <button
              type="button"
              class="quiet small"
              onClick={() => {
                isBlacking.value = true;
              }}
            >
              {say("media.blackOut")}…
            </button>
          )}
        </p>
      )}
    </>
  );
}

function Caption({ shown }: { readonly shown: Shown & { readonly rendition: Rendition } }) {
  return (
    <figcaption class="hint">
      <span class={`mark ${shown.rendition === "original" ? "good" : "warn"}`}>
        {say(names[shown.rendition])}
      </span>{" "}
      <bdi>{shown.is}</bdi>
      {shown.note !== "" && (
        <>
          {" · "}
          <bdi>{shown.note}</bdi>
        </>
      )}
    </figcaption>
  );
}

function Playing({ report, file, kind }: Omit<StillProps, "renditions">) {
  const form = useSignal<"film" | "sound" | "picture" | null>(null);
  const wanted = form.value;
  const { shown, failure, isComing } = useShown(
    wanted === null ? null : { report, file, rendition: "original", form: wanted },
  );
  const offered = kind === "film" ? (["film", "sound"] as const) : (["sound"] as const);
  return (
    <>
      {shown !== null && wanted === "film" && (
        <figure>
          {/* biome-ignore lint/a11y/useMediaCaption: a stranger's film has none */}
          <video class="still" src={shown.url} controls autoplay width={shown.width} />
          <Caption shown={shown} />
        </figure>
      )}
      {shown !== null && wanted === "sound" && (
        <figure>
          {/* biome-ignore lint/a11y/useMediaCaption: a stranger's recording has none */}
          <audio src={shown.url} controls autoplay />
          <Caption shown={shown} />
        </figure>
      )}
      {shown !== null && wanted === "picture" && (
        <figure>
          <img class="still" src={shown.url} alt={say("media.alt", { rendition: "" })} />
          <Caption shown={shown} />
        </figure>
      )}
      {failure !== "" && <p class="notice">{failure}</p>}
      {isComing && <p class="hint">{say("media.coming")}</p>}
      <p class="media-actions">
        {(kind === "other" ? (["picture", "film", "sound"] as const) : offered).map((each) => (
          <button
            type="button"
            key={each}
            class="small"
            aria-pressed={wanted === each}
            disabled={isComing}
            onClick={() => {
              form.value = each;
            }}
          >
            {say(buttons[each])}
          </button>
        ))}
      </p>
    </>
  );
}

const buttons: Readonly<Record<"film" | "sound" | "picture", Key>> = {
  film: "media.play",
  sound: "media.listen",
  picture: "media.look",
};
