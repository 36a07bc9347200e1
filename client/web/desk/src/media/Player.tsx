/** A film or a sound, which the desk decodes once somebody asks for it. */
import { type Key, say } from "../words/say.ts";
import { Told } from "./Caption.tsx";
import type { Kind } from "./kinds.ts";
import type { Forms, Playable } from "./playable.ts";
import { useShown } from "./showing.ts";

const buttons: Readonly<Record<Playable, Key>> = {
  film: "media.play",
  sound: "media.listen",
  picture: "media.look",
};

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
  /** null while it is looked into. */
  readonly forms: Forms | null;
  readonly playing: Playable | null;
  readonly onChoose: (form: Playable) => void;
}

/** What can be done with it, and in words why nothing else. */
export function PlayerChoice({ kind, forms, playing, onChoose }: PlayerChoiceProps) {
  // Its still picture failed for the same reason, which stands there.
  if (kind === "film" && forms?.forms.length === 0) return null;
  // Nobody looks for the film in a sound.
  const isExpected = kind === "sound" && forms?.forms.includes("sound") === true;
  if (forms === null) return <span class="hint">{say("media.looking")}</span>;
  return (
    <>
      {forms.forms.map((each) => (
        <button
          type="button"
          key={each}
          class="small"
          aria-pressed={playing === each}
          onClick={() => onChoose(each)}
        >
          {say(buttons[each])}
        </button>
      ))}
      {(isExpected ? [] : forms.why_not).map((words) => (
        <span key={words} class="hint">
          {forms.forms.length === 0 ? say("media.notPlayed", { why: words }) : words}
        </span>
      ))}
    </>
  );
}
