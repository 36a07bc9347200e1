/** What of the map is seen: enlarged `scale` times, moved by x and y, in units of the picture. */
import { HEIGHT, WIDTH } from "./atlas.ts";

export interface View {
  readonly scale: number;
  readonly x: number;
  readonly y: number;
}

export const WHOLE: View = { scale: 1, x: 0, y: 0 };
export const CLOSER = 1.6;
const MOST = 60;
const LEAST = 0.5;

/** Some of the map always stays in the picture. */
function kept({ scale, x, y }: View): View {
  return {
    scale,
    x: Math.min(WIDTH * 0.9, Math.max(x, WIDTH * (0.1 - scale))),
    y: Math.min(HEIGHT * 0.9, Math.max(y, HEIGHT * (0.1 - scale))),
  };
}

/** Enlarged by `factor`; what is at this point of the picture stays there. */
export function zoomed(
  { scale, x, y }: View,
  factor: number,
  [atX, atY]: readonly [number, number] = [WIDTH / 2, HEIGHT / 2],
): View {
  const next = Math.min(MOST, Math.max(LEAST, scale * factor));
  const by = next / scale;
  return kept({ scale: next, x: atX - (atX - x) * by, y: atY - (atY - y) * by });
}

export function moved({ scale, x, y }: View, byX: number, byY: number): View {
  return kept({ scale, x: x + byX, y: y + byY });
}

/** Where a point of the whole map is seen. */
export function seen(
  { scale, x, y }: View,
  [atX, atY]: readonly [number, number],
): readonly [number, number] {
  return [atX * scale + x, atY * scale + y];
}

const STEP = 60;

/** What a key does with the view, or null for a key that does nothing. */
export function byKey(view: View, key: string): View | null {
  switch (key) {
    case "+":
    case "=":
      return zoomed(view, CLOSER);
    case "-":
      return zoomed(view, 1 / CLOSER);
    case "0":
      return WHOLE;
    case "ArrowLeft":
      return moved(view, STEP, 0);
    case "ArrowRight":
      return moved(view, -STEP, 0);
    case "ArrowUp":
      return moved(view, 0, STEP);
    case "ArrowDown":
      return moved(view, 0, -STEP);
    default:
      return null;
  }
}
