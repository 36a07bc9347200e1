/** Media as the desk decoded it: asked for once, kept by address while the report is open. */
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { Rendition, Shown } from "../api.ts";
import { ask, wordsOf } from "../client.ts";
import type { Form } from "./kinds.ts";

export interface Wanted {
  readonly report: string;
  readonly file: number;
  readonly rendition: Rendition;
  readonly form: Form;
}
export interface Showing {
  /** What is shown now, perhaps of a smaller rendition that was there before. */
  readonly shown: (Shown & { readonly rendition: Rendition }) | null;
  readonly failure: string;
  readonly isComing: boolean;
  /** The picture that was given does not load: the desk may have let go of it. */
  readonly lost: () => void;
}

/** Asks for it as soon as it is wanted; what was shown before stays until it is here. */
export function useShown(wanted: Wanted | null): Showing {
  const shown = useSignal<Showing["shown"]>(null);
  const failure = useSignal("");
  const isComing = useSignal(false);
  const tries = useSignal(0);
  const key = wanted === null ? "" : Object.values(wanted).join(" ");
  useEffect(() => {
    if (wanted === null) return;
    let isWanted = true;
    isComing.value = true;
    void ask<Shown>("/api/media", wanted).then(
      (found) => {
        if (!isWanted) return;
        shown.value = { ...found, rendition: wanted.rendition };
        failure.value = "";
        isComing.value = false;
      },
      (error: unknown) => {
        if (!isWanted) return;
        failure.value = wordsOf(error);
        isComing.value = false;
      },
    );
    return () => {
      isWanted = false;
    };
  }, [key, tries.value]);
  return {
    shown: shown.value,
    failure: failure.value,
    isComing: isComing.value,
    lost: () => {
      // Once: what can't be shown twice in a row is broken.
      if (tries.value === 0) tries.value = 1;
      else failure.value = failure.value || " ";
    },
  };
}
