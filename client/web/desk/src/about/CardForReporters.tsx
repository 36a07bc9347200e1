/** The card for those who are to write: a file, or a link that opens the web app with it. */
import { useSignal } from "@preact/signals";
import { Form } from "../../../src/app/controls.tsx";
import { number } from "../../../src/languages/messages.ts";
import { save } from "../checks/saving.ts";
import { ask, download, wordsOf } from "../client.ts";
import { desk } from "../state/desk.ts";
import { tell } from "../state/navigation.ts";
import { say } from "../words/say.ts";

export function CardForReporters() {
  const address = useSignal(appOfARelay());
  const attempt = async (work: () => Promise<string>) => {
    try {
      tell(await work());
    } catch (error) {
      tell(wordsOf(error), "bad");
    }
  };
  const link = async () =>
    (await ask<{ readonly link: string }>("/api/card/link", { address: address.value })).link;
  const saveFile = () =>
    attempt(async () => {
      const file = await download("/api/card");
      save(file);
      return say("export.saved", { name: file.name });
    });
  const saveLink = () =>
    attempt(async () => {
      const file = new File([`${await link()}\n`], "desk-link.txt", { type: "text/plain" });
      save(file);
      return say("export.saved", { name: file.name });
    });
  const copy = () =>
    attempt(async () => {
      const made = await link();
      await navigator.clipboard.writeText(made);
      return say("card.copied", { letters: number(made.length) });
    });
  return (
    <div class="card-for-reporters">
      <button type="button" class="main" onClick={() => void saveFile()}>
        {say("card.save")}
      </button>
      <Form onSend={() => void copy()}>
        <label>
          {say("card.app")}
          <input
            type="text"
            inputMode="url"
            autoComplete="off"
            spellcheck={false}
            placeholder={say("card.appLike")}
            value={address.value}
            onInput={(event) => {
              address.value = event.currentTarget.value;
            }}
          />
        </label>
        <p class="hint">{say("card.linkHint")}</p>
        <div class="row">
          <button type="submit" class="quiet" disabled={address.value.trim() === ""}>
            {say("card.copy")}
          </button>
          <button
            type="button"
            class="quiet"
            disabled={address.value.trim() === ""}
            onClick={() => void saveLink()}
          >
            {say("card.saveLink")}
          </button>
        </div>
      </Form>
    </div>
  );
}

/** The web app of the first relay that can have one. */
function appOfARelay(): string {
  const found = desk.value?.relays.find(({ url }) => /^https?:/.test(url ?? ""));
  return found === undefined ? "" : `${found.url.replace(/\/$/, "")}/`;
}
