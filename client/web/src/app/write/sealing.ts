/** The tap that seals: its progress, its end, and why it did not come to one. */
import { signal } from "@preact/signals";
import type { Refusal } from "../../engine/engine.ts";
import { language } from "../../languages/messages.ts";
import { clearDraft, isEmpty, toDraft, typedFigures } from "../draft.ts";
import { dayByPerson, engine } from "../session.ts";
import { refusalOf } from "../words.ts";
import { allDrawn } from "./choosing.ts";

export type Outcome =
  | { readonly kind: "writing" }
  | { readonly kind: "sealing"; readonly share: number }
  | { readonly kind: "sealed"; readonly number: number }
  | { readonly kind: "empty" }
  | { readonly kind: "figures" }
  | { readonly kind: "refused"; readonly refusal: Refusal };

export const outcome = signal<Outcome>({ kind: "writing" });

let stopper: AbortController | null = null;

/** Seals the draft and empties it. What is refused leaves it as it was. */
export async function seal(withoutOriginals = false): Promise<void> {
  if (outcome.value.kind === "sealing") return;
  const figures = typedFigures();
  if (figures === null) {
    outcome.value = { kind: "figures" };
    return;
  }
  if (isEmpty()) {
    outcome.value = { kind: "empty" };
    return;
  }
  stopper = new AbortController();
  const { signal: stopped } = stopper;
  outcome.value = { kind: "sealing", share: 0 };
  try {
    await allDrawn();
    const draft = toDraft(figures, language.value, dayByPerson.value, withoutOriginals);
    const { number } = await engine().seal(
      draft,
      (done, all) => {
        if (!stopped.aborted) outcome.value = { kind: "sealing", share: all > 0 ? done / all : 0 };
      },
      stopped,
    );
    clearDraft();
    outcome.value = { kind: "sealed", number };
    // Asked for once there is something to keep; a browser that says no keeps it as long as it can.
    await engine().persist();
  } catch (error) {
    if (outcome.value.kind === "sealed") return;
    outcome.value = { kind: "refused", refusal: refusalOf(error) };
  }
}

/** Once it was read that a report is sealed, the next one begins without that word. */
export function forgetSealed(): void {
  if (outcome.value.kind === "sealed") outcome.value = { kind: "writing" };
}

export function stopSealing(): void {
  stopper?.abort();
}
