/** A film or a sound, which the desk decodes once somebody asks for it. */
import { type Key, say } from "../words/say.ts";
import { Told } from "./Caption.tsx";
import type { Kind } from "./kinds.ts";
import { useShown } from "./showing.ts";

/** `picture`: what was sent as something else, looked at as one. */
export type Playable = "film" | "sound" | "picture";

const buttons: Readonly<Record<Playable, Key>> = {
  film: "media.play",
  sound: "media.listen",
  picture: "media.look",
};

export function offered(kind: Kind): readonly Playable[] {
  if (kind === "other") return ["picture", "film", "sound"];
  return kind === "film" ? ["film", "sound"] : ["sound"];
}

interface PlayerProps {
  readonly report: string;
  readonly file: number;
  readonly form: Playable;
}

export function Player({ report, file, form }: PlayerProps) {
  const { shown, failure, isComing } = useShown({ report, file, rendition: "original", form });
  return (
    <>
      {shown !== null && (
        <figure>
          {form === "film" && (
            // biome-ignore lint/a11y/useMediaCaption: a stranger's film has none
            <video class="still" src={shown.url} controls autoplay width={shown.width} />
          )}
          {form === "sound" && (
            // biome-ignore lint/a11y/useMediaCaption: a stranger's recording has none
            <audio src={shown.url} controls autoplay />
          )}
          {form === "picture" && (
            <img class="still" src={shown.url} alt={say("media.alt", { rendition: "" })} />
          )}
          <figcaption class="hint">
            <Told shown={shown} />
          </figcaption>
        </figure>
      )}
      {failure !== "" && <p class="notice">{failure}</p>}
      {isComing && <p class="hint">{say("media.coming")}</p>}
    </>
  );
}

interface PlayerChoiceProps {
  readonly kind: Kind;
  readonly playing: Playable | null;
  readonly onChoose: (form: Playable) => void;
}

export function PlayerChoice({ kind, playing, onChoose }: PlayerChoiceProps) {
  return offered(kind).map((each) => (
    <button
      type="button"
      key={each}
      class="small"
      aria-pressed={playing === each}
      onClick={() => onChoose(each)}
    >
      {say(buttons[each])}
    </button>
  ));
}
