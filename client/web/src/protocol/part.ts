/**
 * Parts: sealed attachments, as streams in constant memory (SPEC 6). What comes out of an opener is
 * genuine chunk by chunk, but whole and right only when the stream has ended without an error.
 */
import { concat, equal, isZeroFrom, pieces } from "./bytes.ts";
import {
  CHUNK_BYTES,
  CHUNKED_FRONT_BYTES,
  ChunkCipher,
  cannotOpen,
  capacity,
  newContentKey,
  SEALED_CHUNK_BYTES,
} from "./chunked.ts";
import { localMalformed, malformed, RemoteError } from "./errors.ts";
import { fastSha256, type Hash, Sha256 } from "./hashing.ts";
import { Kind, kindName, type Rendition } from "./kinds.ts";
import { label } from "./labels.ts";
import { BLOCK_BYTES } from "./limits.ts";
import { leafHashFast, TreeBuilder } from "./merkle.ts";
import { bindOf, Header, type Unrooted } from "./parcel.ts";
import { partBodySize } from "./sizes.ts";
import { ahead, type Chunks, inPieces, Source } from "./source.ts";
import { checkOpened, lockOf, openedValue } from "./tombstone.ts";

/** A block of a body: 16,384 bytes, the last one perhaps fewer, and its leaf. */
export interface SealedBlock {
  readonly index: number;
  readonly data: Uint8Array;
  readonly leaf: Uint8Array;
}

/** Blocks that follow each other in one piece, and their leaves. */
export interface SealedGroup {
  readonly data: Uint8Array;
  readonly leaves: readonly Uint8Array[];
}

/** How many are under way at once: enough that WebCrypto's threads never stand still. */
const CHUNKS_AHEAD = 64;
const GROUPS_AHEAD = 2;

export interface PartDraft {
  readonly tag: Uint8Array;
  readonly expiryDay: number;
  /** Of the data, in bytes. */
  readonly length: number;
  readonly rendition: Rendition;
}

/** Seals data of a known length as it is read. One sealer seals once, under a key of its own. */
export class PartSealer {
  readonly contentKey: Uint8Array;
  readonly #unrooted: Unrooted;
  readonly #length: number;
  readonly #cipher: ChunkCipher;
  readonly #tree = new TreeBuilder();
  #begun = false;
  #sealed: { header: Header; sha256: Uint8Array } | undefined;

