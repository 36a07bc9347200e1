/** How asking the relays goes, at the foot of the left column. */
import { ask, wordsOf } from "../client.ts";
import { pull } from "../state/desk.ts";
import { tell } from "../state/navigation.ts";
import { say } from "../words/say.ts";
import { moment } from "../words/times.ts";

export function Pulling() {
  const state = pull.value;
  if (state === null) return null;
  const reached = state.relays.filter((each) => each.reached).length;
  const isWell = state.state !== "failed" && (state.relays.length === 0 || reached > 0);
  const now = async () => {
    try {
      await ask("/api/pull", {});
    } catch (error) {
      tell(wordsOf(error), "bad");
    }
  };
  return (
    <div class="pulling">
      <p class={isWell ? "lamp good" : "lamp bad"}>{state.words}</p>
      {state.last_s !== null && (
        <p class="hint">{say("pull.last", { when: moment(state.last_s) })}</p>
      )}
      <button type="button" class="quiet small" onClick={() => void now()}>
        {say("pull.now")}
      </button>
    </div>
  );
}
