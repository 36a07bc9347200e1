/** Which blocks of a parcel are held, as in PARTIAL (SPEC 17): one canonical form for each set. */
import { localMalformed, malformed } from "./errors.ts";
import { MAX_BLOCKS } from "./limits.ts";

const MAX_BYTES = MAX_BLOCKS / 8;

/** A set of block indices, 0 to 65,535. Make one with `fromIndices` or `fromBytes`. */
export class Bitmap {
  /** Bit 7 of byte 0 is block 0; no trailing zero bytes. */
  readonly bytes: Uint8Array;

  private constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  /** The bitmap of these indices, in any order; LocalError for one that no body has. */
  static fromIndices(indices: Iterable<number>): Bitmap {
    const held = new Uint8Array(MAX_BYTES);
    let end = 0;
    for (const index of indices) {
      if (!(Number.isInteger(index) && index >= 0 && index < MAX_BLOCKS)) {
        throw localMalformed(`no body has a block ${index}`);
      }
      const byte = index >> 3;
      held[byte] = (held[byte] as number) | (0x80 >> (index & 7));
      end = Math.max(end, byte + 1);
    }
    return new Bitmap(held.slice(0, end));
  }

  /** The bitmap that these bytes are; `malformed` if too long or if trailing zeros were kept. */
  static fromBytes(bytes: Uint8Array): Bitmap {
    if (bytes.length > MAX_BYTES) {
      throw malformed(`a bitmap of ${bytes.length} bytes; at most ${MAX_BYTES}`);
    }
    if (bytes[bytes.length - 1] === 0) throw malformed("a bitmap ends in a zero byte");
    return new Bitmap(bytes);
  }

  has(index: number): boolean {
    return ((this.bytes[index >> 3] ?? 0) & (0x80 >> (index & 7))) !== 0;
  }

  /** The indices below `blocks` that are not held, ascending. */
  missing(blocks: number): number[] {
    return Array.from({ length: blocks }, (_, index) => index).filter((index) => !this.has(index));
  }
}
