/** Answers to whoever wrote the report: those that were given, in their true state, and a new one. */
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { Reply, ReportPage } from "../api.ts";
import { wordsOf } from "../client.ts";
import { SentState } from "../outgoing/SentState.tsx";
import { FIELD_IDS } from "../shell/keyboard.ts";
import { answer, draftOf, want, write } from "../state/answering.ts";
import { tell } from "../state/navigation.ts";
import { again } from "../state/report.ts";
import { say } from "../words/say.ts";

export function Answer({ report }: { readonly report: ReportPage }) {
  return (
    <section class="panel">
      <h3>{say("answer.title")}</h3>
      {report.replies.length > 0 && (
        <ul class="replies">
          {report.replies.map((reply) => (
            <li key={reply.number}>
              <Given reply={reply} report={report} />
            </li>
          ))}
        </ul>
      )}
      {report.can_be_answered ? (
        <Writing report={report} />
      ) : (
        <p class="hint">{say("answer.impossible")}</p>
      )}
    </section>
  );
}

function Given({ reply, report }: { readonly reply: Reply; readonly report: ReportPage }) {
  const names = reply.wanted.map((file) => report.files[file]?.name ?? String(file + 1));
  return (
    <>
      <p class="reply" dir="auto">
        {reply.text}
      </p>
      {names.length > 0 && (
        <p class="hint">
          {say("answer.asked")} <bdi>{names.join(", ")}</bdi>
        </p>
      )}
      <SentState sent={reply} />
    </>
  );
}

function Writing({ report }: { readonly report: ReportPage }) {
  const draft = draftOf(report.id);
  const isSending = useSignal(false);
  const field = useRef<HTMLTextAreaElement>(null);
  const missing = report.files.flatMap(({ name, parts }, file) =>
    parts.some(({ rendition, state }) => rendition === "original" && state === "verified")
      ? []
      : [{ file, name }],
  );
  const count = draft.want.size;
  // What has come meanwhile is not asked for any more.
  const come = [...draft.want].filter((wanted) => missing.every(({ file }) => file !== wanted));
  useEffect(() => {
    for (const file of come) want(report.id, file, false);
  }, [come.join()]);
  // Whoever asks for a file goes on where the answer is written.
  const before = useRef(count);
  useEffect(() => {
    if (count > before.current) field.current?.focus();
    before.current = count;
  }, [count]);
  const send = async () => {
    isSending.value = true;
    try {
      await answer(report.id);
      tell(say("answer.queued"));
      await again();
    } catch (error) {
      tell(wordsOf(error), "bad");
    }
    isSending.value = false;
  };
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        void send();
      }}
    >
      <textarea
        ref={field}
        id={FIELD_IDS.answer}
        dir="auto"
        autoComplete="off"
        aria-label={say("answer.text")}
        placeholder={say("answer.hint", { language: report.language || "?" })}
        value={draft.text}
        onInput={(event) => write(report.id, event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) void send();
        }}
      />
      {missing.map(({ file, name }) => (
        <label class="tick" key={file}>
          <input
            type="checkbox"
            checked={draft.want.has(file)}
            onChange={(event) => want(report.id, file, event.currentTarget.checked)}
          />
          {say("answer.want")} <bdi>{name || String(file + 1)}</bdi>
        </label>
      ))}
      {count > 0 && <p class="hint">{say("answer.toAsk")}</p>}
      <button
        type="submit"
        class="main"
        disabled={isSending.value || (draft.text.trim() === "" && count === 0)}
      >
        {say("answer.send")}
      </button>
    </form>
  );
}
