/**
 * A session as a machine without I/O (SPEC 17): bytes in, frames out, and the other way.
 *
 * Owns what may be said when. What a frame asks for is done by whoever drives the session.
 */
import { bigEndian, concat, readNumber } from "./bytes.ts";
import { ClientChannel, MAX_PLAIN_BYTES } from "./channel.ts";
import { LocalError, malformed, ourOwn, RemoteError } from "./errors.ts";
import { decodeFrame, encodeFrame } from "./frameCodec.ts";
import type { Frame, Hello, Welcome } from "./frames.ts";
import { HEADER_BYTES } from "./limits.ts";

const VERSION = 1;

/** What every client of this version says first. */
export const HELLO: Hello = { type: "hello", versions: [VERSION] };

/** Who speaks. */
export type Side = "client" | "relay";

/** Where one direction stands. */
export type State = "new" | "open" | "refused" | "ended";

/** What the side of that direction says. */
export type Event = "hello" | "welcome" | "error" | "end" | "other";

/** Per side: what it may say in which state, and where that leads. What is missing is not allowed. */
export const TRANSITIONS: Readonly<
  Record<Side, Readonly<Record<State, Readonly<Partial<Record<Event, State>>>>>>
> = {
  client: {
    new: { hello: "open" },
    open: { other: "open", error: "open", end: "ended" },
    refused: {},
    ended: {},
  },
  relay: {
    // A relay that shares no version, or is too busy to begin, says why and ends.
    new: { welcome: "open", error: "refused" },
    open: { other: "open", error: "open", end: "ended" },
    refused: { end: "ended" },
    ended: {},
  },
};

/** One direction's state, and how many offers and answers it has carried. */
class Direction {
  readonly side: Side;
  readonly state: State;
  readonly offered: number;
  readonly answered: number;

  constructor(side: Side, state: State = "new", offered = 0, answered = 0) {
    this.side = side;
    this.state = state;
    this.offered = offered;
    this.answered = answered;
  }

  /**
   * This direction after one more frame (null: one that is ignored).
   *
   * `heard` is the other direction, whose offers the answers are for. Throws `unexpected_frame`.
   */
  step(frame: Frame | null, heard: Direction): Direction {
    const event = eventOf(frame);
    const state = TRANSITIONS[this.side][this.state][event];
    if (state === undefined) {
      throw unexpected(`${event} from the ${this.side}, whose direction is ${this.state}`);
    }
    let { offered, answered } = this;
    if (frame?.type === "offers") {
      if (frame.first !== offered) {
        throw unexpected(`offers from ${frame.first} on; ${offered} is next`);
      }
      offered += frame.offers.length;
    } else if (frame?.type === "answers") {
      if (frame.first !== answered || answered + frame.codes.length > heard.offered) {
        throw unexpected(
          `answers from ${frame.first} on; ${answered} is next of ${heard.offered} offers`,
        );
      }
      answered += frame.codes.length;
    }
    return new Direction(this.side, state, offered, answered);
  }
}

function eventOf(frame: Frame | null): Event {
  switch (frame?.type) {
    case "hello":
    case "welcome":
    case "error":
    case "end":
      return frame.type;
    default:
      return "other";
  }
}

function unexpected(detail: string): RemoteError {
  return new RemoteError("unexpected_frame", detail);
}

/** What a session needs of the channel below it. */
export interface Channel {
  readonly failure: RemoteError | undefined;
  seal(plain: Uint8Array): Uint8Array;
  feed(data: Uint8Array): Uint8Array[];
}

/** What both sides do alike: pack and unpack frames, and hold each direction to its table. */
export abstract class Session {
  /** Why nothing more can be received. Known as soon as the bytes are in. */
  failure: RemoteError | undefined;
  readonly #channel: Channel;
  #ours: Direction;
  #theirs: Direction;

  constructor(channel: Channel, ours: Side, theirs: Side) {
    this.#channel = channel;
    this.#ours = new Direction(ours);
    this.#theirs = new Direction(theirs);
  }

  /** Whether the other side has said END. */
  get ended(): boolean {
    return this.#theirs.state === "ended";
  }

