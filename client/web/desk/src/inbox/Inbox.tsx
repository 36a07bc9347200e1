/** The inbox: what is looked for and the list in the middle, the opened report at the right. */
import { mounts } from "../mounts.ts";
import { ReportView } from "../report/ReportView.tsx";
import { openExport } from "../state/exporting.ts";
import { withChip } from "../state/filters.ts";
import { filters, fresh, mutedCount, namedCity, narrow, showFresh, total } from "../state/list.ts";
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
        <AsPlace />
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

/** The words name a city, too: by its place there is more than by its name. */
function AsPlace() {
  const named = namedCity.value;
  return (
    <div role="status">
      {named !== null && (
        <p class="as-place">
          {say("list.city", { city: named.city, count: named.reports })}{" "}
          <button
            type="button"
            class="link"
            onClick={() =>
              narrow(
                withChip(
                  { ...filters.value, words: named.words },
                  { name: "city", value: named.city },
                ),
              )
            }
          >
            {say("list.byCity")}
          </button>
        </p>
      )}
    </div>
  );
}
