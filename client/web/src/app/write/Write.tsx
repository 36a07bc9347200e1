/** The screen on which a report is written and sealed. */
import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { LANGUAGE_NAMES, LANGUAGES, language, say, size } from "../../languages/messages.ts";
import type { Basis } from "../../protocol/report.ts";
import { Button, Field, Form, Notice, Switch, Title } from "../controls.tsx";
import * as draft from "../draft.ts";
import { go } from "../navigation.ts";
import { desks, room } from "../session.ts";
import { Figures } from "./Figures.tsx";
import { Files } from "./Files.tsx";
import { Outcome } from "./Outcome.tsx";
import { forgetSealed, outcome, seal } from "./sealing.ts";

/** Stays as it was while the code is made on another screen. */
const isMoreOpen = signal(false);

/** Two bytes a letter and the spec's limits, in letters. */
const MOST = { text: 32_000, line: 250, when: 60 };
/** As the protocol numbers them; its code stays out of the page. */
const SEEN: Basis = 1;
const HEARD: Basis = 2;
/** Warn where less than this would be left, and a tenth. */
const SHORT_BYTES = 20_000_000;

export function Write() {
  useEffect(() => forgetSealed, []);
  if (desks.value !== null && desks.value.length === 0) return <NoDesk />;
  const isBusy = outcome.value.kind === "sealing";
  return (
    <Form kind="write" onSend={() => void seal()}>
      <Title>{say("write.title")}</Title>
      <fieldset class="bare" disabled={isBusy}>
        <DeskChoice />
        <Field
          label={say("write.text")}
          hint={say("write.textHint")}
          rows={6}
          maxLength={MOST.text}
          value={draft.text.value}
          onValue={(value) => {
            draft.text.value = value;
            if (outcome.value.kind !== "sealing") outcome.value = { kind: "writing" };
          }}
        />
        <Files />
        <OneLine label={say("write.what")} field={draft.what} most={MOST.line} />
        <OneLine label={say("write.where")} field={draft.where} most={MOST.line} />
        <OneLine
          label={say("write.when")}
          field={draft.when}
          most={MOST.when}
          hint={say("write.whenHint")}
        />
        <BasisChoice />
        <details
          open={isMoreOpen.value}
          onToggle={(event) => {
            isMoreOpen.value = event.currentTarget.open;
          }}
        >
          <summary>{say("write.more")}</summary>
          <Figures />
          <Switch
            label={say("write.urgent")}
            isOn={draft.isUrgent.value}
            onChange={(isOn) => {
              draft.isUrgent.value = isOn;
            }}
          />
          <Field
            label={say("write.code")}
            hint={say("write.code.hint")}
            isNumeric
            isOptional
            value={draft.code.value}
            onValue={(value) => {
              draft.code.value = value;
            }}
          />
          <Button kind="quiet" onPress={() => go("code")}>
            {say("write.code.make")}
          </Button>
          <LanguageChoice />
        </details>
      </fieldset>
      <RoomLeft />
      <Outcome />
      {!isBusy && (
        <button type="submit" class="main wide">
          {say("write.seal")}
        </button>
      )}
    </Form>
  );
}

function NoDesk() {
  return (
    <section>
      <Title>{say("write.title")}</Title>
      <p>{say("write.noDesk")}</p>
      <p class="hint">{say("desk.none")}</p>
      <Button kind="main" onPress={() => go("desk")}>
        {say("write.addDesk")}
      </Button>
    </section>
  );
}

interface OneLineProps {
  readonly label: string;
  readonly field: { value: string };
  readonly most: number;
  readonly hint?: string;
}

function OneLine({ label, field, most, hint }: OneLineProps) {
  return (
    <Field
      label={label}
      isOptional
      maxLength={most}
      value={field.value}
      onValue={(value) => {
        field.value = value;
      }}
      {...(hint === undefined ? {} : { hint })}
    />
  );
}

/** With one desk there is nothing to choose, but it is said to whom the report goes. */
function DeskChoice() {
  const known = desks.value ?? [];
  const [first] = known;
  if (first === undefined) return null;
  if (!known.some(({ id }) => id === draft.desk.value)) draft.desk.value = first.id;
  if (known.length === 1) {
    return (
      <p class="to">
        {say("write.desk")} <bdi>{first.name}</bdi>
      </p>
    );
  }
  return (
    <div class="field">
      <label for="desk">{say("write.desk")}</label>
      <select
        id="desk"
        autoComplete="off"
        value={draft.desk.value}
        onChange={(event) => {
          draft.desk.value = event.currentTarget.value;
        }}
      >
        {known.map(({ id, name }) => (
          <option key={id} value={id}>
            {name}
          </option>
        ))}
      </select>
    </div>
  );
}

function BasisChoice() {
  const options = [
    { value: SEEN, label: say("write.seen") },
    { value: HEARD, label: say("write.heard") },
  ];
  return (
    <fieldset class="group">
      <legend>{say("write.basis")}</legend>
      <div class="choices">
        {options.map(({ value, label }) => (
          <label key={value} class="choice">
            <input
              type="radio"
              autoComplete="off"
              name="basis"
              checked={draft.basis.value === value}
              onChange={() => {
                draft.basis.value = value;
              }}
            />
            <span>{label}</span>
          </label>
        ))}
      </div>
    </fieldset>
  );
}

function LanguageChoice() {
  return (
    <div class="field">
      <label for="report-language">{say("write.language")}</label>
      <select
        id="report-language"
        autoComplete="off"
        value={draft.reportLanguage.value || language.value}
        onChange={(event) => {
          draft.reportLanguage.value = event.currentTarget.value;
        }}
      >
        {LANGUAGES.map((each) => (
          <option key={each} value={each} lang={each}>
            {LANGUAGE_NAMES[each]}
          </option>
        ))}
      </select>
    </div>
  );
}

/** How much the attachments take, and a word before the room runs out. */
function RoomLeft() {
  const needed = draft.files.value.reduce((sum, { file }) => sum + file.size, 0);
  const { used, most } = room.value ?? { used: 0, most: null };
  const left = most === null ? null : Math.max(0, most - used);
  const isShort =
    left !== null && most !== null && left - needed < Math.min(SHORT_BYTES, most / 10);
  return (
    <>
      {needed > 0 && <p class="hint">{say("write.size", { size: size(needed) })}</p>}
      {isShort && <Notice kind="warn">{say("write.roomShort", { size: size(left) })}</Notice>}
    </>
  );
}
