/**
 * A relay's side of channel and session, as far as tests need somebody to talk with. No program
 * uses it: relays are written in Python.
 */
import { concat } from "../src/protocol/bytes.ts";
import {
  checkMagic,
  type Direction,
  directionIn,
  directionOut,
  Inlet,
  type Opening,
  preambleInfo,
  SALT_BYTES,
  sessionHashOf,
  VERSION,
} from "../src/protocol/channel.ts";
import { ProtocolError, RemoteError } from "../src/protocol/errors.ts";
import type { Frame } from "../src/protocol/frames.ts";
import { sha256 } from "../src/protocol/hashing.ts";
import { label } from "../src/protocol/labels.ts";
import { randomBytes } from "../src/protocol/random.ts";
import type { SealingSecret } from "../src/protocol/sealing.ts";
import { type Channel, Session } from "../src/protocol/session.ts";

const OPENING_BYTES = 5;
const PREAMBLE_BYTES = 1173;

/** The side that holds the sealing secret. It can send once it has read the preamble. */
export class RelayChannel implements Channel {
  channelHash: Uint8Array | undefined;
  sessionHash: Uint8Array | undefined;
  answer: Uint8Array | undefined;
  readonly #secret: SealingSecret;
  readonly #salt: Uint8Array;
  readonly #inlet = new Inlet((buffer) => this.#readPreamble(buffer));
  #outgoing: Direction | undefined;

  constructor(secret: SealingSecret, salt = randomBytes(SALT_BYTES)) {
    this.#secret = secret;
    this.#salt = salt;
  }

  get failure(): RemoteError | undefined {
    return this.#inlet.failure;
  }

  seal(plain: Uint8Array): Uint8Array {
    if (this.#outgoing === undefined) throw new Error("the preamble has not been read");
    return this.#outgoing.seal(plain);
  }

  feed(data: Uint8Array): Uint8Array[] {
    return this.#inlet.feed(data);
  }

  finish(): void {
    this.#inlet.finish();
  }

  #readPreamble(buffer: Uint8Array): Opening | undefined {
    checkMagic(buffer);
    if (buffer.length > 3 && buffer[3] !== VERSION) throw new RemoteError("unknown_version");
    if (buffer.length > 4 && buffer[4] !== 1) throw new RemoteError("unknown_suite");
    if (buffer.length < PREAMBLE_BYTES) return undefined;
    const preamble = buffer.slice(0, PREAMBLE_BYTES);
    const relayKey = this.#secret.publicKey;
    const secret = this.#openSecret(preamble);
    this.channelHash = sha256(label("channel-hash"), relayKey, preamble);
    this.sessionHash = sessionHashOf(this.channelHash, this.#salt);
    this.answer = concat(buffer.subarray(0, 3), Uint8Array.of(VERSION), this.#salt);
    this.#outgoing = directionIn(secret, this.channelHash, this.#salt);
    return { incoming: directionOut(secret, this.channelHash), size: PREAMBLE_BYTES };
  }

  #openSecret(preamble: Uint8Array): Uint8Array {
    const info = preambleInfo(this.#secret.publicKey);
    try {
      return this.#secret.open(info, preamble.subarray(OPENING_BYTES));
    } catch (error) {
      if (error instanceof ProtocolError) throw new RemoteError("bad_channel");
      throw error;
    }
  }
}

/** The side that answers. */
export class RelaySession extends Session {
  readonly #relayChannel: RelayChannel;
  #answered = false;

  constructor(channel: RelayChannel) {
    super(channel, "relay", "client");
    this.#relayChannel = channel;
  }

  protected override seal(pieces: readonly Uint8Array[]): Uint8Array {
    const packets = super.seal(pieces);
    const { answer } = this.#relayChannel;
    if (this.#answered || answer === undefined) return packets;
    this.#answered = true;
    return concat(answer, packets);
  }

  protected override check(frame: Frame): void {
    if (frame.type === "hello" && !frame.versions.includes(1)) {
      throw new RemoteError("unknown_version");
    }
  }
}
