/** The screen that puts the app on the home screen, by its own name or a neutral one. */
import { useSignal } from "@preact/signals";
import { say, size } from "../../languages/messages.ts";
import { Button, Notice, Title } from "../controls.tsx";
import { installer, isNeutral, setNeutral } from "../installing.ts";
import { engine, readAgain, room } from "../session.ts";
import { errorWords } from "../words.ts";

export function Install() {
  return (
    <section>
      <Title>{say("install.title")}</Title>
      {__SINGLE_FILE__ && <Notice>{say("install.isFile")}</Notice>}
      {!__SINGLE_FILE__ && !isSecureContext && <Notice>{say("install.plain")}</Notice>}
      {!__SINGLE_FILE__ && isSecureContext && <HomeScreen />}
      <Keeping />
    </section>
  );
}

function HomeScreen() {
  const prompt = installer.value;
  return (
    <div class="panel">
      <p>{say("install.what")}</p>
      <fieldset class="group">
        <legend>{say("install.choice")}</legend>
        <div class="choices">
          {[false, true].map((neutral) => (
            <label key={String(neutral)} class="choice">
              <input
                type="radio"
                autoComplete="off"
                name="name"
                checked={isNeutral.value === neutral}
                onChange={() => setNeutral(neutral)}
              />
              <img src={neutral ? "notes.svg" : "icon.svg"} alt="" width="28" height="28" />
              <span>{say(neutral ? "install.neutral" : "install.own")}</span>
            </label>
          ))}
        </div>
      </fieldset>
      {prompt === null ? (
        <p>{say("install.how")}</p>
      ) : (
        <Button kind="main" onPress={() => void prompt.prompt()}>
          {say("install.now")}
        </Button>
      )}
    </div>
  );
}

function Keeping() {
  const error = useSignal("");
  const { used, most, isPersistent } = room.value ?? { used: 0, most: null, isPersistent: false };
  const keep = async () => {
    error.value = "";
    try {
      await engine().persist();
      await readAgain();
    } catch (thrown) {
      error.value = errorWords(thrown);
    }
  };
  return (
    <div class="panel">
      <p>
        {most === null
          ? say("install.roomUsed", { used: size(used) })
          : say("install.room", { used: size(used), most: size(most) })}
      </p>
      <p>{say(isPersistent ? "install.kept" : "install.notKept")}</p>
      {!isPersistent && <Button onPress={() => void keep()}>{say("install.keep")}</Button>}
      {error.value !== "" && <Notice kind="bad">{error.value}</Notice>}
    </div>
  );
}
