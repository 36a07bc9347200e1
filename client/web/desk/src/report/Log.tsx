/** Every decision about a report or an incident, in its order. */
import type { Logged } from "../api.ts";
import { say } from "../words/say.ts";
import { exact, moment } from "../words/times.ts";

export function Log({ log }: { readonly log: readonly Logged[] }) {
  return (
    <details class="log">
      <summary>{say("log.title", { count: log.length })}</summary>
      <ol>
        {log.map(({ id, at_s, ours, author, words }) => (
          <li key={id}>
            <time title={exact(at_s)}>{moment(at_s)}</time>{" "}
            <span class="hint">
              {ours ? say("log.ours") : say("log.theirs", { editor: author.slice(0, 8) })}
            </span>{" "}
            <bdi>{words}</bdi>
          </li>
        ))}
      </ol>
    </details>
  );
}
