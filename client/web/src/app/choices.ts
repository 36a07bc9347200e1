/**
 * The few choices that outlive a visit: language, sending by itself, name and icon. Nothing of a
 * report is ever among them. Where the browser stores nothing they last until the page is closed.
 */
const PREFIX = "qanat.";

export type Choice = "language" | "auto" | "name";

const session = new Map<Choice, string>();

export function chosen(choice: Choice): string | null {
  return session.get(choice) ?? stored((storage) => storage.getItem(PREFIX + choice));
}

export function choose(choice: Choice, value: string): void {
  session.set(choice, value);
  stored((storage) => storage.setItem(PREFIX + choice, value));
}

/** Part of a wipe. */
export function forgetChoices(): void {
  for (const choice of ["language", "auto", "name"] as const) {
    session.delete(choice);
    stored((storage) => storage.removeItem(PREFIX + choice));
  }
}

/** What storage gives, or null where the browser refuses it: private mode throws at the door. */
function stored<Result>(use: (storage: Storage) => Result): Result | null {
  try {
    return use(localStorage);
  } catch (error) {
    if (error instanceof DOMException || error instanceof ReferenceError) return null;
    throw error;
  }
}
