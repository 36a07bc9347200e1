/** The pieces that every screen is made of. They hold no state of a report. */
import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef } from "preact/hooks";
import { say } from "../languages/messages.ts";

type Children = { readonly children: ComponentChildren };

/** A screen's heading takes the focus when the screen is shown, so that it is read out first. */
export function Title({ children }: Children) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => heading.current?.focus({ preventScroll: true }), []);
  return (
    <h1 ref={heading} tabIndex={-1}>
      {children}
    </h1>
  );
}

interface FieldProps {
  readonly label: string;
  readonly value: string;
  readonly onValue: (value: string) => void;
  readonly hint?: string;
  readonly rows?: number;
  readonly maxLength?: number;
  readonly isNumeric?: boolean;
  readonly isOptional?: boolean;
}

/** A line or, with `rows`, a larger field of text, never filled in or corrected by the browser. */
export function Field(props: FieldProps) {
  const id = useId();
  const { label, value, onValue, hint, rows, isNumeric } = props;
  const shared = {
    id,
    value,
    autoComplete: "off",
    spellcheck: false,
    dir: isNumeric ? ("ltr" as const) : ("auto" as const),
    onInput: (event: { currentTarget: HTMLInputElement | HTMLTextAreaElement }) =>
      onValue(event.currentTarget.value),
    ...(props.maxLength === undefined ? {} : { maxLength: props.maxLength }),
    ...(hint === undefined ? {} : { "aria-describedby": `${id}-hint` }),
  };
  return (
    <div class="field">
      <label for={id}>
        {label}
        {props.isOptional && <small> · {say("optional")}</small>}
      </label>
      {rows === undefined ? (
        <input type="text" {...shared} {...(isNumeric ? { inputMode: "numeric" as const } : {})} />
      ) : (
        <textarea rows={rows} {...shared} />
      )}
      {hint !== undefined && (
        <p class="hint" id={`${id}-hint`}>
          {hint}
        </p>
      )}
    </div>
  );
}

interface SwitchProps {
  readonly label: string;
  readonly hint?: string;
  readonly isOn: boolean;
  readonly onChange: (isOn: boolean) => void;
}

export function Switch({ label, hint, isOn, onChange }: SwitchProps) {
  const id = useId();
  return (
    <div class="switch">
      <input
        id={id}
        type="checkbox"
        autoComplete="off"
        checked={isOn}
        onChange={(event) => onChange(event.currentTarget.checked)}
        {...(hint === undefined ? {} : { "aria-describedby": `${id}-hint` })}
      />
      <label for={id}>{label}</label>
      {hint !== undefined && (
        <p class="hint" id={`${id}-hint`}>
          {hint}
        </p>
      )}
    </div>
  );
}

/** Fields that Enter sends off, and that the browser neither fills in nor keeps. */
export function Form(props: Children & { onSend: () => void; kind?: "panel" | "write" }) {
  return (
    <form
      class={props.kind ?? "panel"}
      autoComplete="off"
      onSubmit={(event) => {
        event.preventDefault();
        props.onSend();
      }}
    >
      {props.children}
    </form>
  );
}

interface ButtonProps extends Children {
  readonly onPress: () => void;
  readonly kind?: "main" | "quiet" | "danger";
  readonly isOff?: boolean;
}

export function Button({ onPress, kind, isOff, children }: ButtonProps) {
  return (
    <button type="button" class={kind ?? "plain"} disabled={isOff === true} onClick={onPress}>
      {children}
    </button>
  );
}

/** A word to the person; one that is `urgent` is read out at once. */
export function Notice({
  kind,
  children,
}: Children & { kind?: "plain" | "good" | "bad" | "warn" }) {
  return (
    <div class={`notice ${kind ?? "plain"}`} role={kind === "bad" ? "alert" : "status"}>
      {children}
    </div>
  );
}

interface ConfirmProps {
  readonly label: string;
  readonly question: string;
  readonly yes: string;
  readonly onYes: () => void;
}

/** A button that asks once more, in its own place, before it does something for good. */
export function Confirm({ label, question, yes, onYes }: ConfirmProps) {
  const isAsking = useSignal(false);
  if (!isAsking.value) {
    return (
      <Button
        kind="quiet"
        onPress={() => {
          isAsking.value = true;
        }}
      >
        {label}
      </Button>
    );
  }
  const done = () => {
    isAsking.value = false;
  };
  return <Asked question={question} yes={yes} onYes={onYes} onDone={done} />;
}

function Asked(props: Omit<ConfirmProps, "label"> & { readonly onDone: () => void }) {
  const no = useRef<HTMLButtonElement>(null);
  useEffect(() => no.current?.focus(), []);
  return (
    <fieldset class="asked">
      <legend>{props.question}</legend>
      <div class="row">
        <button type="button" class="quiet" ref={no} onClick={props.onDone}>
          {say("no")}
        </button>
        <Button
          kind="danger"
          onPress={() => {
            props.onDone();
            props.onYes();
          }}
        >
          {props.yes}
        </Button>
      </div>
    </fieldset>
  );
}

interface FileButtonProps {
  readonly label: string;
  readonly onFiles: (files: readonly File[]) => void;
  readonly accept?: string;
  readonly capture?: "environment";
  readonly isMultiple?: boolean;
  readonly children?: ComponentChildren;
}

/** A file input that looks like a button; the same file can be chosen again. */
export function FileButton(props: FileButtonProps) {
  return (
    <label class="file-button">
      {props.children}
      <span>{props.label}</span>
      <input
        type="file"
        multiple={props.isMultiple === true}
        {...(props.accept === undefined ? {} : { accept: props.accept })}
        {...(props.capture === undefined ? {} : { capture: props.capture })}
        onChange={(event) => {
          const chosen = Array.from(event.currentTarget.files ?? []);
          event.currentTarget.value = "";
          if (chosen.length > 0) props.onFiles(chosen);
        }}
      />
    </label>
  );
}

/** How much of something is done. */
export function Bar({ label, done, all }: { label: string; done: number; all: number }) {
  const id = useId();
  return (
    <div class="bar">
      <span id={id}>{label}</span>
      <progress aria-labelledby={id} value={all === 0 ? 0 : done / all} max={1} />
    </div>
  );
}
