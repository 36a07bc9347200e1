/** The button that goes to the network, what happens meanwhile, and the switch to do so by itself. */
import type { SyncProgress } from "../../engine/engine.ts";
import { country, type Key, list, say, seconds, size } from "../../languages/messages.ts";
import { AskDay } from "../AskDay.tsx";
import { Button, Notice, Switch } from "../controls.tsx";
import {
  isAutomatic,
  isSending,
  progress,
  refusal,
  result,
  sendNow,
  setAutomatic,
  stopSending,
} from "../sending.ts";
import { desks } from "../session.ts";
import { refusalWords } from "../words.ts";

export function Send() {
  return (
    <div class="panel">
      {isSending.value ? (
        <Button kind="main" onPress={stopSending}>
          {say("send.stop")}
        </Button>
      ) : (
        <Button kind="main" onPress={() => void sendNow()}>
          {say("send.now")}
        </Button>
      )}
      <p class="hint">{say("send.hint")}</p>
      <SendingState onAgain={() => void sendNow()} />
      <Whom />
      <Switch
        label={say("auto.label")}
        hint={say("auto.hint")}
        isOn={isAutomatic.value}
        onChange={setAutomatic}
      />
    </div>
  );
}

interface StateProps {
  readonly onAgain: () => void;
  /** For the answers to a code: what came of it is shown by whoever opens them. */
  readonly fetches?: boolean;
}

/** Live while it runs, then what came of it. Also the inbox shows it. */
export function SendingState({ onAgain, fetches = false }: StateProps) {
  if (isSending.value) return <Going now={progress.value} fetches={fetches} />;
  if (refusal.value === "clock") return <AskDay onDay={onAgain} />;
  if (refusal.value !== null) return <Notice kind="bad">{refusalWords(refusal.value)}</Notice>;
  const done = result.value;
  if (done === null || (fetches && done.reached > 0 && done.failed.length === 0)) return null;
  const failed = done.failed.map(({ address, refusal: why }) => (
    <li key={address}>
      <bdi class="address">{address}</bdi>:{" "}
      {why === "no_network" ? say("relay.failed") : refusalWords(why)}
    </li>
  ));
  return (
    <Notice kind={done.reached > 0 ? "good" : "warn"}>
      <p>
        {done.reached > 0
          ? say("send.done", {
              count: done.reached,
              sent: size(done.sent),
              received: size(done.received),
            })
          : say("send.nobody")}
      </p>
      {failed.length > 0 && <ul class="relays">{failed}</ul>}
    </Notice>
  );
}

const relayStates: Readonly<Record<SyncProgress["relays"][number]["state"], Key>> = {
  dialling: "relay.dialling",
  open: "relay.open",
  done: "relay.done",
  failed: "relay.failed",
};

function Going({ now, fetches }: { readonly now: SyncProgress | null; readonly fetches: boolean }) {
  if (now === null) return <Notice>{say(fetches ? "inbox.fetching" : "send.going")}</Notice>;
  return (
    <Notice>
      <p>{say("send.moved", { sent: size(now.sent), received: size(now.received) })}</p>
      {now.left > 0 && <p>{say("send.left", { size: size(now.left) })}</p>}
      <ul class="relays">
        {now.relays.map(({ address, state, refusal: why }) => (
          <li key={address}>
            <bdi class="address">{address}</bdi>: {say(relayStates[state])}
            {why !== null && why !== "no_network" && <small> · {refusalWords(why)}</small>}
          </li>
        ))}
      </ul>
      {now.stampS !== null && (
        <p class="warning">{say("send.stamp", { seconds: seconds(now.stampS) })}</p>
      )}
    </Notice>
  );
}

/** Where a tap would lead, before it is made. */
function Whom() {
  const known = desks.value ?? [];
  if (known.length === 0) return null;
  return (
    <details>
      <summary>{say("send.whom")}</summary>
      <p class="hint">{say("send.whom.text")}</p>
      {known.map((desk) => (
        <div key={desk.id}>
          <p>
            <bdi>{desk.name}</bdi>
          </p>
          <ul class="relays">
            {desk.relays.map(({ addresses, country: code }) => (
              <li key={addresses.join()}>
                <bdi class="address">{list(addresses)}</bdi>
                {code !== "" && ` · ${country(code)}`}
              </li>
            ))}
          </ul>
        </div>
      ))}
    </details>
  );
}
