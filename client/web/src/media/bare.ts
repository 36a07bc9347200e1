/**
 * Pictures without what the camera wrote into them: JPEG and PNG, byte for byte the same picture.
 * Knows which parts of these formats draw the picture and leaves out all others; never draws anew.
 */

/** A photo of a phone has a tenth of it. */
const MOST_BYTES = 96 * 1024 * 1024;
const PNG_SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
/** What makes the picture, its colours and its movement; of the rest, text and place among it, none. */
const PNG_KEPT = new Set(
  "IHDR PLTE IDAT IEND tRNS cHRM gAMA iCCP sBIT sRGB bKGD pHYs acTL fcTL fdAT".split(" "),
);
const ORIENTATION_TAG = 0x0112;

/** The same picture without metadata, or null for what is no JPEG or PNG or is broken. */
export async function withoutMetadata(file: Blob): Promise<Blob | null> {
  if (file.size > MOST_BYTES) return null;
  const data = new Uint8Array(await file.arrayBuffer());
  const jpeg = bareJpeg(data);
  if (jpeg !== null) return new Blob(jpeg, { type: "image/jpeg" });
  const png = barePng(data);
  return png === null ? null : new Blob(png, { type: "image/png" });
}

type Pieces = Uint8Array<ArrayBuffer>[];

/** The pieces of a JPEG that draw it, and which way up it is. */
export function bareJpeg(data: Uint8Array<ArrayBuffer>): Pieces | null {
  if (data[0] !== 0xff || data[1] !== 0xd8) return null;
  const pieces: Pieces = [data.subarray(0, 2)];
  let at = 2;
  while (at + 4 <= data.length) {
    const marker = data[at + 1] ?? 0;
    if (data[at] !== 0xff) return null;
    if (marker === 0xff) {
      at += 1;
      continue;
    }
    // What stands behind the end: a second picture or a film of some phones.
    if (marker === 0xd9) break;
    const end = at + 2 + big16(data, at + 2);
    if (end > data.length) return null;
    const segment = data.subarray(at, end);
    const turned = marker === 0xe1 ? orientation(segment) : 1;
    if (isDrawing(marker, segment)) pieces.push(segment);
    else if (turned > 1 && turned <= 8) pieces.push(turnedOnly(turned));
    at = end;
    if (marker === 0xda) {
      const scanEnd = endOfScan(data, at);
      pieces.push(data.subarray(at, scanEnd));
      at = scanEnd;
    }
  }
  if (data[at] !== 0xff || data[at + 1] !== 0xd9) return null;
  pieces.push(data.subarray(at, at + 2));
  return pieces;
}

/** The chunks of a PNG that draw it. */
export function barePng(data: Uint8Array<ArrayBuffer>): Pieces | null {
  if (PNG_SIGNATURE.some((byte, at) => data[at] !== byte)) return null;
  const pieces: Pieces = [data.subarray(0, 8)];
  let at = 8;
  while (at + 12 <= data.length) {
    const end = at + 12 + big32(data, at);
    if (end > data.length) return null;
    const name = String.fromCharCode(...data.subarray(at + 4, at + 8));
    if (PNG_KEPT.has(name)) pieces.push(data.subarray(at, end));
    if (name === "IEND") return pieces;
    at = end;
  }
  return null;
}

/** Comments and applications' segments go, but for JFIF, Adobe's colours and colour profiles. */
function isDrawing(marker: number, segment: Uint8Array): boolean {
  if (marker === 0xfe) return false;
  if (marker < 0xe0 || marker > 0xef) return true;
  if (marker === 0xe0) return startsWith(segment, "JFIF\0");
  if (marker === 0xe2) return startsWith(segment, "ICC_PROFILE\0");
  return marker === 0xee && startsWith(segment, "Adobe");
}

/** Where coded data ends: at the next marker that is no restart and no escaped byte. */
function endOfScan(data: Uint8Array, from: number): number {
  let at = from;
  while (at + 1 < data.length) {
    const next = data[at + 1] ?? 0;
    if (data[at] === 0xff && next !== 0 && next !== 0xff && (next < 0xd0 || next > 0xd7)) return at;
    at += 1;
  }
  return at;
}

/** Which way up Exif says the picture is: 1 as it is, up to 8. */
function orientation(segment: Uint8Array): number {
  if (!startsWith(segment, "Exif\0\0") || segment.length < 18) return 1;
  const tiff = new DataView(segment.buffer, segment.byteOffset + 10, segment.length - 10);
  const isLittle = tiff.getUint16(0) === 0x4949;
  const directory = tiff.getUint32(4, isLittle);
  if (directory + 2 > tiff.byteLength) return 1;
  const count = tiff.getUint16(directory, isLittle);
  for (let entry = 0; entry < count; entry++) {
    const at = directory + 2 + 12 * entry;
    if (at + 12 > tiff.byteLength) return 1;
    if (tiff.getUint16(at, isLittle) === ORIENTATION_TAG) return tiff.getUint16(at + 8, isLittle);
  }
  return 1;
}

/** An Exif segment that says which way up, and nothing else. */
function turnedOnly(turned: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.from([
    ...[0xff, 0xe1, 0, 34, 0x45, 0x78, 0x69, 0x66, 0, 0],
    ...[0x4d, 0x4d, 0, 42, 0, 0, 0, 8, 0, 1],
    ...[0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, turned, 0, 0, 0, 0, 0, 0],
  ]);
}

/** Whether a segment's content, behind marker and length, begins so. */
function startsWith(segment: Uint8Array, begin: string): boolean {
  for (let at = 0; at < begin.length; at++) {
    if (segment[4 + at] !== begin.charCodeAt(at)) return false;
  }
  return true;
}

function big16(data: Uint8Array, at: number): number {
  return ((data[at] ?? 0) << 8) | (data[at + 1] ?? 0);
}

function big32(data: Uint8Array, at: number): number {
  return big16(data, at) * 65_536 + big16(data, at + 2);
}
