/** The screen of the code: made, written down, hidden again, checked. It is kept nowhere. */
import { useSignal } from "@preact/signals";
import { say } from "../../languages/messages.ts";
import { Button, Field, Form, Notice, Title } from "../controls.tsx";
import { engine } from "../session.ts";
import { codeErrorWords, errorWords } from "../words.ts";

export function Code() {
  return (
    <section>
      <Title>{say("code.title")}</Title>
      <p>{say("code.what")}</p>
      <p>{say("code.kept")}</p>
      <Make />
      <Check />
    </section>
  );
}

function Make() {
  const code = useSignal("");
  const error = useSignal("");
  const make = async () => {
    error.value = "";
    try {
      code.value = await engine().newCode();
    } catch (thrown) {
      error.value = errorWords(thrown);
    }
  };
  return (
    <div class="panel">
      {code.value === "" ? (
        <Button kind="main" onPress={() => void make()}>
          {say("code.make")}
        </Button>
      ) : (
        <div role="status">
          <h2>{say("code.yours")}</h2>
          <p class="digits large" dir="ltr">
            {code.value}
          </p>
          <p>{say("code.write")}</p>
          <Button
            kind="main"
            onPress={() => {
              code.value = "";
            }}
          >
            {say("code.hide")}
          </Button>
        </div>
      )}
      {error.value !== "" && <Notice kind="bad">{error.value}</Notice>}
    </div>
  );
}

function Check() {
  const typed = useSignal("");
  const isGood = useSignal(false);
  const error = useSignal("");
  const check = async () => {
    error.value = "";
    isGood.value = false;
    try {
      await engine().checkCode(typed.value);
      typed.value = "";
      isGood.value = true;
    } catch (thrown) {
      error.value = codeErrorWords(thrown, typed.value);
    }
  };
  return (
    <Form onSend={() => void check()}>
      <h2>{say("code.check")}</h2>
      <Field
        label={say("code.field")}
        isNumeric
        value={typed.value}
        onValue={(value) => {
          typed.value = value;
        }}
      />
      <button type="submit" class="plain" disabled={typed.value === ""}>
        {say("code.checkNow")}
      </button>
      {isGood.value && <Notice kind="good">{say("code.good")}</Notice>}
      {error.value !== "" && <Notice kind="bad">{error.value}</Notice>}
    </Form>
  );
}
