/** Bulletins to everybody: those that went out, in their true state, and a new one. */
import { useSignal } from "@preact/signals";
import { FileButton } from "../../../src/app/controls.tsx";
import { LANGUAGE_NAMES, LANGUAGES, size } from "../../../src/languages/messages.ts";
import type { Bulletin } from "../api.ts";
import { SentState } from "../outgoing/SentState.tsx";
import { useFetched } from "../state/fetched.ts";
import { tell } from "../state/navigation.ts";
import { say } from "../words/say.ts";
import { LastLook } from "./LastLook.tsx";
import * as writing from "./writing.ts";

const { texts, picture, corrects } = writing;

export function BulletinsPage() {
  const { found, failure, again } = useFetched<{ readonly bulletins: readonly Bulletin[] }>(
    "/api/bulletins",
  );
  return (
    <div class="page even">
      <section class="page-body">
        <h1>{say("bulletins.new")}</h1>
        <Writing onDone={again} />
      </section>
      <section class="page-body">
        <h1>{say("bulletins.sent")}</h1>
        {failure !== "" && <p role="alert">{failure}</p>}
        {found?.bulletins.length === 0 && <p class="hint">{say("bulletins.none")}</p>}
        <ul class="cards">
          {found?.bulletins.map((each) => (
            <li key={each.serial}>
              <Given bulletin={each} />
            </li>
          ))}
        </ul>
      </section>
    </div>
  );
}

function Writing({ onDone }: { readonly onDone: () => void }) {
  const isLooking = useSignal(false);
  if (isLooking.value) {
    return (
      <LastLook
        onBack={() => {
          isLooking.value = false;
        }}
        onSent={onDone}
      />
    );
  }
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        isLooking.value = writing.isWhole();
      }}
    >
      {corrects.value !== null && (
        <p class="strip warn">
          {say("bulletins.correcting", { serial: String(corrects.value) })}{" "}
          <button
            type="button"
            class="link"
            onClick={() => {
              corrects.value = null;
            }}
          >
            {say("bulletins.correctNone")}
          </button>
        </p>
      )}
      {texts.value.map((text, at) => (
        <TextFields key={at} text={text} at={at} />
      ))}
      <div class="row">
        <button type="button" class="quiet" onClick={() => writing.add(LANGUAGES)}>
          {say("bulletins.add")}
        </button>
        <FileButton
          label={say("bulletins.picture")}
          accept="image/jpeg,image/png,image/webp"
          onFiles={([file]) => {
            if (file === undefined) return;
            if (file.size > writing.MOST_PICTURE_BYTES) tell(say("bulletins.large"), "bad");
            else picture.value = file;
          }}
        />
      </div>
      {picture.value !== null && (
        <p>
          <bdi>{picture.value.name}</bdi>, {size(picture.value.size)}{" "}
          <button
            type="button"
            class="link"
            onClick={() => {
              picture.value = null;
            }}
          >
            {say("bulletins.noPicture")}
          </button>
        </p>
      )}
      <p class="hint">{say("bulletins.hint")}</p>
      <button type="submit" class="main" disabled={!writing.isWhole()}>
        {say("bulletins.look")}
      </button>
    </form>
  );
}

function TextFields({ text, at }: { readonly text: writing.Text; readonly at: number }) {
  const { language, title } = text;
  return (
    <fieldset class="bulletin-text">
      <legend class="unseen">{say("bulletins.text", { number: at + 1 })}</legend>
      <div class="row">
        <select
          aria-label={say("bulletins.language")}
          value={language}
          onChange={(event) => writing.change(at, { language: event.currentTarget.value })}
        >
          <option value="" disabled>
            {say("bulletins.whichLanguage")}
          </option>
          {LANGUAGES.map((each) => (
            <option key={each} value={each} lang={each}>
              {LANGUAGE_NAMES[each]}
            </option>
          ))}
        </select>
        {texts.value.length > 1 && (
          <button type="button" class="link" onClick={() => writing.remove(at)}>
            {say("bulletins.remove")}
          </button>
        )}
      </div>
      <input
        type="text"
        dir="auto"
        lang={language}
        autoComplete="off"
        aria-label={say("bulletins.title")}
        placeholder={say("bulletins.title")}
        value={title}
        onInput={(event) => writing.change(at, { title: event.currentTarget.value })}
      />
      <textarea
        dir="auto"
        lang={language}
        autoComplete="off"
        aria-label={say("bulletins.words")}
        placeholder={say("bulletins.words")}
        value={text.text}
        onInput={(event) => writing.change(at, { text: event.currentTarget.value })}
      />
    </fieldset>
  );
}

function Given({ bulletin }: { readonly bulletin: Bulletin }) {
  const { serial, title, text, language, corrects: earlier, corrected_by: later } = bulletin;
  return (
    <article class="card">
      <p class="row-marks">
        <span class="mark plain">{say("bulletins.serial", { serial: String(serial) })}</span>
        <span class="mark plain">{language}</span>
        {(bulletin.pictures ?? 0) > 0 && (
          <span class="mark plain">
            {say("bulletins.pictures", { count: bulletin.pictures ?? 0 })}
          </span>
        )}
        {earlier != null && (
          <span class="mark warn">{say("bulletins.corrects", { serial: String(earlier) })}</span>
        )}
        {later != null && (
          <span class="mark warn">{say("bulletins.corrected", { serial: String(later) })}</span>
        )}
      </p>
      {title !== "" && (
        <h2 dir="auto" lang={language}>
          {title}
        </h2>
      )}
      <p class="reply" dir="auto" lang={language}>
        {text}
      </p>
      <SentState sent={bulletin} />
      <button
        type="button"
        class="quiet small"
        onClick={() => {
          corrects.value = serial;
          texts.value = [{ language, title, text }];
        }}
      >
        {say("bulletins.correct")}
      </button>
    </article>
  );
}
