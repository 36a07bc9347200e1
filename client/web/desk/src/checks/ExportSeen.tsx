/** What an export would be, before it is taken: the page or the text, and what is not in it. */
import { size } from "../../../src/languages/messages.ts";
import type { State } from "../api.ts";
import { stateName } from "../shell/views.ts";
import { say } from "../words/say.ts";
import type { Preview } from "./answers.ts";

const leftOut = {
  muted: "export.muted",
  "not published": "export.notPublished",
  withdrawn: "export.withdrawnOut",
  damaged: "export.damaged",
} as const;
const CONFIRMED: ReadonlySet<State> = new Set(["corroborated", "published"]);

export function ExportSeen({ preview }: { readonly preview: Preview }) {
  const { files, missing, shortened } = preview;
  return (
    <>
      <h3>{say("export.preview", { count: preview.reports })}</h3>
      {preview.is_public && <Unchecked states={preview.states} />}
      {preview.is_public && <p class="strip plain">{say("export.read")}</p>}
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
      <Named title={say("export.missing", { count: missing.length })} names={missing} />
      <Named title={say("export.shortened", { count: shortened.length })} names={shortened} />
      {files.length > 0 && (
        <details class="export-files">
          <summary>{say("export.files", { count: files.length })}</summary>
          <ul>
            {files.map((file) => (
              <li key={file.path}>
                <bdi>{file.path}</bdi> <span class="hint">{size(file.size_bytes)}</span>
              </li>
            ))}
          </ul>
        </details>
      )}
      {preview.page === null ? (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, and a keyboard must reach it
        <section class="preview" tabIndex={0} aria-label={preview.name}>
          <pre dir="auto">{preview.text}</pre>
        </section>
      ) : (
        // Without allow-scripts: nothing in it runs, and it is another origin than this page.
        <iframe
          class="preview"
          title={say("export.page")}
          src={preview.page}
          sandbox="allow-same-origin"
          referrerpolicy="no-referrer"
        />
      )}
      {preview.page === null && preview.is_cut && <p class="hint">{say("export.cut")}</p>}
    </>
  );
}

/** What nobody at the desk has confirmed yet. */
function Unchecked({ states }: { readonly states: Preview["states"] }) {
  const open = states.filter(({ state }) => !CONFIRMED.has(state));
  const count = open.reduce((sum, { n }) => sum + n, 0);
  if (count === 0) return null;
  const each = open.map(({ state, n }) =>
    say("export.inState", { state: say(stateName(state)), count: n }),
  );
  return (
    <p class="strip warn" role="alert">
      {say("export.unchecked", { count, states: each.join(", ") })}
    </p>
  );
}

/** Files by what their writers called them, each with why. */
function Named({ title, names }: { readonly title: string; readonly names: readonly string[] }) {
  if (names.length === 0) return null;
  return (
    <div class="strip warn">
      <p>{title}</p>
      <ul>
        {names.map((name) => (
          <li key={name}>
            <bdi>{name}</bdi>
          </li>
        ))}
      </ul>
    </div>
  );
}
