/** Handing over and taking in where no network is: sealed bytes in a file. */
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { say, size } from "../../languages/messages.ts";
import { Button, FileButton, Notice } from "../controls.tsx";
import { engine, readAgain } from "../session.ts";
import { errorWords, refusalOf } from "../words.ts";

const FILE_NAME = "reports.qanat";
const MEDIA_TYPE = "application/octet-stream";

interface Ready {
  readonly file: File;
  readonly address: string;
}

export function Carry() {
  const ready = useSignal<Ready | null>(null);
  const words = useSignal("");
  const error = useSignal("");
  useEffect(() => () => release(ready.value), []);
  const attempt = async (work: () => Promise<void>) => {
    words.value = "";
    error.value = "";
    try {
      await work();
    } catch (thrown) {
      error.value = errorWords(thrown);
    }
  };
  const waiting = async () => {
    try {
      return await engine().handOver();
    } catch (thrown) {
      if (refusalOf(thrown) !== "empty") throw thrown;
      words.value = say("carry.nothing");
      return null;
    }
  };
  const handOver = () =>
    attempt(async () => {
      release(ready.value);
      ready.value = null;
      const bundle = await waiting();
      if (bundle === null) return;
      const file = new File([bundle], FILE_NAME, { type: MEDIA_TYPE });
      ready.value = { file, address: URL.createObjectURL(file) };
    });
  const takeIn = (files: readonly File[]) =>
    attempt(async () => {
      let received = 0;
      for (const file of files) received += (await engine().takeIn(file)).received;
      await readAgain();
      words.value = say("carry.in.done", { size: size(received) });
    });
  return (
    <section class="panel">
      <h2>{say("carry.title")}</h2>
      <Button onPress={() => void handOver()}>{say("carry.out")}</Button>
      <p class="hint">{say("carry.out.hint")}</p>
      {ready.value !== null && <Handing ready={ready.value} />}
      <FileButton label={say("carry.in")} isMultiple onFiles={(files) => void takeIn(files)} />
      <p class="hint">{say("carry.in.hint")}</p>
      {words.value !== "" && <Notice>{words.value}</Notice>}
      {error.value !== "" && <Notice kind="bad">{error.value}</Notice>}
    </section>
  );
}

function Handing({ ready }: { readonly ready: Ready }) {
  const data = { files: [ready.file] };
  const canShare = navigator.canShare?.(data) === true;
  return (
    <Notice kind="good">
      <a class="button" href={ready.address} download={FILE_NAME}>
        {say("carry.ready", { size: size(ready.file.size) })}
      </a>
      {canShare && (
        // Who closes the sheet again has chosen not to share.
        <Button onPress={() => void navigator.share(data).catch(() => undefined)}>
          {say("carry.share")}
        </Button>
      )}
    </Notice>
  );
}

function release(ready: Ready | null): void {
  if (ready !== null) URL.revokeObjectURL(ready.address);
}
