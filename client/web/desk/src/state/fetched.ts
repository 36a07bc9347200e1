/** What a screen asks for when it is shown, and again whenever the desk has changed. */
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { ask, wordsOf } from "../client.ts";
import { change } from "./desk.ts";

export interface Fetched<T> {
  /** null until it is here; what was there before stays while it is asked for again. */
  readonly found: T | null;
  readonly failure: string;
  readonly again: () => void;
}

/** An answer to this address; another address is another answer. */
export function useFetched<T>(path: string, body?: unknown): Fetched<T> {
  const found = useSignal<{ readonly key: string; readonly value: T } | null>(null);
  const failure = useSignal("");
  const turn = useSignal(0);
  const key = `${path} ${JSON.stringify(body)}`;
  useEffect(() => {
    let isWanted = true;
    void ask<T>(path, body).then(
      (value) => {
        if (!isWanted) return;
        found.value = { key, value };
        failure.value = "";
      },
      (error: unknown) => {
        if (isWanted) failure.value = wordsOf(error);
      },
    );
    return () => {
      isWanted = false;
    };
  }, [key, change.value, turn.value]);
  return {
    found: found.value?.key === key ? found.value.value : null,
    failure: failure.value,
    again: () => {
      turn.value += 1;
    },
  };
}
