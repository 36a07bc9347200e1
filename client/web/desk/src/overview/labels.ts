/** Which circles of the map have their name beside them: the larger first, none over another. */

export interface Spot {
  readonly x: number;
  readonly y: number;
  readonly radius: number;
  readonly name: string;
}

const LETTER = 7.4;
const LINE = 15;
export const GAP = 3;
export type Side = "right" | "left";

interface Box {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

function meet(one: Box, other: Box): boolean {
  return (
    one.left < other.right &&
    other.left < one.right &&
    one.top < other.bottom &&
    other.top < one.bottom
  );
}

function boxOf({ x, y, radius, name }: Spot, side: Side): Box {
  const length = name.length * LETTER;
  const left = side === "right" ? x + radius + GAP : x - radius - GAP - length;
  return { left, top: y - LINE / 2, right: left + length, bottom: y + LINE / 2 };
}

/** On which side those are named that are, by their places in `spots`: the largest first. */
export function labelled(spots: readonly Spot[], most: number): ReadonlyMap<number, Side> {
  // The circles of the largest are not written over either.
  const circles = spots.slice(0, most).map(
    ({ x, y, radius }): Box => ({
      left: x - radius,
      top: y - radius,
      right: x + radius,
      bottom: y + radius,
    }),
  );
  const names: Box[] = [];
  const found = new Map<number, Side>();
  spots.forEach((spot, at) => {
    if (found.size >= most) return;
    const isFree = (box: Box) =>
      !names.some((each) => meet(each, box)) &&
      !circles.some((each, other) => other !== at && meet(each, box));
    const side = (["right", "left"] as const).find((each) => isFree(boxOf(spot, each)));
    if (side === undefined) return;
    found.set(at, side);
    names.push(boxOf(spot, side));
  });
  return found;
}
