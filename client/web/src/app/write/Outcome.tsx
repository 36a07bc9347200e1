/** What came of the tap on "Seal", and the ways out where it came to nothing. */
import { useEffect, useRef } from "preact/hooks";
import { percent, say } from "../../languages/messages.ts";
import { AskDay } from "../AskDay.tsx";
import { Bar, Button, Notice } from "../controls.tsx";
import * as draft from "../draft.ts";
import { go } from "../navigation.ts";
import { codeWords, refusalWords } from "../words.ts";
import { outcome, type Outcome as State, seal, stopSealing } from "./sealing.ts";

/** Takes the focus with every news, since the button that was tapped may be gone by then. */
export function Outcome() {
  const place = useRef<HTMLDivElement>(null);
  const { kind } = outcome.value;
  useEffect(() => {
    if (kind !== "writing") place.current?.focus();
  }, [kind]);
  return (
    <div ref={place} tabIndex={-1} class="outcome">
      <Words now={outcome.value} />
    </div>
  );
}

function Words({ now }: { readonly now: State }) {
  switch (now.kind) {
    case "writing":
      return null;
    case "sealing":
      return (
        <Notice>
          <Bar
            label={say("write.sealing", { percent: percent(now.share) })}
            done={now.share}
            all={1}
          />
          <p class="hint">{say("write.sealing.hint")}</p>
          <Button onPress={stopSealing}>{say("cancel")}</Button>
        </Notice>
      );
    case "sealed":
      return (
        <Notice kind="good">
          <p>{say("write.sealed", { number: now.number })}</p>
          <Button onPress={() => go("outbox")}>{say("write.toOutbox")}</Button>
        </Notice>
      );
    case "empty":
      return <Notice kind="bad">{say("write.empty")}</Notice>;
    case "figures":
      return <Notice kind="bad">{say("write.figure.wrong")}</Notice>;
    case "refused":
      break;
  }
  switch (now.refusal) {
    case "cancelled":
      return <Notice>{say("write.cancelled")}</Notice>;
    case "clock":
      return <AskDay onDay={() => void seal()} />;
    case "no_room":
      return <FullPhone />;
    case "bad_code":
      return <Notice kind="bad">{codeWords(draft.code.value)}</Notice>;
    default:
      return <Notice kind="bad">{refusalWords(now.refusal)}</Notice>;
  }
}

function FullPhone() {
  return (
    <Notice kind="bad">
      <p>
        <strong>{say("full.title")}</strong>
      </p>
      <p>{say("full.hint")}</p>
      <Button onPress={() => void seal(true)}>{say("full.bare")}</Button>
      <p class="hint">{say("full.bare.hint")}</p>
      <Button onPress={() => go("outbox")}>{say("full.drop")}</Button>
      <Button onPress={() => go("outbox")}>{say("full.handOver")}</Button>
      <p class="hint">{say("full.handOver.hint")}</p>
    </Notice>
  );
}
