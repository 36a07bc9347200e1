/** Where people would rather look than read: the map, the timeline, plots of places and delays. */
import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { number } from "../../../src/languages/messages.ts";
import type { Wish } from "../api.ts";
import { useFetched } from "../state/fetched.ts";
import { say } from "../words/say.ts";
import type { Answer, Cluster, Delays } from "./answer.ts";
import { Bars } from "./Bars.tsx";
import { MapView } from "./MapView.tsx";
import "./overview.css";
import { Timeline } from "./Timeline.tsx";
import { lengthOf, localNames, othersOf, toldApart } from "./wording.ts";

const ROWS = 12;

interface OverviewProps {
  readonly wish: Wish;
  readonly onCity: (place: string) => void;
  readonly onSpan: (from_s: number, until_s: number) => void;
}

export function Overview({ wish, onCity, onSpan }: OverviewProps) {
  const { grouped: _, ...filters } = wish;
  const { found, failure } = useFetched<Answer>("/api/overview", filters);
  return (
    <div class="page-body alone overview">
      <h1>{say("place.overview")}</h1>
      {failure !== "" && <p class="fault">{failure}</p>}
      {found === null ? (
        <p class="hint">{failure === "" ? say("loading") : ""}</p>
      ) : (
        <Shown
          answer={found}
          isNarrowed={Object.keys(filters).length > 0}
          onCity={onCity}
          onSpan={onSpan}
        />
      )}
    </div>
  );
}

interface ShownProps {
  readonly answer: Answer;
  readonly isNarrowed: boolean;
  readonly onCity: (place: string) => void;
  readonly onSpan: (from_s: number, until_s: number) => void;
}

function Shown({ answer, isNarrowed, onCity, onSpan }: ShownProps) {
  const { reports, clusters, unplaced, step_s, hours, delays } = answer;
  return (
    <>
      <p>
        {say(isNarrowed ? "overview.narrowed" : "overview.all", { count: reports })}{" "}
        {unplaced.n > 0 && (
          <button type="button" class="link" onClick={() => onCity(unplaced.place)}>
            {say("overview.unplaced", { count: unplaced.n })}
          </button>
        )}
      </p>
      <section aria-labelledby="overview-map">
        <h2 id="overview-map">{say("map.title")}</h2>
        <MapView clusters={clusters} onCity={onCity} />
        <Legend />
      </section>
      <section aria-labelledby="overview-hours">
        <h2 id="overview-hours">{say(step_s > 3600 ? "timeline.titleDays" : "timeline.title")}</h2>
        <Timeline hours={hours} step_s={step_s} onSpan={onSpan} />
        <p class="hint legend">
          <span>
            <Sign>
              <rect class="bar" x="2" y="3" width="12" height="10" />
            </Sign>
            {say("timeline.arrived")}
          </span>
          <span>
            <Sign>
              <path class="written-line" d="M1 8h14" />
            </Sign>
            {say("timeline.written")}
          </span>
        </p>
      </section>
      <div class="plots">
        <section aria-labelledby="overview-places">
          <h2 id="overview-places">{say("places.title")}</h2>
          <Places clusters={clusters} onCity={onCity} />
          <Unplaced unplaced={unplaced} />
        </section>
        <section aria-labelledby="overview-delays">
          <h2 id="overview-delays">{say("delays.title")}</h2>
          <DelayBars delays={delays} />
        </section>
      </div>
      <p class="hint">{say("map.credit")}</p>
    </>
  );
}

function Sign({ children }: { readonly children: ComponentChildren }) {
  return (
    <svg class="sign" viewBox="0 0 16 16" aria-hidden="true" focusable="false">
      {children}
    </svg>
  );
}

