/** A span of the timeline that is chosen: steps by their numbers, from `first` to `last` with both. */

export interface Chosen {
  readonly first: number;
  readonly last: number;
}

/** Between where the pointer went down and where it is, within the timeline. */
export function between(one: number, other: number, steps: number): Chosen {
  const within = (at: number) => Math.min(steps - 1, Math.max(0, at));
  return { first: within(Math.min(one, other)), last: within(Math.max(one, other)) };
}

/** One end moved by a key; the ends do not pass each other. null for a key that moves nothing. */
export function movedEnd(
  { first, last }: Chosen,
  end: "first" | "last",
  key: string,
  steps: number,
): Chosen | null {
  const [least, most] = end === "first" ? [0, last] : [first, steps - 1];
  const now = end === "first" ? first : last;
  const to: Readonly<Record<string, number>> = {
    ArrowLeft: now - 1,
    ArrowDown: now - 1,
    ArrowRight: now + 1,
    ArrowUp: now + 1,
    PageDown: now - 6,
    PageUp: now + 6,
    Home: least,
    End: most,
  };
  const wanted = to[key];
  if (wanted === undefined) return null;
  const at = Math.min(most, Math.max(least, wanted));
  return end === "first" ? { first: at, last } : { first, last: at };
}
