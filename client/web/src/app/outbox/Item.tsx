/** One report in the outbox: its truth, and who says so. */
import { useSignal } from "@preact/signals";
import type { ItemPart, OutboxItem } from "../../engine/engine.ts";
import { day, hour, say, size } from "../../languages/messages.ts";
import { Bar, Button, Confirm, Notice } from "../controls.tsx";
import { notice } from "../navigation.ts";
import { engine, readAgain, today } from "../session.ts";
import { errorWords, roleWords, stateWords } from "../words.ts";

/** The last days are said louder, as `qanat outbox` does. */
const NEAR_DAYS = 7;
const STEPS = ["queued", "part_sent", "held", "signed", "abroad", "opened"] as const;

export function Item({ item }: { readonly item: OutboxItem }) {
  const words = stateWords(item.state, item.relays, item.countries);
  const error = useSignal("");
  const attempt = async (work: Promise<void>) => {
    error.value = "";
    try {
      await work;
      await readAgain();
    } catch (thrown) {
      error.value = errorWords(thrown);
    }
  };
  return (
    <li class={`card state-${item.state}`}>
      <h2>{say("outbox.report", { number: item.number })}</h2>
      <p class="state">
        <strong>{words.title}</strong>
        {item.isPaused && <span class="tag">{say("outbox.paused")}</span>}
      </p>
      {words.hint !== "" && <p class="hint">{words.hint}</p>}
      <Steps state={item.state} />
      <p class="facts">
        <bdi>{say("outbox.to", { desk: item.deskName })}</bdi>
        <span>{say("outbox.sealed", { when: hour(item.sealedHour) })}</span>
        <span>
          {size(item.size)}
          {item.files > 0 && <bdi>{` · ${say("outbox.files", { count: item.files })}`}</bdi>}
        </span>
        <Arrival item={item} />
        {!item.isHere && <span>{say("outbox.gone")}</span>}
      </p>
      <Parts parts={item.parts.filter(({ role }) => role !== "letter")} />
      {error.value !== "" && <Notice kind="bad">{error.value}</Notice>}
      <div class="row">
        {item.isHere && item.state !== "opened" && (
          <Button
            kind="quiet"
            onPress={() => void attempt(engine().setPaused(item.number, !item.isPaused))}
          >
            {say(item.isPaused ? "outbox.resume" : "outbox.pause")}
            <span class="unseen"> {say("outbox.report", { number: item.number })}</span>
          </Button>
        )}
        <Confirm
          label={say("outbox.delete")}
          question={say("outbox.deleteAsk", { number: item.number })}
          yes={say("outbox.delete")}
          onYes={() => {
            notice.value = "";
            void attempt(engine().drop(item.number));
          }}
        />
      </div>
    </li>
  );
}

/** How many of the steps are behind it; the words above say the same. */
function Steps({ state }: { readonly state: OutboxItem["state"] }) {
  const reached = (STEPS as readonly string[]).indexOf(state);
  return (
    <div class="steps" aria-hidden="true">
      {STEPS.map((step, at) => (
        <i key={step} class={at <= reached ? "reached" : ""} />
      ))}
    </div>
  );
}

function Arrival({ item }: { readonly item: OutboxItem }) {
  if (item.state === "opened" || item.state === "expired") return null;
  const isNear = item.expiryDay - today() <= NEAR_DAYS;
  const key = isNear ? "outbox.arriveSoon" : "outbox.arrive";
  return <span class={isNear ? "warning" : ""}>{say(key, { day: day(item.expiryDay) })}</span>;
}

function Parts({ parts }: { readonly parts: readonly ItemPart[] }) {
  if (parts.length === 0) return null;
  return (
    <details>
      <summary>{say("outbox.parts")}</summary>
      {parts.map((part, at) => (
        // Parts have no id here and never change places.
        <div class="part" key={at}>
          <Bar
            label={`${roleWords(part.role)}: ${say("part.held", {
              held: size(part.held),
              size: size(part.size),
            })}`}
            done={part.held}
            all={part.size}
          />
          <small>{stateWords(part.state, 1, []).title}</small>
        </div>
      ))}
    </details>
  );
}
