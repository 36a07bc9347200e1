/** As what an original can be shown here, as the desk's decoder says once it has looked into it. */
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { ask, wordsOf } from "../client.ts";

/** `picture`: what was sent as something else, looked at as one. */
export type Playable = "film" | "sound" | "picture";

export interface Forms {
  readonly forms: readonly Playable[];
  /** Why as nothing else, in sentences. */
  readonly why_not: readonly string[];
  /** Whether it says something of itself. */
  readonly particulars: boolean;
}

/** null while it is looked into, and where nothing is `wanted`. */
export function useForms(report: string, file: number, wanted: boolean): Forms | null {
  const found = useSignal<{ readonly of: string; readonly forms: Forms } | null>(null);
  const of = `${report} ${file}`;
  useEffect(() => {
    if (!wanted) return;
    let isWanted = true;
    void ask<Forms>(`/api/reports/${report}/files/${file}/forms`).then(
      (forms) => {
        if (isWanted) found.value = { of, forms };
      },
      (error: unknown) => {
        const forms = { forms: [], why_not: [wordsOf(error)], particulars: true };
        if (isWanted) found.value = { of, forms };
      },
    );
    return () => {
      isWanted = false;
    };
  }, [of, wanted]);
  return found.value?.of === of ? found.value.forms : null;
}
