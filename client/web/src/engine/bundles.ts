/**
 * Parcels by hand: what waits as one file to give away, and what such a file holds for this device.
 *
 * A bundle opens nothing; whoever finds it sees what a relay would.
 */

import { BundleWriter, MAX_ENTRIES, readBundle } from "../protocol/bundle.ts";
import { RemoteError } from "../protocol/errors.ts";
import type { Stamp } from "../protocol/frames.ts";
import { PAGE_LEAVES } from "../protocol/limits.ts";
import { blockCount } from "../protocol/merkle.ts";
import { EngineError, type SyncResult } from "./engine.ts";
import type { Library } from "./library.ts";
import type { Outbox, StoredParcel } from "./outbox.ts";
import { Receiving } from "./receiving.ts";
import { GROUP_BLOCKS, ROOTS_PAGE } from "./sealingRoom.ts";

const READ_BYTES = 1 << 20;
/** Pieces joined into one Blob: browsers keep large ones on the disk and small ones in memory. */
const JOINED_BYTES = 4 << 20;

/** Everything that waits, the most urgent first. Throws `empty` where nothing does. */
export async function bundleOf(outbox: Outbox): Promise<Blob> {
  const waiting = await outbox.waiting();
  const parcels = waiting
    .sort((one, other) => one.rank - other.rank || one.item - other.item || one.key - other.key)
    .slice(0, MAX_ENTRIES);
  if (parcels.length === 0) throw new EngineError("empty", "nothing waits");
  const stamps = parcels.flatMap(({ stamp }): Stamp[] => (stamp === null ? [] : [stamp]));
  const writer = new BundleWriter(
    parcels.map(({ header }) => header),
    stamps,
  );
  const joining = new Joining();
  joining.add(writer.plan());
  for (const parcel of parcels) {
    for await (const piece of piecesOf(parcel, outbox, writer)) joining.add(piece);
  }
  joining.add(writer.end());
  return joining.whole();
}

async function* piecesOf(
  parcel: StoredParcel,
  outbox: Outbox,
  writer: BundleWriter,
): AsyncGenerator<Uint8Array> {
  const blocks = blockCount(parcel.header.bodySize);
  const { key } = parcel;
  const roots = blocks > PAGE_LEAVES ? await outbox.leaves(key, ROOTS_PAGE) : [];
  yield writer.parcel(found(roots));
  for (let first = 0; first < blocks; first += GROUP_BLOCKS) {
    const group = found(await outbox.group(key, first / GROUP_BLOCKS));
    for (const [at, data] of group.entries()) {
      const index = first + at;
      if (blocks > 1 && index % PAGE_LEAVES === 0) {
        yield writer.page(found(await outbox.leaves(key, index / PAGE_LEAVES)));
      }
      yield writer.block(data);
    }
  }
}

function found<T>(value: T | undefined): T {
  // Its place in the index is promised.
  if (value === undefined) throw new EngineError("busy", "it was opened or dropped meanwhile");
  return value;
}

/** Pieces as they come, joined now and then into Blobs. */
class Joining {
  readonly #blobs: Blob[] = [];
  #pieces: Uint8Array[] = [];
  #bytes = 0;

  add(piece: Uint8Array): void {
    this.#pieces.push(piece);
    this.#bytes += piece.length;
    if (this.#bytes >= JOINED_BYTES) this.#join();
  }

  whole(): Blob {
    this.#join();
    return new Blob(this.#blobs, { type: "application/octet-stream" });
  }

  #join(): void {
    this.#blobs.push(new Blob(this.#pieces as BlobPart[]));
    this.#pieces = [];
    this.#bytes = 0;
  }
}

/**
 * Takes in what a bundle holds for this device. What stood before a cut is kept; throws for what is
 * no bundle, or ends too early.
 */
export async function takeBundle(
  bundle: Blob,
  library: Library,
  today: number,
): Promise<SyncResult> {
  const receiving = new Receiving(library);
  for await (const frame of readBundle(chunksOf(bundle))) {
    if (frame.type === "header" || frame.type === "leaves" || frame.type === "block") {
      await receiving.take(frame);
    } else if (frame.type === "opened") {
      try {
        await library.hearOpened(frame, today);
      } catch (error) {
        // Anybody can write into a bundle that a desk opened something.
        if (!(error instanceof RemoteError)) throw error;
      }
    }
  }
  return { reached: 0, failed: [], sent: 0, received: receiving.takenBytes };
}

async function* chunksOf(data: Blob): AsyncGenerator<Uint8Array> {
  for (let start = 0; start < data.size; start += READ_BYTES) {
    yield new Uint8Array(await data.slice(start, start + READ_BYTES).arrayBuffer());
  }
}
