/** The left column: the places, the saved views of the inbox, how the pull goes. */
import { number } from "../../../src/languages/messages.ts";
import { mounts } from "../mounts.ts";
import { counts, desk, incidents, tags } from "../state/desk.ts";
import { areSame, type Filters } from "../state/filters.ts";
import { filters, narrow } from "../state/list.ts";
import { go, PLACES, type Place, place, sheet } from "../state/navigation.ts";
import { type Key, say } from "../words/say.ts";
import { PlaceIcon } from "./icons.tsx";
import { Pulling } from "./Pulling.tsx";
import { MAIN_VIEWS, MUTED_VIEW, STATE_VIEWS, type View } from "./views.ts";

const names: Readonly<Record<Place, Key>> = {
  inbox: "place.inbox",
  overview: "place.overview",
  incidents: "place.incidents",
  bulletins: "place.bulletins",
  outgoing: "place.outgoing",
  desk: "place.desk",
};
const MOST_TAGS = 12;
const MOST_INCIDENTS = 8;

export function SideBar() {
  return (
    <header class="side">
      <div class="side-head">
        <p class="desk-name">
          <bdi>{desk.value?.name ?? ""}</bdi>
        </p>
        <button
          type="button"
          class="quiet small"
          aria-label={say("keys.title")}
          title={say("keys.title")}
          onClick={() => {
            sheet.value = "keys";
          }}
        >
          <span aria-hidden="true">?</span>
        </button>
      </div>
      <nav aria-label={say("places")}>
        {PLACES.filter((each) => each !== "overview" || mounts.Overview !== undefined).map(
          (each) => (
            <button
              type="button"
              key={each}
              class="entry"
              {...(place.value === each ? { "aria-current": "page" as const } : {})}
              onClick={() => go(each)}
            >
              <PlaceIcon place={each} />
              <span>{say(names[each])}</span>
              {each === "inbox" && <Count of={counts.value.unread} isStrong />}
              {each === "desk" && <Count of={counts.value.alarms} isStrong />}
            </button>
          ),
        )}
      </nav>
      <nav class="views" aria-label={say("views")}>
        <Group views={MAIN_VIEWS} />
        <h2>{say("views.state")}</h2>
        <Group views={STATE_VIEWS} />
        {tags.value.length > 0 && <h2>{say("views.tags")}</h2>}
        {tags.value.slice(0, MOST_TAGS).map(({ tag, reports }) => (
          <Entry
            key={tag}
            words={`#${tag}`}
            filters={{ chips: [{ name: "tag", value: tag }], words: "" }}
            count={reports}
          />
        ))}
        {incidents.value.length > 0 && <h2>{say("views.incidents")}</h2>}
        {incidents.value.slice(0, MOST_INCIDENTS).map(({ id, name, reports }) => (
          <Entry
            key={id}
            words={name}
            filters={{ chips: [{ name: "incident", value: id }], words: "" }}
            count={reports}
          />
        ))}
        <h2>{say("views.other")}</h2>
        <Group views={[MUTED_VIEW]} />
      </nav>
      <Pulling />
    </header>
  );
}

function Group({ views }: { readonly views: readonly View[] }) {
  return (
    <>
      {views.map((view) => (
        <Entry
          key={view.label}
          words={say(view.label)}
          filters={view.filters}
          {...(view.count === undefined ? {} : { count: counts.value[view.count] })}
        />
      ))}
    </>
  );
}

interface EntryProps {
  readonly words: string;
  readonly filters: Filters;
  readonly count?: number | null;
}

function Entry({ words, filters: to, count }: EntryProps) {
  const isShown = place.value === "inbox" && areSame(filters.value, to);
  return (
    <button
      type="button"
      class="entry view"
      {...(isShown ? { "aria-current": "true" as const } : {})}
      onClick={() => {
        narrow(to);
        go("inbox");
      }}
    >
      <bdi>{words}</bdi>
      {count !== undefined && <Count of={count} />}
    </button>
  );
}

function Count({ of, isStrong }: { readonly of: number | null; readonly isStrong?: boolean }) {
  if (of === null || of === 0) return null;
  return <span class={isStrong ? "count strong" : "count"}>{number(of)}</span>;
}
