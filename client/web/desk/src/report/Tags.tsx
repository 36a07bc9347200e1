/** The tags of a report: those that it has, and a field for another. */
import { useSignal } from "@preact/signals";
import type { ReportPage } from "../api.ts";
import { FIELD_IDS } from "../shell/keyboard.ts";
import { decide } from "../state/deciding.ts";
import { tags } from "../state/desk.ts";
import { say } from "../words/say.ts";
import { Adding } from "./Adding.tsx";

export function Tags({ report }: { readonly report: ReportPage }) {
  const typed = useSignal("");
  const put = (tag: string, value: boolean) =>
    decide([{ what: "tag", report: report.id, tag, value }]);
  const add = async () => {
    // As the desk keeps it, so that it shows at once as it will be.
    const tag = typed.value.normalize("NFC").trim().replace(/^#/, "").toLowerCase();
    if (tag !== "" && (await put(tag, true))) typed.value = "";
  };
  return (
    <div class="labels">
      <span class="label">{say("tags.title")}</span>
      <ul class="row">
        {report.decided.tags.map((tag) => (
          <li key={tag}>
            <button
              type="button"
              class="chip"
              aria-label={say("tags.remove", { tag })}
              onClick={() => void put(tag, false)}
            >
              <bdi>#{tag}</bdi>
              <span aria-hidden="true">×</span>
            </button>
          </li>
        ))}
      </ul>
      <Adding
        id={FIELD_IDS.tag}
        label={say("tags.add")}
        typed={typed}
        offered={tags.value
          .map(({ tag }) => tag)
          .filter((tag) => !report.decided.tags.includes(tag))}
        onAdd={() => void add()}
      />
    </div>
  );
}
