/** The inbox: what is looked for and the list in the middle, the opened report at the right. */
import { mounts } from "../mounts.ts";
import { ReportView } from "../report/ReportView.tsx";
import { openExport } from "../state/exporting.ts";
import { filters, fresh, mutedCount, narrow, showFresh, total } from "../state/list.ts";
import { say } from "../words/say.ts";
import { Choice } from "./Choice.tsx";
import { List } from "./List.tsx";
import { SearchBox } from "./SearchBox.tsx";

export function Inbox() {
  const isMutedShown = filters.value.chips.some(({ value }) => value === "muted");
  return (
    <div class="inbox">
      <section class="middle" aria-label={say("place.inbox")}>
        <h1 class="unseen">{say("place.inbox")}</h1>
        <SearchBox />
        <div class="found">
          <span role="status">{say("list.total", { count: total.value })}</span>
          {mutedCount.value > 0 && !isMutedShown && (
            <button
              type="button"
              class="link"
              onClick={() =>
                narrow({
                  ...filters.value,
                  chips: [...filters.value.chips, { name: "is", value: "muted" }],
                })
              }
            >
              {say("list.muted", { count: mutedCount.value })}
            </button>
          )}
          {total.value > 0 && mounts.ExportPanel !== undefined && (
            <button type="button" class="link export-all" onClick={() => openExport("shown")}>
              {say("export.button")}
            </button>
          )}
        </div>
        <Choice />
        <div role="status">
          {fresh.value > 0 && (
            <button type="button" class="fresh" onClick={showFresh}>
              {say("list.fresh", { count: fresh.value })}
            </button>
          )}
        </div>
        <List />
      </section>
      <ReportView />
    </div>
  );
}
