/** What is known of something on its way out: no more than relays have signed for. */
import type { Sent } from "../api.ts";
import { say } from "../words/say.ts";
import { dayOf, exact, moment } from "../words/times.ts";

export function SentState({ sent }: { readonly sent: Sent }) {
  const otherwise = sent.state === "refused" ? "mark bad" : "mark warn";
  return (
    <p class="hint sent">
      <time title={exact(sent.at_s)}>{moment(sent.at_s)}</time>
      <span class={sent.relays.length > 0 ? "mark good" : otherwise}>{sent.words}</span>
      {sent.relays.map(({ name, day }) => (
        <span key={name}>
          {say("sent.relay", { day: dayOf(day) })} <bdi>{name}</bdi>
        </span>
      ))}
    </p>
  );
}
