/** The rows, of which only those in sight are drawn: so 100,000 cost what thirty do. */
import { useSignal } from "@preact/signals";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { FIELD_IDS, focusList } from "../shell/keyboard.ts";
import { openCurrent } from "../shell/reading.ts";
import { toggle } from "../state/deciding.ts";
import { counts } from "../state/desk.ts";
import {
  chooseTo,
  chosen,
  current,
  failure,
  isLoading,
  load,
  more,
  narrow,
  rows,
  toggleChosen,
} from "../state/list.ts";
import { say } from "../words/say.ts";
import { RowView } from "./RowView.tsx";

/** The height of every row, as desk.css has it. */
const ROW_PX = 80;
/** Drawn above and below what is in sight. */
const SPARE = 8;

export function List() {
  const box = useRef<HTMLDivElement>(null);
  const top_px = useSignal(0);
  const height_px = useSignal(800);
  useLayoutEffect(() => {
    const shown = box.current;
    if (shown === null) return;
    const watch = new ResizeObserver(() => {
      height_px.value = shown.clientHeight;
    });
    watch.observe(shown);
    return () => watch.disconnect();
  }, [height_px]);

  const all = rows.value;
  const first = Math.max(0, Math.floor(top_px.value / ROW_PX) - SPARE);
  const last = Math.min(all.length, Math.ceil((top_px.value + height_px.value) / ROW_PX) + SPARE);
  useEffect(() => {
    if (all.length > 0 && last > all.length - 2 * SPARE) void more();
  }, [last, all.length]);

  const at = all.findIndex(({ id }) => id === current.value);
  // Before it is painted, so that the row of the keys is always drawn.
  useLayoutEffect(() => {
    const shown = box.current;
    if (shown === null || at < 0) return;
    if (at * ROW_PX < shown.scrollTop) shown.scrollTop = at * ROW_PX;
    const least = (at + 1) * ROW_PX - shown.clientHeight;
    if (shown.scrollTop < least) shown.scrollTop = least;
  }, [at]);

  if (failure.value !== "") {
    return (
      <div class="empty" role="alert">
        <p>{failure.value}</p>
        <button type="button" class="plain small" onClick={() => void load()}>
          {say("again")}
        </button>
      </div>
    );
  }
  const isDrawn = at >= first && at < last;
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: shell/keyboard.ts hears the keys of the page
    <div
      ref={box}
      id={FIELD_IDS.list}
      class="rows"
      role="listbox"
      tabIndex={0}
      aria-label={say("list.label")}
      aria-multiselectable
      aria-busy={isLoading.value}
      {...(isDrawn ? { "aria-activedescendant": `row-${current.value}` } : {})}
      onScroll={(event) => {
        top_px.value = event.currentTarget.scrollTop;
      }}
      onClick={click}
      onMouseDown={(event) => {
        // It would mark the words between.
        if (event.shiftKey) event.preventDefault();
      }}
    >
      {all.length === 0 && <p class="empty">{emptyWords()}</p>}
      <div class="all-rows" style={{ height: `${all.length * ROW_PX}px` }}>
        <div style={{ transform: `translateY(${first * ROW_PX}px)` }}>
          {all.slice(first, last).map((row, each) => (
            <RowView
              key={row.id}
              row={row}
              isCurrent={row.id === current.value}
              isChosen={chosen.value.has(row.id)}
              place={first + each + 1}
            />
          ))}
        </div>
      </div>
    </div>
  );
}

/** Of a row: its star, its box, its group, or the row itself; with Shift all rows up to it. */
function click(event: MouseEvent): void {
  const hit = event.target instanceof Element ? event.target : null;
  const id = hit?.closest<HTMLElement>("[data-id]")?.dataset.id;
  if (hit === null || id === undefined) return;
  const row = rows.value.find((each) => each.id === id);
  if (hit.closest("[data-does=star]") !== null) {
    void toggle("starred", [id]);
  } else if (event.shiftKey) {
    chooseTo(id);
    focusList();
  } else if (hit.closest("[data-does=choose]") !== null || event.ctrlKey || event.metaKey) {
    toggleChosen(id);
  } else if (hit.closest("[data-does=group]") !== null && row?.alias) {
    narrow({ chips: [{ name: "alias", value: row.alias }], words: "" });
  } else {
    current.value = id;
    openCurrent();
  }
}

function emptyWords(): string {
  if (isLoading.value) return say("loading");
  return say(counts.value.reports === 0 ? "list.nothing" : "list.empty");
}
