/** When a report of the list is shown at the right, and when that counts as having read it. */
import { markRead } from "../state/deciding.ts";
import { current } from "../state/list.ts";
import { report, show, wanted } from "../state/report.ts";

/** Going through the list quickly asks for nothing. */
const SETTLE_MS = 90;
/** Who stays on a report for so long reads it. */
const READ_MS = 1_500;

let timer: ReturnType<typeof setTimeout> | undefined;
/** The report that is shown once the keys rest. */
let coming: string | null = null;

/** Shows the row that the keys are on once they rest. */
export function previewCurrent(): void {
  clearTimeout(timer);
  const id = current.value;
  if (id === null) return;
  coming = id;
  timer = setTimeout(() => {
    coming = null;
    void show(id);
    timer = setTimeout(() => void markRead(id), READ_MS);
  }, SETTLE_MS);
}

/** Whether the report at the right is the one that the keys went to. */
export function isSettled(): boolean {
  const id = coming ?? wanted.value;
  return id === null || report.value?.id === id;
}

/** Shows the one that the keys went to: nothing may be written into the one before. */
export async function settle(): Promise<void> {
  const id = coming ?? wanted.value;
  if (coming !== null) openCurrent();
  if (id !== null && !isSettled()) await show(id);
}

/** Shows it at once and counts it as read. */
export function openCurrent(): boolean {
  clearTimeout(timer);
  coming = null;
  const id = current.value;
  if (id === null) return false;
  void show(id);
  void markRead(id);
  return true;
}
