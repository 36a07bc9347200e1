/** How asking the relays goes, at the foot of the left column. */
import type { PullState } from "../api.ts";
import { ask, link, wordsOf } from "../client.ts";
import { pull } from "../state/desk.ts";
import { tell } from "../state/navigation.ts";
import { say } from "../words/say.ts";
import { moment } from "../words/times.ts";

export function Pulling() {
  const state = pull.value;
  if (state === null) return null;
  // Nobody is there who could know it.
  const isUnknown = link.value === "gone";
  const lamp = isUnknown || state.state === "idle" ? "unknown" : isWell(state) ? "good" : "bad";
  const now = async () => {
    try {
      await ask("/api/pull", {});
    } catch (error) {
      tell(wordsOf(error), "bad");
    }
  };
  return (
    <div class="pulling">
      <p class={`lamp ${lamp}`}>{isUnknown ? say("pull.unknown") : state.words}</p>
      {state.last_s !== null && (
        <p class="hint">{say("pull.last", { when: moment(state.last_s) })}</p>
      )}
      <button type="button" class="quiet small" disabled={isUnknown} onClick={() => void now()}>
        {say("pull.now")}
      </button>
    </div>
  );
}

function isWell({ state, relays }: PullState): boolean {
  return state !== "failed" && (relays.length === 0 || relays.some(({ reached }) => reached));
}
