/** Boxes over a picture, in parts of 1: drawn, moved, made larger; never outside the picture. */

export interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}
export interface Point {
  readonly x: number;
  readonly y: number;
}

export const MOST_BOXES = 200;
/** Smaller ones were a click. */
const LEAST = 0.004;

const within = (value: number, most: number) => Math.min(Math.max(value, 0), most);

/** From one corner to the other. */
export function between(one: Point, other: Point): Box {
  const [left, right] = [one.x, other.x].map((x) => within(x, 1)).sort((a, b) => a - b);
  const [top, bottom] = [one.y, other.y].map((y) => within(y, 1)).sort((a, b) => a - b);
  if (left === undefined || right === undefined || top === undefined || bottom === undefined) {
    return { x: 0, y: 0, width: 0, height: 0 };
  }
  return { x: left, y: top, width: right - left, height: bottom - top };
}

export function isDrawn({ width, height }: Box): boolean {
  return width >= LEAST && height >= LEAST;
}

export function moved(box: Box, by: Point): Box {
  return {
    ...box,
    x: within(box.x + by.x, 1 - box.width),
    y: within(box.y + by.y, 1 - box.height),
  };
}

export function sized(box: Box, by: Point): Box {
  return {
    ...box,
    width: Math.max(LEAST, within(box.width + by.x, 1 - box.x)),
    height: Math.max(LEAST, within(box.height + by.y, 1 - box.y)),
  };
}

/** As the desk is asked for it. */
export function asked({ x, y, width, height }: Box): [number, number, number, number] {
  return [x, y, width, height];
}