function Legend() {
  return (
    <>
      <p class="hint legend">
        <span>
          <Sign>
            <circle class="sign-spot" cx="8" cy="8" r="6" />
          </Sign>
          {say("map.legend")}
        </span>
        <span>
          <Sign>
            <path class="urgent-mark" d="M8 2L14 8L8 14L2 8Z" />
          </Sign>
          {say("map.legendUrgent")}
        </span>
        <span>
          <Sign>
            <circle class="sign-spot region" cx="8" cy="8" r="6" />
          </Sign>
          {say("map.legendRegion")}
        </span>
      </p>
      <p class="hint" id="map-keys">
        {say("map.keys")}
      </p>
    </>
  );
}

interface PlacesProps {
  readonly clusters: readonly Cluster[];
  readonly onCity: (place: string) => void;
}

/** The same as the map, in rows. */
function Places({ clusters, onCity }: PlacesProps) {
  const isWhole = useSignal(false);
  const shown = isWhole.value ? clusters : clusters.slice(0, ROWS);
  if (clusters.length === 0) return <p class="hint">{say("places.none")}</p>;
  return (
    <>
      <Bars
        caption={say("places.caption")}
        head={say("places.head")}
        bars={shown.map((cluster) => ({
          key: cluster.place,
          name: <PlaceName cluster={cluster} onCity={onCity} />,
          n: cluster.reports,
          urgent: cluster.urgent,
        }))}
      />
      {clusters.length > ROWS && (
        <button
          type="button"
          class="small quiet"
          aria-expanded={isWhole.value}
          onClick={() => {
            isWhole.value = !isWhole.value;
          }}
        >
          {isWhole.value ? say("places.fewer") : say("places.more", { count: clusters.length })}
        </button>
      )}
    </>
  );
}

function PlaceName({
  cluster,
  onCity,
}: {
  readonly cluster: Cluster;
  readonly onCity: (place: string) => void;
}) {
  return (
    <>
      <button type="button" class="link" onClick={() => onCity(cluster.place)}>
        {toldApart(cluster)}
      </button>{" "}
      <small>
        {localNames(cluster).map(([language, name], at) => (
          <>
            {at > 0 && ", "}
            <bdi key={language} lang={language}>
              {name}
            </bdi>
          </>
        ))}
        {cluster.unsure > 0 && (
          <span class="unsure">
            {" "}
            {say("places.unsure", {
              count: cluster.unsure,
              others: othersOf(cluster) || say("places.another"),
            })}
          </span>
        )}
      </small>
    </>
  );
}

/** What no city was found for: shown as it was written. */
function Unplaced({ unplaced }: { readonly unplaced: Answer["unplaced"] }) {
  if (unplaced.places.length === 0) return null;
  return (
    <details>
      <summary>{say("unplaced.title", { count: unplaced.n })}</summary>
      <p class="hint">{say("unplaced.hint")}</p>
      <ul class="unplaced">
        {unplaced.places.map(({ where, n }, at) => (
          <li key={at}>
            <bdi dir="auto">{where || say("row.nowhere")}</bdi> <small>{number(n)}</small>
          </li>
        ))}
      </ul>
    </details>
  );
}

function DelayBars({ delays }: { readonly delays: Delays }) {
  const { p50_s, p90_s, buckets, early, absurd, not_said } = delays;
  const apart = [
    ["delays.early", early],
    ["delays.absurd", absurd],
    ["delays.notSaid", not_said],
  ] as const;
  return (
    <>
      {p50_s !== null && p90_s !== null && (
        <p>{say("delays.half", { half: lengthOf(p50_s), most: lengthOf(p90_s) })}</p>
      )}
      <Bars
        caption={say("delays.caption")}
        head={say("delays.head")}
        bars={buckets.map(({ up_to_s, n }) => ({
          key: String(up_to_s),
          name: say("delays.upTo", { length: lengthOf(up_to_s) }),
          n,
        }))}
      />
      {apart.some(([, n]) => n > 0) && (
        <>
          <p class="hint">{say("delays.apart")}</p>
          <ul class="apart">
            {apart.map(([key, n]) => n > 0 && <li key={key}>{say(key, { count: n })}</li>)}
          </ul>
        </>
      )}
    </>
  );
}
