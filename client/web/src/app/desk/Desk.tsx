/** The screen of the desks that are written to: adding by link, file or camera, and removing. */
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { DeskView } from "../../engine/engine.ts";
import { day, say } from "../../languages/messages.ts";
import { Button, Confirm, Field, FileButton, Form, Notice, Title } from "../controls.tsx";
import { arrivedCard, notice } from "../navigation.ts";
import { desks, engine, readAgain } from "../session.ts";
import { cardErrorWords, errorWords } from "../words.ts";
import { Camera } from "./Camera.tsx";
import { canReadCodes, codeReader } from "./codeReader.ts";

/** The longest card is a tenth of it. */
const MOST_BYTES = 2_000_000;

interface Candidate {
  readonly card: Uint8Array | string;
  readonly view: DeskView;
}

export function Desk() {
  const candidate = useSignal<Candidate | null>(null);
  const error = useSignal("");
  const read = async (card: Uint8Array | string) => {
    error.value = "";
    notice.value = "";
    try {
      candidate.value = { card, view: await engine().readCard(card) };
    } catch (thrown) {
      candidate.value = null;
      error.value = cardErrorWords(thrown);
    }
  };
  useEffect(() => {
    const arrived = arrivedCard.value;
    if (arrived === null) return;
    arrivedCard.value = null;
    void read(arrived);
  }, [arrivedCard.value]);
  const keep = async ({ card }: Candidate) => {
    try {
      const kept = await engine().addDesk(card);
      candidate.value = null;
      await readAgain();
      notice.value = say("desk.kept", { desk: kept.name });
    } catch (thrown) {
      error.value = errorWords(thrown);
    }
  };
  const known = desks.value ?? [];
  const found = candidate.value;
  return (
    <section>
      <Title>{say("desk.title")}</Title>
      {found !== null && (
        <Check
          view={found.view}
          onKeep={() => void keep(found)}
          onDiscard={() => {
            candidate.value = null;
          }}
        />
      )}
      {found === null && known.length === 0 && <p>{say("desk.none")}</p>}
      {known.length > 0 && (
        <>
          <h2>{say("desk.yours")}</h2>
          <ul class="cards">
            {known.map((view) => (
              <Known key={view.id} view={view} />
            ))}
          </ul>
        </>
      )}
      {found === null && <Add onCard={(card) => void read(card)} />}
      {error.value !== "" && <Notice kind="bad">{error.value}</Notice>}
    </section>
  );
}

/** Before a card is kept it is compared: nobody else can vouch for it. */
function Check(props: { view: DeskView; onKeep: () => void; onDiscard: () => void }) {
  return (
    <div class="panel" role="status">
      <h2>{say("desk.check")}</h2>
      <p>
        <strong>
          <bdi>{props.view.name}</bdi>
        </strong>
      </p>
      <Facts view={props.view} />
      <p>{say("desk.check.hint")}</p>
      <div class="row">
        <Button kind="main" onPress={props.onKeep}>
          {say("desk.keep")}
        </Button>
        <Button kind="quiet" onPress={props.onDiscard}>
          {say("desk.discard")}
        </Button>
      </div>
    </div>
  );
}

function Facts({ view }: { readonly view: DeskView }) {
  return (
    <>
      <p class="hint">{say("desk.fingerprint")}</p>
      <p class="digits" dir="ltr">
        {view.fingerprint}
      </p>
      <p class="hint">
        {say("desk.relays", { count: view.relays.length })} ·{" "}
        {say("desk.lastDay", { day: day(view.lastDay) })}
      </p>
    </>
  );
}

function Known({ view }: { readonly view: DeskView }) {
  const error = useSignal("");
  const remove = async () => {
    try {
      await engine().removeDesk(view.id);
      await readAgain();
      notice.value = say("desk.removed", { desk: view.name });
    } catch (thrown) {
      error.value = errorWords(thrown);
    }
  };
  return (
    <li class="card">
      <h3>
        <bdi>{view.name}</bdi>
      </h3>
      <Facts view={view} />
      {error.value !== "" && <Notice kind="bad">{error.value}</Notice>}
      <Confirm
        label={say("remove")}
        question={say("desk.removeAsk", { desk: view.name })}
        yes={say("remove")}
        onYes={() => void remove()}
      />
    </li>
  );
}

function Add({ onCard }: { readonly onCard: (card: Uint8Array | string) => void }) {
  const link = useSignal("");
  const isWatching = useSignal(false);
  // So that it is here when the network is not.
  useEffect(() => {
    if (canReadCodes) codeReader().catch(() => undefined);
  }, []);
  const readFile = async ([file]: readonly File[]) => {
    if (file === undefined) return;
    const head = file.slice(0, MOST_BYTES);
    onCard(new Uint8Array(await new Response(head).arrayBuffer()));
  };
  return (
    <Form onSend={() => onCard(link.value.trim())}>
      <h2>{say("desk.add")}</h2>
      <Field
        label={say("desk.link")}
        hint={say("desk.link.hint")}
        value={link.value}
        onValue={(value) => {
          link.value = value;
        }}
      />
      <button type="submit" class="plain" disabled={link.value.trim() === ""}>
        {say("desk.read")}
      </button>
      <FileButton label={say("desk.file")} onFiles={(files) => void readFile(files)} />
      {isWatching.value && (
        <Camera
          onText={onCard}
          onEnd={() => {
            isWatching.value = false;
          }}
        />
      )}
      {canReadCodes && !isWatching.value && (
        <Button
          onPress={() => {
            isWatching.value = true;
          }}
        >
          {say("desk.camera")}
        </Button>
      )}
    </Form>
  );
}
