/** What a relay gives in a session: takes it in, checks it, keeps it, and answers its offers. */
import { concat, hex } from "../protocol/bytes.ts";
import { BadRoot, ProtocolError, RemoteError } from "../protocol/errors.ts";
import {
  Answer,
  type Answers,
  type Block,
  type HeaderFrame,
  type Leaves,
  type Offers,
} from "../protocol/frames.ts";
import { Kind } from "../protocol/kinds.ts";
import { MAX_LETTER_BODY_BYTES, MAX_PUBLIC_BODY_BYTES } from "../protocol/limits.ts";
import type { Header } from "../protocol/parcel.ts";
import { Intake } from "../protocol/transfer.ts";
import { EngineError } from "./engine.ts";
import type { Library } from "./library.ts";

/** What one session may bring in: a relay that lies can't fill a phone. */
const MOST_TAKEN_BYTES = 64 << 20;
/** Sixteen times what an honest relay offers: each is remembered until it comes. */
const MOST_OFFERS = 65_536;

const MOST: Readonly<Partial<Record<Kind, number>>> = {
  [Kind.REPLY]: MAX_LETTER_BODY_BYTES,
  [Kind.PUBLIC]: MAX_PUBLIC_BODY_BYTES,
};

/** The incoming half of one session, or of a bundle. */
export class Receiving {
  /** Bytes of blocks that were verified. */
  takenBytes = 0;
  /** Whether something was damaged, or not what it claims to be. */
  hasNonsense = false;
  /** Whether anything came that was not here. */
  hasNews = false;
  readonly #library: Library;
  readonly #intake = new Intake();
  readonly #bodies = new Map<number, Uint8Array[]>();
  readonly #expected = new Set<string>();
  #promisedBytes = 0;
  #offers = 0;
  #known: Set<string> | undefined;

  constructor(library: Library) {
    this.#library = library;
  }

  /** Whether something that was answered with "want" is still to come. */
  get isWaiting(): boolean {
    return this.#expected.size > 0;
  }

  /** What to say to a relay's offers: of replies, those that are not here. May throw `too_large`. */
  async answer({ first, offers }: Offers): Promise<Answers> {
    this.#offers += offers.length;
    if (this.#offers > MOST_OFFERS) {
      throw new RemoteError("too_large", `more than ${MOST_OFFERS} offers`);
    }
    this.#known ??= await this.#library.offers();
    const known = this.#known;
    const codes = offers.map(hex).map((offer) => {
      if (known.has(offer)) return Answer.HAVE;
      this.#expected.add(offer);
      return Answer.WANT;
    });
    return { type: "answers", first, codes };
  }

  /** A frame of a transfer. Throws what ends the session; of the rest nothing is taken. */
  async take(frame: HeaderFrame | Leaves | Block): Promise<void> {
    try {
      if (frame.type === "header") this.#open(frame);
      else if (frame.type === "leaves") this.#intake.leaves(frame);
      else await this.#block(frame);
    } catch (error) {
      if (error instanceof EngineError && error.code === "unknown_desk") return;
      if (!(error instanceof ProtocolError)) throw error;
      if (error.verdict === "unexpected_frame" || error.verdict === "too_large") throw error;
      if (error instanceof BadRoot) {
        this.#bodies.delete(error.handle);
        this.hasNonsense = true;
      }
    }
  }

  #open(frame: HeaderFrame): void {
    const header = this.#intake.open(frame);
    this.#promisedBytes += header.bodySize;
    this.#expected.delete(hex(header.offer));
    const fits = this.#promisedBytes <= MOST_TAKEN_BYTES;
    if (header.bodySize > (MOST[header.kind] ?? 0) || !fits) {
      this.#intake.close(frame.handle);
      return;
    }
    this.#bodies.set(frame.handle, []);
  }

  async #block(frame: Block): Promise<void> {
    const found = this.#intake.block(frame);
    const body = this.#bodies.get(frame.handle);
    if (found === undefined || body === undefined) return;
    body[found.index] = found.data;
    this.takenBytes += found.data.length;
    if (!found.complete) return;
    this.#bodies.delete(frame.handle);
    await this.#keep(found.header, concat(...body));
  }

  async #keep(header: Header, body: Uint8Array): Promise<void> {
    if (await this.#library.keep(header, body)) this.hasNews = true;
  }
}
