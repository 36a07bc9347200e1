/**
 * The bundle: one file for every dead carrier (SPEC 19). Written and read in constant memory; what
 * still stands in a file that was cut is read all the same.
 */
import { bigEndian, concat, equal, isZeroFrom, readNumber, u32, u64 } from "./bytes.ts";
import { LocalError, malformed, RemoteError } from "./errors.ts";
import { decodeFrame, encodeFrame, PAGE_ROOTS } from "./frameCodec.ts";
import type { Block, End, Frame, HeaderFrame, Leaves, Opened, Purge, Stamp } from "./frames.ts";
import { HASH_BYTES, HEADER_BYTES, PAGE_LEAVES } from "./limits.ts";
import { blockCount, blockLength, pageCount } from "./merkle.ts";
import type { Header } from "./parcel.ts";
import { type Chunks, Source } from "./source.ts";
import { Outgoing } from "./transfer.ts";

const MAGIC = new TextEncoder().encode("QNTB");
const VERSION = 1;
const FRONT_BYTES = 12;
const ENTRY_BYTES = 56;
/** An index of 3.5 MiB: a card of films and letters has some thousands. */
export const MAX_ENTRIES = 65_536;

/** What goes in front of the parcels: it is small, and worth most where the file is cut. */
export type Note = Opened | Purge | Stamp;
export type BundleFrame = HeaderFrame | Leaves | Block | Note | End;

/** What the index says of one parcel. A hint: only the frames count. */
export interface IndexEntry {
  readonly type: "indexEntry";
  readonly parcelId: Uint8Array;
  /** A number that may be unknown. */
  readonly kind: number;
  readonly bodySize: number;
  /** That of the HEADER frame in the file. */
  readonly offset: number;
}

/**
 * The bytes of a bundle, piece by piece and without I/O: `plan`, then for each header in order
 * `parcel` and its `page`s and `block`s, then `end`. LocalError for another order.
 */
export class BundleWriter {
  readonly #headers: readonly Header[];
  readonly #notes: readonly Uint8Array[];
  #begun = 0;
  #outgoing: Outgoing | undefined;
  #block = 0;

  constructor(headers: readonly Header[], notes: readonly Note[] = []) {
    if (headers.length > MAX_ENTRIES) {
      throw new LocalError("too_large", `${headers.length} parcels; a bundle holds ${MAX_ENTRIES}`);
    }
    this.#headers = headers;
    this.#notes = notes.map(framed);
  }

