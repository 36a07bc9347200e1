/** Bytes that come in pieces of any size, taken in pieces of another. Knows no format. */

/** Data as it is read, in pieces of any size. */
export type Chunks = AsyncIterable<Uint8Array> | Iterable<Uint8Array>;

/** Chunks cut anew, each of `size` bytes but the last; none of them is empty. */
export async function* inPieces(chunks: Chunks, size: number): AsyncGenerator<Uint8Array> {
  const source = new Source(chunks);
  for (;;) {
    const piece = await source.take(size);
    if (piece.length > 0) yield piece;
    if (piece.length < size) return;
  }
}

/**
 * What the work makes of each piece, in their order. So many are read and under way at once, whether
 * or not anybody waits for one.
 */
export async function* ahead<T, R>(
  pieces: AsyncGenerator<T>,
  most: number,
  work: (piece: T, index: number) => Promise<R>,
): AsyncGenerator<R> {
  const going: Promise<{ readonly made: R } | null>[] = [];
  let index = 0;
  const begin = () => {
    // A generator answers in the order in which it was asked.
    const one = pieces.next().then(async ({ done, value }) => {
      if (done) return null;
      const at = index;
      index += 1;
      return { made: await work(value, at) };
    });
    // Whoever waits for it is told what it throws.
    one.catch(() => undefined);
    going.push(one);
  };
  try {
    while (going.length < most) begin();
    for (let next = await going.shift(); next; next = await going.shift()) {
      begin();
      yield next.made;
    }
  } finally {
    await pieces.return(undefined);
  }
}

/** Chunks as one stream. Keeps no more than what was asked for and one chunk. */
export class Source {
  readonly #chunks: AsyncIterator<Uint8Array> | Iterator<Uint8Array>;
  #rest: Uint8Array = new Uint8Array(0);

  constructor(chunks: Chunks) {
    this.#chunks =
      Symbol.asyncIterator in chunks ? chunks[Symbol.asyncIterator]() : chunks[Symbol.iterator]();
  }

  /** The next bytes, as many, or all that are left; a view of the chunk where that holds as many. */
  async take(size: number): Promise<Uint8Array> {
    if (this.#rest.length === 0) await this.#next();
    if (this.#rest.length >= size) {
      const whole = this.#rest.subarray(0, size);
      this.#rest = this.#rest.subarray(size);
      return whole;
    }
    const out = new Uint8Array(size);
    let at = 0;
    while (at < size) {
      // A view would keep, and a database would store, all that was asked for.
      if (this.#rest.length === 0 && !(await this.#next())) return out.slice(0, at);
      const part = this.#rest.subarray(0, size - at);
      out.set(part, at);
      at += part.length;
      this.#rest = this.#rest.subarray(part.length);
    }
    return out;
  }

  /** The next chunk; false where there is none. */
  async #next(): Promise<boolean> {
    const next = await this.#chunks.next();
    if (next.done) return false;
    this.#rest = next.value;
    return true;
  }
}
