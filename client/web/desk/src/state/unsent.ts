/** What would be lost with the page: answers, notes and a bulletin that are being written, and
 * decisions on their way. */
import { picture, written } from "../bulletins/writing.ts";
import { hasDrafts } from "./answering.ts";
import { hasNotes } from "./notes.ts";
import { isDeciding } from "./report.ts";

export function hasUnsent(): boolean {
  const isWriting = hasDrafts() || hasNotes() || written().length > 0 || picture.value !== null;
  return isWriting || isDeciding();
}

/** Lets the browser ask before the page is left or loaded anew; the answer ends that. */
export function guardLeaving(): () => void {
  const guard = (event: BeforeUnloadEvent) => {
    if (hasUnsent()) event.preventDefault();
  };
  addEventListener("beforeunload", guard);
  return () => removeEventListener("beforeunload", guard);
}
