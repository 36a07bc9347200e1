/** Takes reports out as a file. What it holds is shown before it is written. */
import { useSignal } from "@preact/signals";
import type { Wish } from "../api.ts";
import { ask, download, wordsOf } from "../client.ts";
import { tell } from "../state/navigation.ts";
import { type Key, say } from "../words/say.ts";
import type { Preview } from "./answers.ts";
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
const leftOut = {
  muted: "export.muted",
  "not published": "export.notPublished",
  withdrawn: "export.withdrawnOut",
  damaged: "export.damaged",
} as const;

interface PanelProps {
  readonly wish: Wish;
  readonly ids: readonly string[];
  readonly onDone: () => void;
}

export function ExportPanel({ wish, ids, onDone }: PanelProps) {
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

  const { grouped: _, ...filters } = wish;
  const order = {
    ...(ids.length > 0 ? { ids } : filters),
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
      const file = await download("/api/export", order);
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
      <p class="hint">
        {ids.length > 0 ? say("export.chosen", { count: ids.length }) : say("export.wish")}
      </p>
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
      {failure.value !== "" && (
        <p class="strip bad" role="alert">
          {failure.value}
        </p>
      )}
      {seen !== null && <Seen preview={seen} />}
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

function Seen({ preview }: { readonly preview: Preview }) {
  return (
    <section aria-live="polite">
      <h3>{say("export.preview", { count: preview.reports })}</h3>
      <ul>
        {preview.left_out
          .filter(({ n }) => n > 0)
          .map(({ why, n }) => (
            <li key={why}>{say(leftOut[why], { count: n })}</li>
          ))}
        {preview.blacked_out.map(({ word, n }) => (
          <li key={word} class={n === 0 ? "fault" : ""}>
            {say("export.blacked", { word, count: n })}
          </li>
        ))}
      </ul>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, and a keyboard must reach it */}
      <section class="preview" tabIndex={0} aria-label={preview.name}>
        <pre dir="auto">{preview.text}</pre>
      </section>
      {preview.is_cut && <p class="hint">{say("export.cut")}</p>}
      {preview.is_public && <p class="strip warn">{say("export.read")}</p>}
    </section>
  );
}
