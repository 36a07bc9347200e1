/** Gives a file to the browser, which asks or keeps it where its downloads are. */
const GONE_MS = 60_000;

export function save(file: File): void {
  const address = URL.createObjectURL(file);
  const link = document.createElement("a");
  link.href = address;
  link.download = file.name;
  link.click();
  // The browser reads it some time after the press.
  setTimeout(() => URL.revokeObjectURL(address), GONE_MS);
}
