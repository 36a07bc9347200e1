/** The screen that gives the app on as one file, and compares one that somebody gave. */
import { useSignal } from "@preact/signals";
import { say } from "../../languages/messages.ts";
import { FileButton, Notice, Title } from "../controls.tsx";

const SINGLE_FILE = "qanat.html";
/** The file is a hundredth of it. */
const MOST_BYTES = 20_000_000;

export function Share() {
  return (
    <section>
      <Title>{say("share.title")}</Title>
      <p>{say("share.why")}</p>
      {__SINGLE_FILE__ ? (
        <Notice>{say("share.isFile")}</Notice>
      ) : (
        <div class="panel">
          <a class="button main" href={SINGLE_FILE} download={SINGLE_FILE}>
            {say("share.file")}
          </a>
          <p class="hint">{say("share.file.hint")}</p>
          <h2>{say("share.fingerprint")}</h2>
          <p class="digits" dir="ltr">
            {grouped(__FINGERPRINT__)}
          </p>
          <p>{say("share.compare")}</p>
        </div>
      )}
      {globalThis.crypto?.subtle !== undefined && <CheckFile />}
    </section>
  );
}

function CheckFile() {
  const found = useSignal("");
  const error = useSignal("");
  const check = async ([file]: readonly File[]) => {
    if (file === undefined) return;
    found.value = "";
    error.value = "";
    try {
      const data = await new Response(file.slice(0, MOST_BYTES)).arrayBuffer();
      found.value = hex(new Uint8Array(await crypto.subtle.digest("SHA-256", data)));
    } catch {
      error.value = say("error.unreadable_file");
    }
  };
  return (
    <div class="panel">
      <FileButton
        label={say("share.check")}
        accept=".html"
        onFiles={(files) => void check(files)}
      />
      <p class="hint">{say("share.check.hint")}</p>
      {error.value !== "" && <Notice kind="bad">{error.value}</Notice>}
      {found.value !== "" && (
        <Notice kind={verdict(found.value)}>
          <p>{say("share.itsFingerprint")}</p>
          <p class="digits" dir="ltr">
            {grouped(found.value)}
          </p>
          {!__SINGLE_FILE__ && (
            <p>
              <strong>{say(found.value === __FINGERPRINT__ ? "share.same" : "share.other")}</strong>
            </p>
          )}
        </Notice>
      )}
    </div>
  );
}

function verdict(found: string): "plain" | "good" | "bad" {
  if (__SINGLE_FILE__) return "plain";
  return found === __FINGERPRINT__ ? "good" : "bad";
}

function hex(data: Uint8Array): string {
  return Array.from(data, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** In groups of four, as it is read to somebody. */
function grouped(digits: string): string {
  return (digits.match(/.{1,4}/g) ?? []).join(" ");
}
