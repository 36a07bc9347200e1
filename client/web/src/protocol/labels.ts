/** Labels: no value made for one use is valid for another, as every use begins with its own. */

const made = new Map<string, Uint8Array>();

/** `qanat/1/` || name || 0x00, in ASCII (SPEC 1). */
export function label(name: string): Uint8Array {
  let bytes = made.get(name);
  if (bytes === undefined) {
    bytes = new TextEncoder().encode(`qanat/1/${name}\0`);
    made.set(name, bytes);
  }
  return bytes;
}
