/** Reports an hour, as they arrived and as they were written; a span of it narrows the inbox. */
import { useSignal } from "@preact/signals";
import { useRef } from "preact/hooks";
import { number } from "../../../src/languages/messages.ts";
import { say } from "../words/say.ts";
import type { Hour } from "./answer.ts";
import { between, type Chosen, movedEnd } from "./brush.ts";
import { filled, ticks, timeTicks } from "./scales.ts";
import { hourOf, tickOf } from "./wording.ts";

const WIDTH = 960;
const HEIGHT = 190;
const LEFT = 44;
const RIGHT = 24;
const TOP = 10;
const BOTTOM = 24;
const INNER = WIDTH - LEFT - RIGHT;
const BASE = HEIGHT - BOTTOM;

interface TimelineProps {
  readonly hours: readonly Hour[];
  readonly step_s: number;
  /** Arrived from the first moment on, before the second. */
  readonly onSpan: (from_s: number, until_s: number) => void;
}

export function Timeline({ hours, step_s, onSpan }: TimelineProps) {
  const chosen = useSignal<Chosen | null>(null);
  const steps = filled(hours, step_s, (hour_s) => ({ hour_s, written: 0, arrived: 0 }));
  const [first] = steps;
  if (first === undefined) return <p class="hint">{say("overview.none")}</p>;
  const last = steps.length - 1;
  const span =
    chosen.value === null ? null : between(chosen.value.first, chosen.value.last, steps.length);
  const momentOf = (at: number) => first.hour_s + at * step_s;
  return (
    <>
      <Drawing
        steps={steps}
        step_s={step_s}
        span={span}
        onChoose={(next) => {
          chosen.value = next;
        }}
      />
      <div class="row brush">
        <End
          words={say("timeline.from")}
          at={span?.first ?? 0}
          most={last}
          told={hourOf(momentOf(span?.first ?? 0))}
          onKey={(key) => movedEnd(span ?? { first: 0, last }, "first", key, steps.length)}
          onMoved={(next) => (chosen.value = next)}
        />
        <End
          words={say("timeline.until")}
          at={span?.last ?? last}
          most={last}
          told={hourOf(momentOf((span?.last ?? last) + 1))}
          onKey={(key) => movedEnd(span ?? { first: 0, last }, "last", key, steps.length)}
          onMoved={(next) => (chosen.value = next)}
        />
        <button
          type="button"
          class="small main"
          disabled={span === null}
          onClick={() => {
            if (span !== null) onSpan(momentOf(span.first), momentOf(span.last + 1));
          }}
        >
          {span === null
            ? say("timeline.choose")
            : say("timeline.show", {
                count: steps
                  .slice(span.first, span.last + 1)
                  .reduce((sum, { arrived }) => sum + arrived, 0),
              })}
        </button>
        {span !== null && (
          <button type="button" class="small quiet" onClick={() => (chosen.value = null)}>
            {say("timeline.all")}
          </button>
        )}
      </div>
    </>
  );
}

interface EndProps {
  readonly words: string;
  readonly at: number;
  readonly most: number;
  readonly told: string;
  readonly onKey: (key: string) => Chosen | null;
  readonly onMoved: (next: Chosen) => void;
}

/** One end of the span, moved by the arrows. */
function End({ words, at, most, told, onKey, onMoved }: EndProps) {
  return (
    <span
      class="end"
      role="slider"
      tabIndex={0}
      aria-label={words}
      aria-valuemin={0}
      aria-valuemax={most}
      aria-valuenow={at}
      aria-valuetext={told}
      onKeyDown={(event) => {
        const next = onKey(event.key);
        if (next === null) return;
        event.preventDefault();
        event.stopPropagation();
        onMoved(next);
      }}
    >
      <small>{words}</small> {told}
    </span>
  );
}

interface DrawingProps {
  readonly steps: readonly Hour[];
  readonly step_s: number;
  readonly span: Chosen | null;
  readonly onChoose: (next: Chosen) => void;
}

function Drawing({ steps, step_s, span, onChoose }: DrawingProps) {
  const picture = useRef<SVGSVGElement>(null);
  const begun = useRef<number | null>(null);
  const most = Math.max(1, ...steps.map(({ written, arrived }) => Math.max(written, arrived)));
  const marks = ticks(most);
  const top = marks.at(-1) ?? most;
  const wide = INNER / steps.length;
  const heightOf = (n: number) => ((BASE - TOP) * n) / top;
  const from_s = steps[0]?.hour_s ?? 0;
  const xOf = (at_s: number) => LEFT + ((at_s - from_s) / step_s) * wide;
  const stepAt = (event: MouseEvent): number => {
    const box = picture.current?.getBoundingClientRect();
    if (box === undefined || box.width === 0) return 0;
    return Math.floor((((event.clientX - box.left) / box.width) * WIDTH - LEFT) / wide);
  };
  const line = steps
    .map(({ written }, at) => {
      const y = BASE - heightOf(written);
      return `${at === 0 ? "M" : "L"}${(LEFT + at * wide).toFixed(1)} ${y.toFixed(1)}h${wide.toFixed(2)}`;
    })
    .join("");
  return (
    <svg
      ref={picture}
      class="timeline"
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      role="img"
      aria-label={say("timeline.told", {
        from: hourOf(from_s),
        until: hourOf(from_s + steps.length * step_s),
        most: number(most),
      })}
      onPointerDown={(event) => {
        picture.current?.setPointerCapture(event.pointerId);
        begun.current = stepAt(event);
        onChoose(between(begun.current, begun.current, steps.length));
      }}
      onPointerMove={(event) => {
        if (begun.current !== null) onChoose(between(begun.current, stepAt(event), steps.length));
      }}
      onPointerUp={() => {
        begun.current = null;
      }}
      onPointerCancel={() => {
        begun.current = null;
      }}
    >
      {marks.map((mark) => (
        <g key={mark}>
          <path class="grid" d={`M${LEFT} ${BASE - heightOf(mark)}H${WIDTH - RIGHT}`} />
          <text class="axis end-aligned" x={LEFT - 6} y={BASE - heightOf(mark) + 4}>
            {number(mark)}
          </text>
        </g>
      ))}
      {timeTicks(from_s, from_s + steps.length * step_s, 10).map((at_s) => (
        <g key={at_s}>
          <path class="grid" d={`M${xOf(at_s)} ${BASE}v5`} />
          <text class="axis middle-aligned" x={xOf(at_s)} y={HEIGHT - 6}>
            {tickOf(at_s)}
          </text>
        </g>
      ))}
      {span !== null && (
        <rect
          class="chosen-span"
          x={LEFT + span.first * wide}
          y={TOP}
          width={(span.last - span.first + 1) * wide}
          height={BASE - TOP}
        />
      )}
      {steps.map(({ hour_s, arrived }, at) =>
        arrived === 0 ? null : (
          <rect
            key={hour_s}
            class="bar"
            x={LEFT + at * wide + wide * 0.1}
            y={BASE - heightOf(arrived)}
            width={wide * 0.8}
            height={heightOf(arrived)}
          />
        ),
      )}
      <path class="written-line" d={line} />
    </svg>
  );
}
