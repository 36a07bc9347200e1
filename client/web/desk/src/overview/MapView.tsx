/** Where reports cluster: a circle for each place on the outlines of the countries. */
import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useMemo, useRef } from "preact/hooks";
import { number } from "../../../src/languages/messages.ts";
import { say } from "../words/say.ts";
import type { Cluster } from "./answer.ts";
import {
  atlas,
  type Country,
  countryOf,
  HEIGHT,
  mostReported,
  outlines,
  projectionFor,
  WIDTH,
} from "./atlas.ts";
import { GAP, labelled } from "./labels.ts";
import { radius } from "./scales.ts";
import { byKey, CLOSER, moved, seen, type View, WHOLE, zoomed } from "./view.ts";
import { namesOf, toldOf } from "./wording.ts";

const WIDEST = 34;
const LEAST = 4;
const NAMED = 24;
/** As many of the largest are reached by Tab; all of them stand in the table. */
const BY_KEYBOARD = 30;
const DRAG_BEGINS = 4;

interface MapProps {
  readonly clusters: readonly Cluster[];
  readonly onCity: (place: string) => void;
}

export function MapView({ clusters, onCity }: MapProps) {
  const countries = useSignal<readonly Country[] | null>(null);
  const failed = useSignal(false);
  const view = useSignal<View>(WHOLE);
  useEffect(() => {
    atlas().then(
      (all) => {
        countries.value = all;
      },
      () => {
        failed.value = true;
      },
    );
  }, []);
  const all = countries.value;
  // It is drawn anew where another country has the most reports, not with each report.
  const shown = clusters.map(({ place }) => place).join("|");
  const drawn = useMemo(() => {
    if (all === null) return null;
    const projection = projectionFor(clusters, all);
    const own = countryOf(mostReported(clusters), all);
    return { projection, land: outlines(all, projection, own) };
  }, [all, shown]);
  if (failed.value) return <p class="fault">{say("map.failed")}</p>;
  if (drawn === null) return <p class="hint">{say("loading")}</p>;
  const spots = clusters.map((cluster) => {
    const [x, y] = drawn.projection([cluster.lon, cluster.lat]) ?? [-WIDTH, -HEIGHT];
    return { cluster, x, y };
  });
  return (
    <div class="map">
      <Canvas view={view.value} onView={(next) => (view.value = next)}>
        <Land land={drawn.land} view={view.value} />
        <Circles spots={spots} view={view.value} onCity={onCity} />
      </Canvas>
      <div class="map-buttons">
        <Zoom
          words={say("map.closer")}
          sign="+"
          onPress={() => (view.value = zoomed(view.value, CLOSER))}
        />
        <Zoom
          words={say("map.farther")}
          sign="−"
          onPress={() => (view.value = zoomed(view.value, 1 / CLOSER))}
        />
        <Zoom words={say("map.whole")} sign="⤢" onPress={() => (view.value = WHOLE)} />
      </div>
    </div>
  );
}

interface ZoomProps {
  readonly words: string;
  readonly sign: string;
  readonly onPress: () => void;
}

function Zoom({ words, sign, onPress }: ZoomProps) {
  return (
    <button type="button" class="quiet small" aria-label={words} title={words} onClick={onPress}>
      <span aria-hidden="true">{sign}</span>
    </button>
  );
}

interface CanvasProps {
  readonly view: View;
  readonly onView: (next: View) => void;
  readonly children: ComponentChildren;
}

/** The picture, moved by dragging and by the arrows, enlarged by + and -, pinching and pressing twice. */
function Canvas({ view, onView, children }: CanvasProps) {
  const picture = useRef<SVGSVGElement>(null);
  const drag = useRef<{ x: number; y: number; isMoving: boolean } | null>(null);
  const inPicture = (event: MouseEvent): readonly [number, number] => {
    const onScreen = picture.current?.getScreenCTM();
    if (onScreen == null) return [WIDTH / 2, HEIGHT / 2];
    const { x, y } = new DOMPoint(event.clientX, event.clientY).matrixTransform(onScreen.inverse());
    return [x, y];
  };
  return (
    // biome-ignore lint/a11y/useSemanticElements: a picture is no fieldset
    <svg
      ref={picture}
      class="map-picture"
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      role="group"
      aria-label={say("map.label")}
      aria-describedby="map-keys"
      tabindex={0}
      onKeyDown={(event) => {
        const next = event.ctrlKey || event.metaKey || event.altKey ? null : byKey(view, event.key);
        if (next === null) return;
        event.preventDefault();
        event.stopPropagation();
        onView(next);
      }}
      onWheel={(event) => {
        // Without Ctrl, or two fingers drawn apart, the page is scrolled.
        if (!event.ctrlKey) return;
        event.preventDefault();
        onView(zoomed(view, event.deltaY < 0 ? 1.15 : 1 / 1.15, inPicture(event)));
      }}
      onDblClick={(event) => onView(zoomed(view, CLOSER, inPicture(event)))}
      onPointerDown={(event) => {
        const [x, y] = inPicture(event);
        drag.current = { x, y, isMoving: false };
      }}
      onPointerMove={(event) => {
        const from = drag.current;
        if (from === null) return;
        const [x, y] = inPicture(event);
        if (!from.isMoving && Math.hypot(x - from.x, y - from.y) < DRAG_BEGINS) return;
        // Only now: a press that does not move is one on what lies below.
        if (!from.isMoving) picture.current?.setPointerCapture(event.pointerId);
        onView(moved(view, x - from.x, y - from.y));
        drag.current = { x, y, isMoving: true };
      }}
      onPointerUp={() => {
        drag.current = null;
      }}
      onPointerCancel={() => {
        drag.current = null;
      }}
    >
      {children}
    </svg>
  );
}

