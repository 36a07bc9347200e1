/** Asks once which country the person is in: only then can it be said that a report has left it. */
import { useSignal } from "@preact/signals";
import { useMemo } from "preact/hooks";
import { countries, language, say } from "../../languages/messages.ts";
import { Notice } from "../controls.tsx";
import { engine, home, readAgain } from "../session.ts";
import { errorWords } from "../words.ts";

export function Home() {
  const error = useSignal("");
  const spoken = language.value;
  const known = useMemo(countries, [spoken]);
  const keep = async (code: string) => {
    error.value = "";
    try {
      await engine().setHomeCountry(code);
      await readAgain();
    } catch (thrown) {
      error.value = errorWords(thrown);
    }
  };
  return (
    <section class="panel">
      <div class="field">
        <label for="home">{say("home.label")}</label>
        <select
          id="home"
          autoComplete="off"
          aria-describedby="home-hint"
          value={home.value}
          onChange={(event) => void keep(event.currentTarget.value)}
        >
          <option value="">{say("home.unsaid")}</option>
          {known.map(({ code, name }) => (
            <option key={code} value={code}>
              {name}
            </option>
          ))}
        </select>
        <p class="hint" id="home-hint">
          {say("home.hint")}
        </p>
      </div>
      {error.value !== "" && <Notice kind="bad">{error.value}</Notice>}
    </section>
  );
}
