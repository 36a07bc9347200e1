/** A plot of a few numbers as a table whose last column is a bar: read and heard alike. */
import type { ComponentChildren } from "preact";
import { number } from "../../../src/languages/messages.ts";
import { say } from "../words/say.ts";

export interface Bar {
  readonly key: string;
  readonly name: ComponentChildren;
  readonly n: number;
  /** How many of them are urgent. */
  readonly urgent?: number;
}

interface BarsProps {
  readonly caption: string;
  readonly head: string;
  readonly bars: readonly Bar[];
}

export function Bars({ caption, head, bars }: BarsProps) {
  const most = Math.max(1, ...bars.map(({ n }) => n));
  const hasUrgent = bars.some(({ urgent }) => urgent !== undefined);
  return (
    <table class="bars">
      <caption class="unseen">{caption}</caption>
      <thead>
        <tr>
          <th scope="col">{head}</th>
          <th scope="col">{say("bars.reports")}</th>
          {hasUrgent && <th scope="col">{say("row.urgent")}</th>}
          <td aria-hidden="true" />
        </tr>
      </thead>
      <tbody>
        {bars.map(({ key, name, n, urgent }) => (
          <tr key={key}>
            <th scope="row">{name}</th>
            <td>{number(n)}</td>
            {hasUrgent && <td>{urgent ? `◆ ${number(urgent)}` : ""}</td>}
            <td class="bar-cell" aria-hidden="true">
              <svg viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">
                <rect class="bar" width={(100 * n) / most} height="10" />
                {urgent !== undefined && urgent > 0 && (
                  <rect class="bar urgent" width={(100 * urgent) / most} height="10" />
                )}
              </svg>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
