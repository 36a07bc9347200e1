/**
 * Blacks out parts of a picture, by pointer or keyboard, and saves what the desk makes of it: a new
 * picture without any metadata. What is on the screen is never the file that goes out.
 */
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { Rendition, Shown } from "../api.ts";
import { save } from "../checks/saving.ts";
import { download, wordsOf } from "../client.ts";
import { tell } from "../state/navigation.ts";
import { say } from "../words/say.ts";
import {
  asked,
  type Box,
  between,
  isDrawn,
  MOST_BOXES,
  moved,
  type Point,
  sized,
} from "./boxes.ts";

interface BlackOutProps {
  readonly report: string;
  readonly file: number;
  readonly shown: Shown & { readonly rendition: Rendition };
  /** A better rendition that has come meanwhile, by its name. */
  readonly better: string | null;
  readonly onBetter: () => void;
  readonly onDone: () => void;
}

const NEW_BOX: Box = { x: 0.4, y: 0.4, width: 0.2, height: 0.2 };
const STEP = 0.01;
const LARGE_STEP = 0.05;
const STEPS: Readonly<Record<string, Point>> = {
  ArrowLeft: { x: -1, y: 0 },
  ArrowRight: { x: 1, y: 0 },
  ArrowUp: { x: 0, y: -1 },
  ArrowDown: { x: 0, y: 1 },
};

export function BlackOut(props: BlackOutProps) {
  const { report, file, shown, better, onBetter, onDone } = props;
  const boxes = useSignal<readonly Box[]>([]);
  const drawn = useSignal<{ readonly from: Point; readonly box: Box } | null>(null);
  const isMaking = useSignal(false);
  const isNew = useSignal(false);
  const area = useRef<SVGSVGElement>(null);
  // Whoever adds one by a key goes on with it.
  useEffect(() => {
    if (!isNew.value) return;
    isNew.value = false;
    (area.current?.lastElementChild as SVGElement | null)?.focus();
  }, [isNew.value]);
  const { width = 1, height = 1 } = shown;

  const add = (box: Box) => {
    if (boxes.value.length < MOST_BOXES) boxes.value = [...boxes.value, box];
  };
  const replace = (at: number, box: Box | null) => {
    boxes.value = boxes.value.flatMap((each, index) =>
      index !== at ? [each] : box === null ? [] : [box],
    );
  };
  const pointAt = (event: PointerEvent): Point => {
    const { left, top, width, height } = (area.current as SVGSVGElement).getBoundingClientRect();
    return { x: (event.clientX - left) / width, y: (event.clientY - top) / height };
  };
  const onKey = (event: KeyboardEvent, at: number, box: Box) => {
    const step = STEPS[event.key];
    if (step !== undefined) {
      const by = event.ctrlKey ? LARGE_STEP : STEP;
      const change = event.shiftKey ? sized : moved;
      replace(at, change(box, { x: step.x * by, y: step.y * by }));
    } else if (event.key === "Delete" || event.key === "Backspace") replace(at, null);
    else return;
    event.preventDefault();
    // The list's own keys are the same.
    event.stopPropagation();
  };
  const make = async () => {
    isMaking.value = true;
    try {
      const { rendition } = shown;
      const wanted = { report, file, rendition, boxes: boxes.value.map(asked) };
      save(await download("/api/media/black-out", wanted));
    } catch (error) {
      tell(wordsOf(error), "bad");
    }
    isMaking.value = false;
  };

  return (
    <fieldset class="blacking">
      <legend>{say("media.blackOut")}</legend>
      <p class="hint">{say("media.blackOutHint")}</p>
      {better !== null && (
        <p class="hint">
          {say("media.better", { rendition: better })}{" "}
          <button type="button" class="link" onClick={onBetter}>
            {say("media.useBetter")}
          </button>
        </p>
      )}
      <div class="blacking-area">
        <img src={shown.url} alt={say("media.blackOutPicture")} draggable={false} />
        <svg
          ref={area}
          viewBox={`0 0 ${width} ${height}`}
          preserveAspectRatio="none"
          aria-label={say("media.boxes")}
          onPointerDown={(event) => {
            if (event.button !== 0 || (event.target as Element).tagName === "rect") return;
            const from = pointAt(event);
            event.currentTarget.setPointerCapture(event.pointerId);
            drawn.value = { from, box: between(from, from) };
          }}
          onPointerMove={(event) => {
            if (drawn.value === null) return;
            const { from } = drawn.value;
            drawn.value = { from, box: between(from, pointAt(event)) };
          }}
          onPointerUp={() => {
            if (drawn.value !== null && isDrawn(drawn.value.box)) add(drawn.value.box);
            drawn.value = null;
          }}
          onPointerCancel={() => {
            drawn.value = null;
          }}
        >
          {boxes.value.map((box, at) => (
            // biome-ignore lint/a11y/useSemanticElements: a drawing has no other buttons
            <rect
              key={at}
              x={box.x * width}
              y={box.y * height}
              width={box.width * width}
              height={box.height * height}
              tabindex={0}
              role="button"
              aria-label={say("media.box", { number: at + 1 })}
              aria-keyshortcuts="ArrowLeft ArrowRight ArrowUp ArrowDown Delete"
              onKeyDown={(event) => onKey(event, at, box)}
            />
          ))}
          {drawn.value !== null && (
            <rect
              class="drawn"
              x={drawn.value.box.x * width}
              y={drawn.value.box.y * height}
              width={drawn.value.box.width * width}
              height={drawn.value.box.height * height}
            />
          )}
        </svg>
      </div>
      <p class="media-actions">
        <button
          type="button"
          class="quiet small"
          onClick={() => {
            add(NEW_BOX);
            isNew.value = true;
          }}
        >
          {say("media.addBox")}
        </button>
        <button
          type="button"
          class="quiet small"
          disabled={boxes.value.length === 0}
          onClick={() => replace(boxes.value.length - 1, null)}
        >
          {say("media.removeBox")}
        </button>
        <button type="button" class="main small" disabled={isMaking.value} onClick={make}>
          {say("media.saveBlackedOut", { count: boxes.value.length })}
        </button>
        <button type="button" class="quiet small" onClick={onDone}>
          {say("close")}
        </button>
      </p>
    </fieldset>
  );
}
