/** The system's randomness, wherever the page came from: it needs no secure context. */

/** So many bytes of it. */
export function randomBytes(count: number): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(count));
}
