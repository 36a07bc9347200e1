/** What can be done with the rows that were chosen, above the list while there are any. */
import { STATES, type State } from "../api.ts";
import { mounts } from "../mounts.ts";
import { stateName } from "../shell/views.ts";
import { setState, toggle } from "../state/deciding.ts";
import { openExport } from "../state/exporting.ts";
import { chosen } from "../state/list.ts";
import { say } from "../words/say.ts";

export function Choice() {
  const ids = [...chosen.value];
  if (ids.length === 0) return null;
  return (
    <fieldset class="choice-bar">
      <legend>{say("choice.count", { count: ids.length })}</legend>
      <select
        aria-label={say("choice.state")}
        value=""
        onChange={(event) => {
          const state = STATES.find((each) => each === event.currentTarget.value);
          event.currentTarget.value = "";
          if (state !== undefined) void setState(ids, state);
        }}
      >
        <option value="">{say("choice.state")}</option>
        {STATES.map((state: State) => (
          <option key={state} value={state}>
            {say(stateName(state))}
          </option>
        ))}
      </select>
      <button type="button" class="quiet small" onClick={() => void toggle("starred", ids)}>
        {say("choice.star")}
      </button>
      <button type="button" class="quiet small" onClick={() => void toggle("read", ids)}>
        {say("choice.read")}
      </button>
      {mounts.ExportPanel !== undefined && (
        <button type="button" class="quiet small" onClick={() => openExport("chosen")}>
          {say("choice.export")}
        </button>
      )}
      <button
        type="button"
        class="quiet small"
        onClick={() => {
          chosen.value = new Set();
        }}
      >
        {say("choice.none")}
      </button>
    </fieldset>
  );
}
