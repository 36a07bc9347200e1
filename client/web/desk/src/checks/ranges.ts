/** Where ranges of numbers lie on a common scale, and how they are said. No DOM. */
import { number } from "../../../src/languages/messages.ts";
import { say } from "../words/say.ts";
import type { FigureRow, Range } from "./answers.ts";

/** The lowest and the highest number that is drawn. */
export type Scale = Range;

/** So narrow a bar is still seen. */
const LEAST_WIDTH = 1.5;

export function rangeWords({ minimum, maximum }: Range): string {
  if (minimum === maximum) return number(minimum);
  return say("figures.from", { minimum: number(minimum), maximum: number(maximum) });
}

export function scaleOf(row: Pick<FigureRow, "mine" | "others">): Scale {
  const all: readonly Range[] = row.mine === null ? row.others : [row.mine, ...row.others];
  return {
    minimum: Math.min(...all.map(({ minimum }) => minimum)),
    maximum: Math.max(...all.map(({ maximum }) => maximum)),
  };
}

/** In hundredths of the scale; never outside of it. */
export function spanOf(
  range: Range,
  scale: Scale,
): { readonly from: number; readonly width: number } {
  const whole = scale.maximum - scale.minimum;
  // All say one number: it fills nothing.
  if (whole === 0) return { from: (100 - LEAST_WIDTH) / 2, width: LEAST_WIDTH };
  const at = (value: number) => (100 * (value - scale.minimum)) / whole;
  const width = Math.max(LEAST_WIDTH, at(range.maximum) - at(range.minimum));
  return { from: Math.min(at(range.minimum), 100 - width), width };
}
