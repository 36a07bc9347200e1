/** A file as a still picture: the smallest rendition first, better ones as they come. */
import { useSignal } from "@preact/signals";
import type { Rendition } from "../api.ts";
import { type Kind, stillForm } from "./kinds.ts";
import { type Showing, useShown } from "./showing.ts";

interface Best extends Showing {
  /** The one that is wanted now. */
  readonly rendition: Rendition;
  /** From now on this one, whatever comes. */
  readonly choose: (rendition: Rendition) => void;
}

export function useBest(
  report: string,
  file: number,
  kind: Kind,
  renditions: readonly Rendition[],
): Best {
  const chosen = useSignal<Rendition | null>(null);
  const reached = useSignal(0);
  // One after the other, so that something is there at once and the best in the end.
  const next = renditions[Math.min(reached.value, renditions.length - 1)] ?? "thumbnail";
  const rendition = chosen.value ?? next;
  const form = stillForm(kind, rendition);
  const showing = useShown(renditions.length === 0 ? null : { report, file, rendition, form });
  const isDone = showing.shown?.rendition === rendition || showing.failure !== "";
  if (isDone && chosen.value === null && reached.value < renditions.length - 1) {
    queueMicrotask(() => {
      reached.value += 1;
    });
  }
  return {
    ...showing,
    rendition,
    choose: (wanted) => {
      chosen.value = wanted;
    },
  };
}