interface LandProps {
  readonly land: ReturnType<typeof outlines>;
  readonly view: View;
}

function Land({ land, view }: LandProps) {
  const paths = useMemo(
    () =>
      land.map(({ id, path, isOwn }) => (
        <path key={id} class={isOwn ? "land own" : "land"} d={path} />
      )),
    [land],
  );
  return (
    // biome-ignore lint/a11y/noAriaHiddenOnFocusable: nothing in it is focusable
    <g aria-hidden="true" transform={`translate(${view.x} ${view.y}) scale(${view.scale})`}>
      {paths}
    </g>
  );
}

interface CirclesProps {
  readonly spots: readonly { readonly cluster: Cluster; readonly x: number; readonly y: number }[];
  readonly view: View;
  readonly onCity: (place: string) => void;
}

function Circles({ spots, view, onCity }: CirclesProps) {
  const most = Math.max(0, ...spots.map(({ cluster }) => cluster.reports));
  const placed = spots.map(({ cluster, x, y }) => {
    const [atX, atY] = seen(view, [x, y]);
    const size = radius(cluster.reports, most, WIDEST, LEAST);
    return {
      cluster,
      x: atX,
      y: atY,
      radius: size,
      name: `${namesOf(cluster)} ${number(cluster.reports)}`,
    };
  });
  const inside = placed.filter(
    ({ x, y, radius: size }) => x > -size && y > -size && x < WIDTH + size && y < HEIGHT + size,
  );
  const named = labelled(inside, NAMED);
  return (
    <>
      {inside.map(({ cluster, x, y, radius: size }, at) => (
        <Circle
          key={cluster.place}
          cluster={cluster}
          x={x}
          y={y}
          size={size}
          isReached={at < BY_KEYBOARD}
          onCity={onCity}
        />
      ))}
      {/* biome-ignore lint/a11y/noAriaHiddenOnFocusable: nothing in it is focusable */}
      <g aria-hidden="true" class="map-names">
        {inside.map(({ cluster, x, y, radius: size, name }, at) => {
          const side = named.get(at);
          if (side === undefined) return null;
          return (
            <text
              key={cluster.place}
              class={side === "left" ? "end-aligned" : ""}
              x={side === "left" ? x - size - GAP : x + size + GAP}
              y={y + 4}
            >
              {name}
            </text>
          );
        })}
      </g>
    </>
  );
}

interface CircleProps {
  readonly cluster: Cluster;
  readonly x: number;
  readonly y: number;
  readonly size: number;
  readonly isReached: boolean;
  readonly onCity: (place: string) => void;
}

function Circle({ cluster, x, y, size, isReached, onCity }: CircleProps) {
  const open = () => onCity(cluster.place);
  const kind = cluster.is_region ? " region" : "";
  const inner = Math.max(4, size * 0.45);
  return (
    // biome-ignore lint/a11y/useSemanticElements: a picture holds no button of HTML
    <g
      class={`spot${kind}${cluster.urgent > 0 ? " urgent" : ""}`}
      role="button"
      tabindex={isReached ? 0 : -1}
      aria-label={toldOf(cluster)}
      onClick={open}
      onDblClick={(event) => event.stopPropagation()}
      onKeyDown={(event) => {
        if (event.key !== "Enter" && event.key !== " ") return;
        event.preventDefault();
        event.stopPropagation();
        open();
      }}
    >
      <title>{toldOf(cluster)}</title>
      <circle cx={x} cy={y} r={size} />
      {cluster.urgent > 0 && (
        <path
          class="urgent-mark"
          d={`M${x} ${y - inner}L${x + inner} ${y}L${x} ${y + inner}L${x - inner} ${y}Z`}
        />
      )}
    </g>
  );
}