  constructor(draft: PartDraft, random?: { contentKey: Uint8Array; salt: Uint8Array }) {
    const { tag, expiryDay, length, rendition } = draft;
    const bodySize = partBodySize(length, rendition);
    this.contentKey = random?.contentKey ?? newContentKey();
    const lock = lockOf(this.contentKey);
    this.#unrooted = { kind: Kind.PART, urgent: false, expiryDay, bodySize, tag, lock };
    this.#length = length;
    const context = contentContext(bindOf(this.#unrooted));
    this.#cipher = ChunkCipher.forSealing(this.contentKey, context, random?.salt);
  }

  /** The blocks of the body, in order. LocalError if the chunks are not of that length. */
  async *blocks(chunks: Chunks): AsyncGenerator<SealedBlock> {
    let index = 0;
    for await (const { data, leaves } of this.groups(chunks, 1)) {
      yield { index, data, leaf: leaves[0] as Uint8Array };
      index += 1;
    }
  }

  /** The same, so many blocks at a time, the last group perhaps fewer: that is the faster way. */
  async *groups(chunks: Chunks, blocks: number): AsyncGenerator<SealedGroup> {
    if (this.#begun) throw localMalformed("a part is sealed once; make a new sealer");
    this.#begun = true;
    const hash = await fastSha256();
    const groups = inPieces(this.#ciphertext(chunks, hash), blocks * BLOCK_BYTES);
    const sealed = ahead(groups, GROUPS_AHEAD, async (data) => {
      return { data, leaves: await Promise.all(pieces(data, BLOCK_BYTES).map(leafHashFast)) };
    });
    for await (const group of sealed) {
      for (const leaf of group.leaves) this.#tree.addLeaf(leaf);
      yield group;
    }
    this.#sealed = {
      header: new Header({ ...this.#unrooted, root: this.#tree.root() }),
      sha256: hash.digest(),
    };
  }

  /** The header, and the hash of the data; LocalError before all blocks have been taken. */
  get sealed(): { readonly header: Header; readonly sha256: Uint8Array } {
    if (this.#sealed === undefined) throw localMalformed("the part is not sealed to its end yet");
    return this.#sealed;
  }

  async *#ciphertext(chunks: Chunks, hash: Hash): AsyncGenerator<Uint8Array> {
    yield this.#cipher.front;
    let isLastFull = true;
    let count = 0;
    const plains = inPieces(this.#padded(chunks, hash), CHUNK_BYTES);
    yield* ahead(plains, CHUNKS_AHEAD, (plain, number) => {
      count = number + 1;
      isLastFull = plain.length === CHUNK_BYTES;
      return this.#cipher.sealFast(number, plain);
    });
    // The last chunk is shorter than the others, and may be empty.
    if (isLastFull) yield await this.#cipher.sealFast(count, new Uint8Array(0));
  }

  async *#padded(chunks: Chunks, hash: Hash): AsyncGenerator<Uint8Array> {
    let taken = 0;
    for await (const chunk of chunks) {
      taken += chunk.length;
      if (taken > this.#length) {
        throw localMalformed(`more data than the ${this.#length} bytes announced`);
      }
      hash.update(chunk);
      yield chunk;
    }
    if (taken < this.#length) {
      throw localMalformed(`${taken} bytes of data where ${this.#length} were announced`);
    }
    for (let left = capacity(this.#unrooted.bodySize) - taken; left > 0; left -= CHUNK_BYTES) {
      yield new Uint8Array(Math.min(left, CHUNK_BYTES));
    }
  }
}

/** What a letter says of a part: content key, true length in bytes, SHA-256. */
export interface PartKey {
  readonly contentKey: Uint8Array;
  readonly length: number;
  readonly sha256: Uint8Array;
}

/**
 * The data of a part, in pieces; publish it only when the generator has ended.
 *
 * Throws, in the order of SPEC 6: `unknown_kind`, `bad_lock`, `cannot_open`, `bad_padding`,
 * `malformed` (the length does not fit the body), `bad_hash`.
 */
export async function* openPart(
  header: Header,
  key: PartKey,
  blocks: Chunks,
): AsyncGenerator<Uint8Array> {
  if (header.kind !== Kind.PART) {
    throw new RemoteError("unknown_kind", `a ${kindName(header.kind)} is no part`);
  }
  checkOpened(header.lock, openedValue(key.contentKey));
  const hash = new Sha256();
  let left = key.length;
  let isClean = true;
  for await (const plain of openedChunks(header, key.contentKey, blocks)) {
    const data = plain.subarray(0, left);
    // What stands behind the data is judged after the last chunk.
    isClean = isClean && isZeroFrom(plain, data.length);
    left -= data.length;
    hash.update(data);
    if (data.length > 0) yield data;
  }
  if (!isClean) throw new RemoteError("bad_padding");
  if (left > 0) throw malformed(`a part holds ${left} bytes less than its letter says`);
  if (!equal(hash.digest(), key.sha256)) throw new RemoteError("bad_hash");
}

async function* openedChunks(
  header: Header,
  contentKey: Uint8Array,
  blocks: Chunks,
): AsyncGenerator<Uint8Array> {
  const source = new Source(blocks);
  const front = await source.take(CHUNKED_FRONT_BYTES);
  if (front.length < CHUNKED_FRONT_BYTES) throw cannotOpen();
  const cipher = ChunkCipher.forOpening(contentKey, contentContext(header.bind), front);
  let size = front.length;
  for (let number = 0; ; number++) {
    const sealed = await source.take(SEALED_CHUNK_BYTES);
    size += sealed.length;
    // The last chunk is shorter than the others.
    const isLast = sealed.length < SEALED_CHUNK_BYTES;
    if (isLast && size !== header.bodySize) throw cannotOpen();
    yield await cipher.openFast(number, sealed);
    if (isLast) return;
  }
}

function contentContext(bind: Uint8Array): Uint8Array {
  return concat(label("content"), bind);
}
