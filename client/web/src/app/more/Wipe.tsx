/** The screen that removes all of the app, by one gesture that nobody makes by mistake. */
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { Wiped } from "../../engine/engine.ts";
import { say } from "../../languages/messages.ts";
import { forgetChoices } from "../choices.ts";
import { Button, Field, Form, Notice, Title } from "../controls.tsx";
import { clearDraft } from "../draft.ts";
import { leave } from "../leaving.ts";
import { stopSending } from "../sending.ts";
import { end, engine, outbox } from "../session.ts";
import { errorWords } from "../words.ts";

const HOLD_MS = 3000;

export function Wipe() {
  const isGoing = useSignal(false);
  const wiped = useSignal<Wiped | null>(null);
  const error = useSignal("");
  const wipe = async () => {
    if (isGoing.value) return;
    isGoing.value = true;
    error.value = "";
    try {
      const removing = engine();
      stopSending();
      clearDraft();
      forgetChoices();
      wiped.value = await removing.wipe();
      end();
    } catch (thrown) {
      error.value = errorWords(thrown);
    }
    isGoing.value = false;
  };
  if (wiped.value !== null) return <Gone left={wiped.value} />;
  const lost = (outbox.value ?? []).filter(({ state }) => state !== "opened").length;
  return (
    <section>
      <Title>{say("wipe.title")}</Title>
      <p>{say("wipe.what")}</p>
      {lost > 0 && <Notice kind="warn">{say("wipe.lost", { count: lost })}</Notice>}
      {isGoing.value ? (
        <Notice>{say("wipe.going")}</Notice>
      ) : (
        <>
          <Hold onHeld={() => void wipe()} />
          <Typed onTyped={() => void wipe()} />
        </>
      )}
      {error.value !== "" && <Notice kind="bad">{error.value}</Notice>}
      <p class="hint">{say("wipe.limits")}</p>
    </section>
  );
}

/** A button that does something only when it is held, by a finger or by a key. */
function Hold({ onHeld }: { readonly onHeld: () => void }) {
  const isHeld = useSignal(false);
  const timer = useRef(0);
  const stop = () => {
    clearTimeout(timer.current);
    isHeld.value = false;
  };
  const start = () => {
    if (isHeld.value) return;
    isHeld.value = true;
    timer.current = window.setTimeout(() => {
      stop();
      onHeld();
    }, HOLD_MS);
  };
  useEffect(() => stop, []);
  const isKey = ({ key }: KeyboardEvent) => key === " " || key === "Enter";
  return (
    <button
      type="button"
      class={`danger wide hold ${isHeld.value ? "held" : ""}`}
      onPointerDown={start}
      onPointerUp={stop}
      onPointerLeave={stop}
      onPointerCancel={stop}
      onContextMenu={(event) => event.preventDefault()}
      onKeyDown={(event) => isKey(event) && start()}
      onKeyUp={(event) => isKey(event) && stop()}
      onBlur={stop}
    >
      <span>{say(isHeld.value ? "wipe.holding" : "wipe.hold")}</span>
    </button>
  );
}

/** For whoever can't hold. */
function Typed({ onTyped }: { readonly onTyped: () => void }) {
  const typed = useSignal("");
  const word = say("wipe.word");
  return (
    <Form
      onSend={() => {
        if (isWord(typed.value, word)) onTyped();
      }}
    >
      <Field
        label={say("wipe.type", { word })}
        value={typed.value}
        onValue={(value) => {
          typed.value = value;
        }}
      />
      <button type="submit" class="danger" disabled={!isWord(typed.value, word)}>
        {say("wipe.typed")}
      </button>
    </Form>
  );
}

function isWord(typed: string, word: string): boolean {
  return typed.trim().toLocaleLowerCase() === word.toLocaleLowerCase();
}

function Gone({ left }: { readonly left: Wiped }) {
  const { databases, caches, entries, workers } = left;
  const isAllGone = databases + caches + entries + workers === 0;
  return (
    <section>
      <Title>{say("wipe.title")}</Title>
      <Notice kind={isAllGone ? "good" : "bad"}>
        <p>
          <strong>{say(isAllGone ? "wipe.done" : "wipe.left")}</strong>
        </p>
        <p>{say("wipe.counts", { databases, caches, entries, workers })}</p>
      </Notice>
      <p class="hint">{say("wipe.limits")}</p>
      <Button kind="main" onPress={leave}>
        {say("wipe.leave")}
      </Button>
    </section>
  );
}