  /** What stands in front of the parcels: the index, and the notes. */
  plan(): Uint8Array {
    let offset = this.#frontBytes();
    const index = this.#headers.map((header, handle) => {
      const kind = Uint8Array.of(header.kind, 0, 0, 0, 0, 0, 0, 0);
      const entry = concat(header.parcelId, kind, u64(header.bodySize), u64(offset));
      offset += sizeInFrames(handle, header.bodySize);
      return entry;
    });
    const front = concat(MAGIC, Uint8Array.of(VERSION, 0, 0, 0), u32(this.#headers.length));
    return concat(front, ...index, ...this.#notes);
  }

  /** How long the whole bundle will be, without making it. */
  get plannedBytes(): number {
    const parcels = this.#headers.map((header, handle) => sizeInFrames(handle, header.bodySize));
    return parcels.reduce((sum, size) => sum + size, this.#frontBytes() + framed(END).length);
  }

  /** The beginning of the next parcel; its page roots if it has more than 64 blocks. */
  parcel(pageRoots: readonly Uint8Array[] = []): Uint8Array {
    this.#requireWhole();
    const header = this.#headers[this.#begun];
    if (header === undefined) throw local("more parcels than the index was planned for");
    this.#outgoing = new Outgoing(this.#begun, header);
    this.#begun += 1;
    this.#block = 0;
    return concat(...this.#outgoing.start(pageRoots).map(framed));
  }

  /** The list of up to 64 leaves whose blocks come next; none for a parcel of one block. */
  page(leaves: readonly Uint8Array[]): Uint8Array {
    return framed(this.#current().page(Math.floor(this.#block / PAGE_LEAVES), leaves));
  }

  /** The parcel's next block. */
  block(data: Uint8Array): Uint8Array {
    const written = framed(this.#current().block(this.#block, data));
    this.#block += 1;
    return written;
  }

  /** The end; LocalError unless all that was planned has been written. */
  end(): Uint8Array {
    this.#requireWhole();
    const missing = this.#headers.length - this.#begun;
    if (missing > 0) throw local(`${missing} parcels are missing`);
    return framed(END);
  }

  #frontBytes(): number {
    const notes = this.#notes.reduce((sum, note) => sum + note.length, 0);
    return FRONT_BYTES + ENTRY_BYTES * this.#headers.length + notes;
  }

  #current(): Outgoing {
    if (this.#outgoing === undefined) throw local("no parcel has begun");
    return this.#outgoing;
  }

  #requireWhole(): void {
    if (this.#outgoing === undefined) return;
    const blocks = blockCount(this.#outgoing.header.bodySize);
    if (this.#block < blocks) throw local(`${this.#block} of the parcel's ${blocks} blocks`);
  }
}

const END: End = { type: "end" };

/**
 * The index's entries, then the frames up to and with END, as soon as they are complete.
 *
 * Throws `cut` at the end where END is missing, and `malformed`, `unknown_version`, `too_large` or
 * `unexpected_frame` at what cannot be read; what was yielded before stands. The frames are for an
 * Intake to verify.
 */
export async function* readBundle(chunks: Chunks): AsyncGenerator<IndexEntry | BundleFrame> {
  const source = new Source(chunks);
  if (!equal(await taken(source, 4), MAGIC)) throw malformed("this does not begin like a bundle");
  const [version] = await taken(source, 1);
  if (version !== VERSION) {
    throw new RemoteError("unknown_version", `bundle version ${version}; this program reads 1`);
  }
  if (!isZeroFrom(await taken(source, 3), 0)) {
    throw malformed("something stands where a bundle has zeros");
  }
  const count = readNumber(await taken(source, 4), 0, 4);
  if (count > MAX_ENTRIES) {
    throw new RemoteError("too_large", `an index of ${count} entries; at most ${MAX_ENTRIES}`);
  }
  for (let entry = 0; entry < count; entry++) yield entryOf(await taken(source, ENTRY_BYTES));
  for (;;) {
    const length = readNumber(await taken(source, 2), 0, 2);
    const frame = decodeFrame(await taken(source, length));
    if (frame === null) continue;
    if (!isBundleFrame(frame)) {
      throw new RemoteError("unexpected_frame", `${frame.type} in a bundle`);
    }
    yield frame;
    if (frame.type === "end") break;
  }
  if ((await source.take(1)).length > 0) throw malformed("bytes behind the END of a bundle");
}

const BUNDLE_FRAMES = new Set(["header", "leaves", "block", "opened", "purge", "stamp", "end"]);

function isBundleFrame(frame: Frame): frame is BundleFrame {
  return BUNDLE_FRAMES.has(frame.type);
}

async function taken(source: Source, size: number): Promise<Uint8Array> {
  const data = await source.take(size);
  if (data.length < size) throw new RemoteError("cut", "the bundle ends before its END");
  return data;
}

function entryOf(data: Uint8Array): IndexEntry {
  return {
    type: "indexEntry",
    parcelId: data.slice(0, 32),
    kind: data[32] as number,
    bodySize: readNumber(data, 40, 8),
    offset: readNumber(data, 48, 8),
  };
}

function framed(frame: Frame): Uint8Array {
  const record = encodeFrame(frame);
  return concat(bigEndian(record.length, 2), record);
}

function local(detail: string): LocalError {
  return new LocalError("unexpected_frame", detail);
}

/** How many bytes HEADER, lists and blocks of a whole parcel take, without making them. */
function sizeInFrames(handle: number, bodySize: number): number {
  const blocks = blockCount(bodySize);
  const pages = pageCount(bodySize);
  // The length, the head of an array of three or four fields, and the type.
  const front = 2 + 1 + 1 + uintSize(handle);
  let size = front + binSize(HEADER_BYTES);
  if (pages > 1) size += front + uintSize(PAGE_ROOTS) + binSize(HASH_BYTES * pages);
  for (let page = 0; blocks > 1 && page < pages; page++) {
    const leaves = Math.min(PAGE_LEAVES, blocks - page * PAGE_LEAVES);
    size += front + uintSize(page) + binSize(HASH_BYTES * leaves);
  }
  for (let block = 0; block < blocks; block++) {
    size += front + uintSize(block) + binSize(blockLength(bodySize, block));
  }
  return size;
}

/** Bytes of an integer below 2^32 in a record. */
function uintSize(value: number): number {
  if (value < 2 ** 7) return 1;
  if (value < 2 ** 8) return 2;
  return value < 2 ** 16 ? 3 : 5;
}

/** Bytes of a binary of less than 64 KiB in a record. */
function binSize(length: number): number {
  return length + (length < 2 ** 8 ? 2 : 3);
}