  /**
   * The packets that carry these frames, as many in each as fit.
   *
   * LocalError, and none of them is sent, where a frame may not be said now, or would be refused by
   * the other side.
   */
  send(...frames: readonly Frame[]): Uint8Array {
    let direction = this.#ours;
    const pieces = frames.map((frame) => {
      direction = ourOwn(() => direction.step(frame, this.#theirs));
      const record = encodeFrame(frame);
      return concat(bigEndian(record.length, 2), record);
    });
    const packets = this.seal(pieces);
    this.#ours = direction;
    return packets;
  }

  /**
   * The frames that `data` completes.
   *
   * Throws RemoteError when the other side breaks the protocol. Frames that stand before the fault
   * are returned first: the error comes with the next call, and again with every call after it;
   * `failure` tells it at once.
   */
  receive(data: Uint8Array): Frame[] {
    if (this.failure === undefined) {
      const frames: Frame[] = [];
      try {
        for (const plain of this.#channel.feed(data)) this.#read(plain, frames);
        this.failure = this.#channel.failure;
      } catch (error) {
        if (!(error instanceof RemoteError)) throw error;
        this.failure = error;
      }
      if (frames.length > 0 || this.failure === undefined) return frames;
    }
    throw this.failure;
  }

  /** The input has ended. Throws the failure, or `cut` where END was not among it. */
  finish(): void {
    if (!this.ended) {
      this.failure ??= new RemoteError("cut", "the other side's bytes end before END");
    }
    if (this.failure !== undefined) throw this.failure;
  }

  /** The packets that carry whole frames with their lengths; none is split over packets. */
  protected seal(pieces: readonly Uint8Array[]): Uint8Array {
    const packets: Uint8Array[] = [];
    let packet: Uint8Array[] = [];
    let room = MAX_PLAIN_BYTES;
    for (const piece of pieces) {
      if (piece.length > room) {
        // A HEADER goes with its BLOCK: together they are read at once.
        const last = packet[packet.length - 1];
        const rest = packet.length > 1 && last !== undefined && isHeader(last) ? [last] : [];
        packets.push(this.#channel.seal(concat(...packet.slice(0, packet.length - rest.length))));
        packet = rest;
        room = rest.reduce((left, one) => left - one.length, MAX_PLAIN_BYTES);
      }
      packet.push(piece);
      room -= piece.length;
    }
    if (packet.length > 0) packets.push(this.#channel.seal(concat(...packet)));
    return concat(...packets);
  }

  /** What this side asks of a frame beyond the table; throws RemoteError. */
  protected abstract check(frame: Frame): void;

  #read(plain: Uint8Array, frames: Frame[]): void {
    for (let at = 0; at < plain.length; ) {
      const start = at + 2;
      at = start + readNumber(plain, at, 2);
      if (start > plain.length || at > plain.length) {
        throw malformed("a frame does not end with its packet");
      }
      const frame = decodeFrame(plain.subarray(start, at));
      this.#theirs = this.#theirs.step(frame, this.#ours);
      if (frame !== null) {
        this.check(frame);
        frames.push(frame);
      }
    }
  }
}

/** Whether it is a HEADER alone, with its length. */
function isHeader(piece: Uint8Array): boolean {
  return piece.length < 2 * HEADER_BYTES && piece[3] === 9;
}

/** The side that begins. `relaySealingKey` (1216 bytes) comes from a card. */
export class ClientSession extends Session {
  /** The relay's first frame, once it is there. */
  welcome: Welcome | undefined;
  readonly #clientChannel: ClientChannel;
  #started = false;

  constructor(relaySealingKey: Uint8Array, channel = new ClientChannel(relaySealingKey)) {
    super(channel, "client", "relay");
    this.#clientChannel = channel;
  }

  /** The preamble, which goes before everything else; once. */
  start(): Uint8Array {
    if (this.#started) throw new LocalError("malformed", "the session has been started");
    this.#started = true;
    return this.#clientChannel.preamble;
  }

  protected override seal(pieces: readonly Uint8Array[]): Uint8Array {
    if (!this.#started) throw new LocalError("malformed", "the session has not been started");
    return super.seal(pieces);
  }

  protected override check(frame: Frame): void {
    if (frame.type !== "welcome") return;
    if (frame.version !== VERSION) {
      throw new RemoteError(
        "unknown_version",
        `the relay chose version ${frame.version}, not ${VERSION}`,
      );
    }
    this.welcome = frame;
  }
}
