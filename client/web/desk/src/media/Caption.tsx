/** What is shown, in words: thumbnail, preview or original, its measures, what was left out. */
import type { Rendition, Shown } from "../api.ts";
import { type Key, say } from "../words/say.ts";

export const RENDITION_NAMES: Readonly<Record<Rendition, Key>> = {
  thumbnail: "rendition.thumbnail",
  preview: "rendition.preview",
  original: "rendition.original",
};

export function Told({ shown }: { readonly shown: Shown & { readonly rendition: Rendition } }) {
  return (
    <>
      <span class={`mark ${shown.rendition === "original" ? "good" : "warn"}`}>
        {say(RENDITION_NAMES[shown.rendition])}
      </span>{" "}
      <bdi>{shown.is}</bdi>
      {shown.note !== "" && (
        <>
          {" · "}
          <bdi>{shown.note}</bdi>
        </>
      )}
    </>
  );
}

/** Which rendition is to be seen, where there are several. */
export function Renditions({
  all,
  shown,
  onChoose,
}: {
  readonly all: readonly Rendition[];
  readonly shown: Rendition | undefined;
  readonly onChoose: (rendition: Rendition) => void;
}) {
  if (all.length < 2) return null;
  return all.map((each) => (
    <button
      type="button"
      key={each}
      class="quiet small"
      aria-pressed={shown === each}
      onClick={() => onChoose(each)}
    >
      {say(RENDITION_NAMES[each])}
    </button>
  ));
}
