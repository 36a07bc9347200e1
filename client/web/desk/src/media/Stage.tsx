/** A picture in a frame: closer and farther by the wheel, moved by dragging, both at the pointer. */
import type { Signal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import type { Rendition, Shown } from "../api.ts";
import { say } from "../words/say.ts";
import { RENDITION_NAMES } from "./Caption.tsx";
import { CLOSER, frameOf, pushed, type Size, scaleOf, type View, WHOLE, zoomed } from "./view.ts";

interface StageProps {
  readonly shown: (Shown & { readonly rendition: Rendition }) | null;
  readonly picture: Size;
  readonly view: Signal<View>;
  readonly room: Signal<Size>;
  readonly onLost: () => void;
  readonly children: ComponentChildren;
}

export function Stage({ shown, picture, view, room, onLost, children }: StageProps) {
  const box = useRef<HTMLDivElement>(null);
  const drag = useRef<{ readonly x: number; readonly y: number } | null>(null);
  useLayoutEffect(() => {
    const stage = box.current;
    if (stage === null) return;
    const measure = () => {
      room.value = { width: stage.clientWidth, height: stage.clientHeight };
    };
    measure();
    const watch = new ResizeObserver(measure);
    watch.observe(stage);
    return () => watch.disconnect();
  }, [room]);
  // Where the focus went with the file before.
  useEffect(() => {
    if (document.activeElement === document.body) box.current?.focus();
  }, []);
  const at = (event: MouseEvent) => {
    const { left, top, width, height } = (box.current as HTMLElement).getBoundingClientRect();
    return { x: (event.clientX - left) / width, y: (event.clientY - top) / height };
  };
  const frame = frameOf(view.value, picture, room.value);
  return (
    // biome-ignore lint/a11y/useSemanticElements: a picture is no fieldset
    <div
      ref={box}
      class="stage"
      role="group"
      // biome-ignore lint/a11y/noNoninteractiveTabindex: the arrows move it
      tabIndex={0}
      aria-label={say("media.stage")}
      onWheel={(event) => {
        event.preventDefault();
        const by = event.deltaY < 0 ? CLOSER : 1 / CLOSER;
        view.value = zoomed(view.value, by, picture, room.value, at(event));
      }}
      onDblClick={(event) => {
        const scale = scaleOf(view.value, picture, room.value);
        const isReal = Math.abs(scale - 1) < 0.001;
        view.value = isReal ? WHOLE : zoomed(view.value, 1 / scale, picture, room.value, at(event));
      }}
      onPointerDown={(event) => {
        if (event.button !== 0) return;
        event.currentTarget.setPointerCapture(event.pointerId);
        drag.current = { x: event.clientX, y: event.clientY };
      }}
      onPointerMove={(event) => {
        const from = drag.current;
        if (from === null) return;
        drag.current = { x: event.clientX, y: event.clientY };
        const [dx, dy] = [event.clientX - from.x, event.clientY - from.y];
        view.value = pushed(view.value, dx, dy, picture, room.value);
      }}
      onPointerUp={() => {
        drag.current = null;
      }}
      onPointerCancel={() => {
        drag.current = null;
      }}
    >
      {shown !== null && (
        <img
          src={shown.url}
          alt={say("media.alt", { rendition: say(RENDITION_NAMES[shown.rendition]) })}
          draggable={false}
          style={{
            left: `${frame.left}px`,
            top: `${frame.top}px`,
            width: `${frame.width}px`,
            height: `${frame.height}px`,
          }}
          onError={onLost}
        />
      )}
      {children}
    </div>
  );
}
