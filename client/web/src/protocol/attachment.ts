/**
 * Attachments as a report names them: files, and the parts that they travel as (SPEC 7).
 *
 * Never touches a file: names, sizes, hashes and keys only.
 */
import { equal, hex } from "./bytes.ts";
import { malformed, RemoteError } from "./errors.ts";
import { binary, type Field, line, row, uint } from "./fields.ts";
import { Rendition } from "./kinds.ts";
import { HASH_BYTES } from "./limits.ts";
import type { Value } from "./record.ts";

export const MAX_FILES = 32;
/** Three renditions of each file. */
export const MAX_PARTS = 96;

/** What file systems take. */
const MAX_NAME_BYTES = 255;
/** What registered media types keep to (RFC 6838 section 4.2). */
const MAX_MEDIA_TYPE_BYTES = 127;

/** An untouched original: its size in bytes and SHA-256. */
export interface File {
  readonly name: string;
  readonly mediaType: string;
  readonly size: number;
  readonly sha256: Uint8Array;
}

/** Where a rendition of file number `file` travels, its true length in bytes, and its key. */
export interface PartRef {
  readonly file: number;
  readonly rendition: Rendition;
  readonly mediaType: string;
  readonly length: number;
  readonly sha256: Uint8Array;
  readonly parcelId: Uint8Array;
  readonly contentKey: Uint8Array;
}

const nameLine = line(MAX_NAME_BYTES, 1);
const mediaTypeLine = line(MAX_MEDIA_TYPE_BYTES, 3);

/** `bad_name` unless this is the name of a file: a line of 1 to 255 bytes, no path. */
export function checkName(name: string): void {
  try {
    nameLine(name);
  } catch (error) {
    if (!(error instanceof RemoteError)) throw error;
    throw new RemoteError("bad_name", `not the name of a file: ${JSON.stringify(name)}`);
  }
  if (/[/\\]/.test(name) || name === "." || name === "..") {
    throw new RemoteError("bad_name", `a path, not the name of a file: ${JSON.stringify(name)}`);
  }
}

/** The field of a media type: 3 to 127 ASCII bytes with one slash, else `malformed`. */
export const mediaTypeField: Field<string> = (value) => {
  const checked = mediaTypeLine(value);
  // A line has no control characters.
  if (!/^[ -~]*$/.test(checked) || checked.split("/").length !== 2) {
    throw malformed(`not a media type: ${JSON.stringify(checked)}`);
  }
  return checked;
};

const nameField: Field<string> = (value) => {
  if (typeof value !== "string") throw malformed("a file name is not a string");
  checkName(value);
  return value;
};

const fileRow = row<[string, string, number, Uint8Array]>(
  nameField,
  mediaTypeField,
  uint(),
  binary(HASH_BYTES),
);
const partRow = row<[number, number, string, number, Uint8Array, Uint8Array, Uint8Array]>(
  uint(0, MAX_FILES - 1),
  uint(Rendition.THUMBNAIL, Rendition.ORIGINAL),
  mediaTypeField,
  uint(),
  binary(HASH_BYTES),
  binary(HASH_BYTES),
  binary(32),
);

/** The field of one row of a report's files. */
export const fileField: Field<File> = (value) => {
  const [name, mediaType, size, sha256] = fileRow(value);
  return { name, mediaType, size, sha256 };
};

/** The field of one row of a report's parts. */
export const partField: Field<PartRef> = (value) => {
  const [file, rendition, mediaType, length, sha256, parcelId, contentKey] = partRow(value);
  return {
    file,
    rendition: rendition as Rendition,
    mediaType,
    length,
    sha256,
    parcelId,
    contentKey,
  };
};

/** The row of a file in a report. */
export function packedFile(file: File): Value {
  return [file.name, file.mediaType, file.size, file.sha256];
}

/** The row of a part in a report. */
export function packedPart(part: PartRef): Value {
  const { file, rendition, mediaType, length, sha256, parcelId, contentKey } = part;
  return [file, rendition, mediaType, length, sha256, parcelId, contentKey];
}

/** `malformed` unless the parts are those of the files, in the order of SPEC 7. */
export function checkParts(files: readonly File[], parts: readonly PartRef[]): void {
  const places = parts.map((part) => part.file * 4 + part.rendition);
  if (places.some((place, at) => at > 0 && place <= (places[at - 1] as number))) {
    throw malformed("parts stand in order of file and rendition, each once");
  }
  if (parts.some((part) => part.file >= files.length)) {
    throw malformed("a part of a file that is not there");
  }
  for (const [number, file] of files.entries()) {
    const original = parts.find(
      (part) => part.file === number && part.rendition === Rendition.ORIGINAL,
    );
    if (original === undefined) throw malformed(`the original of file ${number} has no part`);
    if (original.length !== file.size || !equal(original.sha256, file.sha256)) {
      throw malformed(`the part of file ${number} is not the file`);
    }
  }
  const ids = new Set(parts.map((part) => hex(part.parcelId)));
  const keys = new Set(parts.map((part) => hex(part.contentKey)));
  if (ids.size < parts.length || keys.size < parts.length) {
    throw malformed("two parts have one parcel id or one content key");
  }
}
