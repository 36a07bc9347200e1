/** A bulletin as it would go out, to be read once more: it can't be taken back. */
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { LANGUAGE_NAMES, type Language } from "../../../src/languages/messages.ts";
import { wordsOf } from "../client.ts";
import { desk } from "../state/desk.ts";
import { tell } from "../state/navigation.ts";
import { say } from "../words/say.ts";
import * as writing from "./writing.ts";

/** How wide the picture is drawn, at most, in its own pixels. */
const MOST_PX = 1_024;

interface LookProps {
  readonly onBack: () => void;
  readonly onSent: () => void;
}

export function LastLook({ onBack, onSent }: LookProps) {
  const isSending = useSignal(false);
  const title = useRef<HTMLHeadingElement>(null);
  // Whoever pressed Enter twice is at the beginning of what is to be read, not on the button.
  useEffect(() => title.current?.focus(), []);
  const send = async () => {
    isSending.value = true;
    try {
      await writing.publish();
      tell(say("bulletins.queued"));
      onSent();
      onBack();
    } catch (error) {
      tell(wordsOf(error), "bad");
      isSending.value = false;
    }
  };
  const texts = writing.written();
  const relays = desk.value?.relays ?? [];
  return (
    <section class="last-look" aria-labelledby="last-look">
      <h2 id="last-look" ref={title} tabIndex={-1}>
        {say("look.title")}
      </h2>
      {writing.corrects.value !== null && (
        <p class="strip warn">
          {say("bulletins.correcting", { serial: String(writing.corrects.value) })}
        </p>
      )}
      <p>{say("look.texts", { count: Math.max(1, texts.length) })}</p>
      {texts.map(({ language, title: heading, text }) => (
        <article class="card" key={language}>
          <p class="row-marks">
            <span class="mark plain">{LANGUAGE_NAMES[language as Language] ?? language}</span>
          </p>
          {heading.trim() !== "" && (
            <h3 dir="auto" lang={language}>
              {heading.trim()}
            </h3>
          )}
          <p class="reply" dir="auto" lang={language}>
            {text}
          </p>
        </article>
      ))}
      {writing.picture.value !== null && <Picture file={writing.picture.value} />}
      <h3>{say("look.whom")}</h3>
      <p>{say("look.everybody")}</p>
      {relays.length === 0 ? (
        <p class="strip warn">{say("look.noRelay")}</p>
      ) : (
        <>
          <p>{say("look.relays", { count: relays.length })}</p>
          <ul class="look-relays">
            {relays.map(({ name, country }) => (
              <li key={name}>
                <bdi>{name}</bdi> <span class="hint">{country}</span>
              </li>
            ))}
          </ul>
        </>
      )}
      <p class="strip warn">{say("look.final")}</p>
      <div class="row">
        <button type="button" class="main" disabled={isSending.value} onClick={() => void send()}>
          {say("bulletins.publish")}
        </button>
        <button type="button" class="quiet" disabled={isSending.value} onClick={onBack}>
          {say("look.back")}
        </button>
      </div>
    </section>
  );
}

/** Drawn here: the page loads no picture but those of the media origin. */
function Picture({ file }: { readonly file: File }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    void draw(file, canvas.current);
  }, [file]);
  return (
    <figure>
      <canvas ref={canvas} width={0} height={0} role="img" aria-label={file.name} />
      <figcaption class="hint">
        <bdi>{file.name}</bdi>: {say("look.picture")}
      </figcaption>
    </figure>
  );
}

async function draw(file: File, canvas: HTMLCanvasElement | null): Promise<void> {
  if (canvas === null) return;
  try {
    const picture = await createImageBitmap(file);
    const scale = Math.min(1, MOST_PX / Math.max(picture.width, picture.height));
    canvas.width = Math.round(picture.width * scale);
    canvas.height = Math.round(picture.height * scale);
    canvas.getContext("2d")?.drawImage(picture, 0, 0, canvas.width, canvas.height);
    picture.close();
  } catch {
    // The desk says what is wrong with it when it is sent.
  }
}
