/** The screen of what came: answers to a code, shown from memory only, and the desks' bulletins. */
import { useSignal } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";
import type { BulletinView, ReplyView } from "../engine/engine.ts";
import { age, say } from "../languages/messages.ts";
import { Button, Field, Form, Notice, Title } from "./controls.tsx";
import { SendingState } from "./outbox/Send.tsx";
import { isSending, refusal, sendNow, stopSending } from "./sending.ts";
import { bulletins, engine, today } from "./session.ts";
import { codeErrorWords } from "./words.ts";

export function Inbox() {
  return (
    <section>
      <Title>{say("inbox.title")}</Title>
      <Answers />
      <h2>{say("inbox.bulletins")}</h2>
      {bulletins.value === null && <p class="hint">{say("loading")}</p>}
      {bulletins.value?.length === 0 && <p class="empty">{say("inbox.noBulletins")}</p>}
      <ul class="cards">
        {bulletins.value?.map((bulletin) => (
          <Bulletin key={`${bulletin.desk} ${bulletin.serial}`} bulletin={bulletin} />
        ))}
      </ul>
    </section>
  );
}

function Answers() {
  const code = useSignal("");
  const found = useSignal<readonly ReplyView[] | null>(null);
  const error = useSignal("");
  const hasFetched = useSignal(false);
  const isOpening = useSignal(false);
  const show = async () => {
    error.value = "";
    found.value = null;
    isOpening.value = true;
    try {
      found.value = await engine().replies(code.value);
      code.value = "";
    } catch (thrown) {
      error.value = codeErrorWords(thrown, code.value);
    }
    isOpening.value = false;
  };
  const fetchThem = async () => {
    error.value = "";
    hasFetched.value = false;
    try {
      await engine().checkCode(code.value);
    } catch (thrown) {
      error.value = codeErrorWords(thrown, code.value);
      return;
    }
    hasFetched.value = true;
    await sendNow(code.value);
    if (refusal.value === null) await show();
  };
  return (
    <Form onSend={() => void show()}>
      <h2>{say("inbox.answers")}</h2>
      <Field
        label={say("code.field")}
        hint={say("inbox.code.hint")}
        isNumeric
        value={code.value}
        onValue={(value) => {
          code.value = value;
        }}
      />
      <div class="row">
        {isSending.value ? (
          <Button onPress={stopSending}>{say("send.stop")}</Button>
        ) : (
          <Button kind="main" isOff={code.value === ""} onPress={() => void fetchThem()}>
            {say("inbox.fetch")}
          </Button>
        )}
        <button type="submit" class="plain" disabled={code.value === ""}>
          {say("inbox.show")}
        </button>
      </div>
      {error.value !== "" && <Notice kind="bad">{error.value}</Notice>}
      {hasFetched.value && <SendingState fetches onAgain={() => void fetchThem()} />}
      {isOpening.value && <Notice>{say("loading")}</Notice>}
      {found.value !== null && (
        <Found
          replies={found.value}
          onHide={() => {
            found.value = null;
          }}
        />
      )}
    </Form>
  );
}

function Found({ replies, onHide }: { replies: readonly ReplyView[]; onHide: () => void }) {
  if (replies.length === 0) return <Notice>{say("inbox.none")}</Notice>;
  return (
    <>
      <Notice kind="good">{say("inbox.found", { count: replies.length })}</Notice>
      <ul class="cards">
        {replies.map((reply) => (
          <li class="card" key={reply.id}>
            <p class="hint">
              <bdi>{reply.deskName}</bdi>, {age(reply.issuedDay, today())}
            </p>
            <p class="letter" dir="auto" lang={reply.language}>
              {reply.text}
            </p>
            {reply.wantsOriginals && <Notice kind="warn">{say("inbox.wantsOriginals")}</Notice>}
          </li>
        ))}
      </ul>
      <Button onPress={onHide}>{say("inbox.hide")}</Button>
    </>
  );
}

function Bulletin({ bulletin }: { readonly bulletin: BulletinView }) {
  const { title, text, language, deskName, issuedDay, missing, pictures } = bulletin;
  return (
    <li class="card">
      <h3 dir="auto" lang={language}>
        {title}
      </h3>
      <p class="hint">{say("inbox.from", { desk: deskName, age: age(issuedDay, today()) })}</p>
      <p class="letter" dir="auto" lang={language}>
        {text}
      </p>
      {pictures.map((picture, at) => (
        <Picture key={at} picture={picture} name={say("inbox.picture", { number: at + 1 })} />
      ))}
      {missing > 0 && <p class="warning">{say("inbox.missing", { count: missing })}</p>}
    </li>
  );
}

function Picture({ picture, name }: { readonly picture: Blob; readonly name: string }) {
  const address = useMemo(() => URL.createObjectURL(picture), [picture]);
  useEffect(() => () => URL.revokeObjectURL(address), [address]);
  return <img class="picture" src={address} alt={name} />;
}
