/** Takes reports out as a file. What it holds is shown before it is written. */
import { useSignal } from "@preact/signals";
import { useRef } from "preact/hooks";
import { ask, DeskError, download, wordsOf } from "../client.ts";
import { type Scope, scope, subjects } from "../state/exporting.ts";
import { tell } from "../state/navigation.ts";
import { type Key, say } from "../words/say.ts";
import type { Preview } from "./answers.ts";
import { ExportSeen } from "./ExportSeen.tsx";
import { save } from "./saving.ts";

const FORMATS = ["html", "atom", "csv", "md", "json"] as const;
type Format = (typeof FORMATS)[number];
const formatNames: Readonly<Record<Format, Key>> = {
  html: "export.html",
  atom: "export.atom",
  csv: "export.csv",
  md: "export.md",
  json: "export.json",
};
const FIELDS = [
  ["text", "export.field.text"],
  ["what", "export.field.what"],
  ["where", "export.field.where"],
  ["when", "export.field.when"],
  ["figures", "export.field.figures"],
  ["language", "export.field.language"],
  ["names", "export.field.names"],
  ["written", "export.field.written"],
] as const satisfies readonly (readonly [string, Key])[];
const scopeNames: Readonly<Record<Scope, Key>> = {
  report: "export.report",
  chosen: "export.chosen",
  incident: "export.incident",
  shown: "export.shown",
};

export function ExportPanel({ onDone }: { readonly onDone: () => void }) {
  // What it is taken of stays as it was when this was opened, whatever arrives meanwhile.
  const offered = useRef(subjects(Math.floor(Date.now() / 1000))).current;
  const subject = useSignal(offered.find((each) => each.scope === scope.value) ?? offered[0]);
  const format = useSignal<Format>("html");
  const isPublic = useSignal(true);
  const hasMedia = useSignal(false);
  const hasWithdrawn = useSignal(false);
  const hasPseudonyms = useSignal(false);
  const words = useSignal("");
  const fields = useSignal<ReadonlySet<string>>(new Set());
  const preview = useSignal<{ readonly of: string; readonly value: Preview } | null>(null);
  const failure = useSignal("");
  const isBusy = useSignal(false);

  const order = {
    ...subject.value?.wanted,
    format: format.value,
    public: isPublic.value,
    media: hasMedia.value && format.value !== "atom",
    with_withdrawn: hasWithdrawn.value,
    with_pseudonyms: hasPseudonyms.value,
    black_words: words.value.split("\n").filter((line) => line.trim() !== ""),
    black_fields: [...fields.value],
  };
  // What was changed since is looked at again first.
  const seen = preview.value?.of === JSON.stringify(order) ? preview.value.value : null;

  const attempt = async (work: () => Promise<void>) => {
    isBusy.value = true;
    failure.value = "";
    try {
      await work();
    } catch (error) {
      failure.value = wordsOf(error);
      // It is no longer what was seen.
      if (error instanceof DeskError && error.status === 409) preview.value = null;
    } finally {
      isBusy.value = false;
    }
  };
  const look = () =>
    attempt(async () => {
      const value = await ask<Preview>("/api/export", { ...order, preview: true });
      preview.value = { of: JSON.stringify(order), value };
    });
  const take = () =>
    attempt(async () => {
      const file = await download("/api/export", { ...order, seen: seen?.seen });
      save(file);
      tell(say("export.saved", { name: file.name }));
      onDone();
    });

  return (
    <form
      class="export"
      onSubmit={(event) => {
        event.preventDefault();
        void look();
      }}
    >
      <div class="export-columns">
        <div class="export-order">
          <fieldset class="export-what">
            <legend>{say("export.what")}</legend>
            {offered.map((each) => (
              <label key={each.scope} class="check">
                <input
                  type="radio"
                  name="export-what"
                  checked={each === subject.value}
                  onChange={() => {
                    subject.value = each;
                  }}
                />
                <bdi>{say(scopeNames[each.scope], { count: each.count, name: each.name })}</bdi>
              </label>
            ))}
          </fieldset>
          <label>
            {say("export.format")}
            <select
              value={format.value}
              onChange={(event) => {
                const chosen = FORMATS.find((each) => each === event.currentTarget.value) ?? "html";
                format.value = chosen;
                isPublic.value = chosen === "html" || chosen === "atom";
              }}
            >
              {FORMATS.map((each) => (
                <option key={each} value={each}>
                  {say(formatNames[each])}
                </option>
              ))}
            </select>
          </label>
          <Check label={say("export.public")} hint={say("export.publicHint")} kept={isPublic} />
          {format.value !== "atom" && (
            <Check
              label={say("export.media")}
              hint={isPublic.value ? say("export.mediaPublic") : say("export.mediaDesk")}
              kept={hasMedia}
            />
          )}
          <Check label={say("export.withdrawn")} kept={hasWithdrawn} />
          {isPublic.value && (
            <Check
              label={say("export.pseudonyms")}
              hint={say("export.pseudonymsHint")}
              kept={hasPseudonyms}
            />
          )}
          <label>
            {say("export.words")}
            <textarea
              rows={3}
              dir="auto"
              autoComplete="off"
              spellcheck={false}
              value={words.value}
              onInput={(event) => {
                words.value = event.currentTarget.value;
              }}
            />
            <span class="hint">{say("export.wordsHint")}</span>
          </label>
          <fieldset>
            <legend>{say("export.fields")}</legend>
            {FIELDS.map(([name, label]) => (
              <label key={name} class="check">
                <input
                  type="checkbox"
                  checked={fields.value.has(name)}
                  onChange={(event) => {
                    const changed = new Set(fields.value);
                    if (event.currentTarget.checked) changed.add(name);
                    else changed.delete(name);
                    fields.value = changed;
                  }}
                />
                {say(label)}
              </label>
            ))}
          </fieldset>
        </div>
        <section class="export-seen" aria-live="polite" aria-busy={isBusy.value}>
          {isBusy.value && order.media && isPublic.value && (
            <p class="strip plain">{say("export.making")}</p>
          )}
          {seen !== null && <ExportSeen preview={seen} />}
          {seen === null && !isBusy.value && <p class="hint">{say("export.notLooked")}</p>}
        </section>
      </div>
      <div class="export-act">
        {failure.value !== "" && (
          <p class="strip bad" role="alert">
            {failure.value}
          </p>
        )}
        <div class="row">
          <button type="submit" class={seen === null ? "main" : ""} disabled={isBusy.value}>
            {say("export.look")}
          </button>
          <button
            type="button"
            class={seen === null ? "" : "main"}
            disabled={isBusy.value || seen === null || seen.reports === 0}
            onClick={() => void take()}
          >
            {say("export.take")}
          </button>
        </div>
      </div>
    </form>
  );
}

interface CheckProps {
  readonly label: string;
  readonly hint?: string;
  readonly kept: { value: boolean };
}

function Check({ label, hint, kept }: CheckProps) {
  return (
    <label class="check">
      <input
        type="checkbox"
        checked={kept.value}
        onChange={(event) => {
          kept.value = event.currentTarget.checked;
        }}
      />
      <span>
        {label}
        {hint !== undefined && <small> {hint}</small>}
      </span>
    </label>
  );
}
