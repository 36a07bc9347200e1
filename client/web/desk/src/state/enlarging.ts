/** The file of the open report that fills the window, and where the focus goes back to. */
import { signal } from "@preact/signals";

/** Its number in the report. */
export const enlarged = signal<number | null>(null);
/** Whether it begins with playing. */
export const isPlaying = signal(false);

let opener: HTMLElement | null = null;

export function enlarge(file: number, plays = false): void {
  if (enlarged.value === null) {
    opener = document.activeElement instanceof HTMLElement ? document.activeElement : null;
    // One sound at a time.
    for (const each of document.querySelectorAll<HTMLMediaElement>("video, audio")) each.pause();
  }
  isPlaying.value = plays;
  enlarged.value = file;
}

export function diminish(): void {
  enlarged.value = null;
  opener?.focus();
  opener = null;
}
