/** What the desk says by itself: that the session is over, that nobody answers, what was done. */
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { Form } from "../../../src/app/controls.tsx";
import { link, login, wordsOf } from "../client.ts";
import { said } from "../state/navigation.ts";
import { say } from "../words/say.ts";

const TOAST_MS = 6_000;

/** Without a session nothing of the desk is shown; a newer link can be pasted. */
export function Over() {
  const typed = useSignal("");
  const failure = useSignal("");
  const send = async () => {
    failure.value = "";
    try {
      await login(typed.value.trim().replace(/^.*#/, ""));
      // Pictures come from a port that this page may not know yet.
      location.reload();
    } catch (error) {
      failure.value = wordsOf(error);
    }
  };
  return (
    <main class="lone">
      <h1>{say("over.title")}</h1>
      <p>{say("over.words")}</p>
      <Form onSend={() => void send()}>
        <label>
          {say("over.link")}
          <input
            type="text"
            autoComplete="off"
            spellcheck={false}
            value={typed.value}
            onInput={(event) => {
              typed.value = event.currentTarget.value;
            }}
          />
        </label>
        <button type="submit" class="main">
          {say("over.enter")}
        </button>
        {(failure.value !== "" || said.value?.kind === "bad") && (
          <p class="fault" role="alert">
            {failure.value || said.value?.words}
          </p>
        )}
      </Form>
    </main>
  );
}

export function Gone() {
  return (
    <div class="strip bad" role="alert">
      {say("gone.words")}
    </div>
  );
}

function shut(): void {
  said.value = null;
}

/**
 * Said for a while below what is being read, which makes room for it; it is read out, too. What
 * went wrong stays until it is closed.
 */
export function Toast() {
  const shown = said.value;
  useEffect(() => {
    if (shown === null || shown.kind === "bad") return;
    const timer = setTimeout(shut, TOAST_MS);
    return () => clearTimeout(timer);
  }, [shown]);
  return (
    <div class="toasts" role="status">
      {shown !== null && link.value !== "over" && (
        <div class={`toast ${shown.kind}`}>
          <p>{shown.words}</p>
          {shown.kind === "bad" && (
            <button type="button" class="quiet small" onClick={shut}>
              {say("close")}
            </button>
          )}
        </div>
      )}
    </div>
  );
}
