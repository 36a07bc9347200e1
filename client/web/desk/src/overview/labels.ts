/** Which circles of the map have their name beside them: the larger first, none over another. */

export interface Spot {
  readonly x: number;
  readonly y: number;
  readonly radius: number;
  readonly name: string;
}

const LETTER = 7.4;
const LINE = 15;
const GAP = 3;

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

function boxOf({ x, y, radius, name }: Spot): Box {
  const left = x + radius + GAP;
  return {
    left,
    top: y - LINE / 2,
    right: left + name.length * LETTER,
    bottom: y + LINE / 2,
  };
}

/** The places in `spots` of those that are named. `spots`: the largest first. */
export function labelled(spots: readonly Spot[], most: number): ReadonlySet<number> {
  const taken: Box[] = [];
  const found = new Set<number>();
  spots.forEach((spot, at) => {
    const { x, y, radius } = spot;
    const box = boxOf(spot);
    const own: Box = { left: x - radius, top: y - radius, right: x + radius, bottom: y + radius };
    if (found.size < most && !taken.some((each) => meet(each, box))) {
      found.add(at);
      taken.push(box);
    }
    // The circles of the largest are not written over either.
    if (at < most) taken.push(own);
  });
  return found;
}
