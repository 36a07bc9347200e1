/** When a report of the list is shown at the right, and when that counts as having read it. */
import { markRead } from "../state/deciding.ts";
import { current } from "../state/list.ts";
import { show } from "../state/report.ts";

/** Going through the list quickly asks for nothing. */
const SETTLE_MS = 90;
/** Who stays on a report for so long reads it. */
const READ_MS = 1_500;

let timer: ReturnType<typeof setTimeout> | undefined;

/** Shows the row that the keys are on once they rest. */
export function previewCurrent(): void {
  clearTimeout(timer);
  const id = current.value;
  if (id === null) return;
  timer = setTimeout(() => {
    void show(id);
    timer = setTimeout(() => void markRead(id), READ_MS);
  }, SETTLE_MS);
}

/** Shows it at once and counts it as read. */
export function openCurrent(): boolean {
  clearTimeout(timer);
  const id = current.value;
  if (id === null) return false;
  void show(id);
  void markRead(id);
  return true;
}
