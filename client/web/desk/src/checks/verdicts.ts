/** What a figure is beside the others of its table. No DOM. */
import type { FigureRow, Said } from "./answers.ts";

/** `open`: nothing is said of it, as nobody else counts it or most allow no number. */
export type Verdict = "agrees" | "contradicts" | "among" | "apart" | "open" | "out";

/** Whether there are several whose numbers can be laid beside each other. */
export function isCompared({ sources }: Pick<FigureRow, "sources">): boolean {
  return sources > 1;
}

/** In an incident only who is outside of what most allow stands apart: without most nobody does. */
export function verdictOf(
  said: Pick<Said, "counts" | "agrees">,
  row: Pick<FigureRow, "mine" | "sources"> & {
    readonly others: readonly Pick<Said, "counts" | "agrees">[];
  },
): Verdict {
  if (!said.counts) return "out";
  if (row.mine !== null) {
    if (!said.agrees) return "contradicts";
    return isCompared(row) ? "agrees" : "open";
  }
  const hasMost = row.others.some((each) => each.counts && each.agrees);
  if (!isCompared(row) || !hasMost) return "open";
  return said.agrees ? "among" : "apart";
}
