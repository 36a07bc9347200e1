/**
 * The application channel (SPEC 16), the client's side: bytes into authenticated plains and back.
 *
 * Knows nothing of frames, and keeps at most one incomplete packet. What has failed stays failed.
 */
import { gcm } from "@noble/ciphers/aes.js";
import { bigEndian, concat, readNumber } from "./bytes.ts";
import { LocalError, RemoteError } from "./errors.ts";
import { expand, sha256 } from "./hashing.ts";
import { label } from "./labels.ts";
import { randomBytes } from "./random.ts";
import { keyHash, seal } from "./sealing.ts";

const MAGIC = new TextEncoder().encode("QNT");
export const VERSION = 1;
const SUITE = 1;
export const SECRET_BYTES = 32;
export const SALT_BYTES = 32;
const ANSWER_BYTES = MAGIC.length + 1 + SALT_BYTES;
const TAG_BYTES = 16;
const MIN_PACKET_BYTES = TAG_BYTES + 1;
/** Its length is a u16. */
const MAX_PACKET_BYTES = 0xffff;
export const MAX_PLAIN_BYTES = MAX_PACKET_BYTES - TAG_BYTES;

/** What the packets of one direction are sealed with: a key, an IV and a counter. */
export class Direction {
  readonly #key: Uint8Array;
  readonly #iv: Uint8Array;
  #counter = 0;

  constructor(keyAndIv: Uint8Array) {
    this.#key = keyAndIv.slice(0, 32);
    this.#iv = keyAndIv.slice(32, 44);
  }

  /** A packet with its length in front. `plain` is 1 to 65,519 bytes, else LocalError. */
  seal(plain: Uint8Array): Uint8Array {
    if (!(plain.length >= 1 && plain.length <= MAX_PLAIN_BYTES)) {
      throw local(`a packet holds 1 to ${MAX_PLAIN_BYTES} bytes, not ${plain.length}`);
    }
    const length = bigEndian(plain.length + TAG_BYTES, 2);
    return concat(length, gcm(this.#key, this.#nextNonce(), length).encrypt(plain));
  }

  /** The plain of one packet, else `bad_channel`. */
  open(length: Uint8Array, ciphertext: Uint8Array): Uint8Array {
    try {
      return gcm(this.#key, this.#nextNonce(), length).decrypt(ciphertext);
    } catch (error) {
      // The library's one way to say that it does not authenticate.
      if (!(error instanceof Error)) throw error;
      throw badChannel("a packet does not authenticate");
    }
  }

  /** The counter has 96 bits; no channel lives to see more than 53 of them. */
  #nextNonce(): Uint8Array {
    const counter = bigEndian(this.#counter, this.#iv.length);
    this.#counter += 1;
    return this.#iv.map((byte, at) => byte ^ (counter[at] as number));
  }
}

/** What an opening was read as: the key of the direction, and how many bytes it took. */
export interface Opening {
  readonly incoming: Direction;
  readonly size: number;
}

/**
 * The incoming bytes: an opening, then packets. Keeps one incomplete packet at most.
 *
 * The outcome - which plains, and which error behind them - is the same however the bytes were cut
 * into pieces.
 */
export class Inlet {
  /** Why this direction is dead. Known as soon as the bytes are in. */
  failure: RemoteError | undefined;
  readonly #readOpening: (buffer: Uint8Array) => Opening | undefined;
  #buffer: Uint8Array = new Uint8Array(0);
  #incoming: Direction | undefined;

  /** `readOpening` is given all bytes so far, and returns undefined while the opening is not whole. */
  constructor(readOpening: (buffer: Uint8Array) => Opening | undefined) {
    this.#readOpening = readOpening;
  }

  /**
   * The plains of the packets that `data` completes.
   *
   * Plains that stand before a fault are returned first: the error comes with the next call, and
   * again with every call after it.
   */
  feed(data: Uint8Array): Uint8Array[] {
    if (this.failure === undefined) {
      const plains: Uint8Array[] = [];
      this.#buffer = concat(this.#buffer, data);
      try {
        this.#takePackets(plains);
      } catch (error) {
        if (!(error instanceof RemoteError)) throw error;
        this.failure = error;
        this.#buffer = new Uint8Array(0);
      }
      if (plains.length > 0 || this.failure === undefined) return plains;
    }
    throw this.failure;
  }

  /** The input has ended. Throws the failure, or `cut` inside an opening or a packet. */
  finish(): void {
    if (this.#buffer.length > 0 || this.#incoming === undefined) {
      this.failure ??= new RemoteError("cut", "the bytes end inside a packet");
    }
    if (this.failure !== undefined) throw this.failure;
  }

  #takePackets(plains: Uint8Array[]): void {
    if (this.#incoming === undefined) {
      const opening = this.#readOpening(this.#buffer);
      if (opening === undefined) return;
      this.#incoming = opening.incoming;
      this.#buffer = this.#buffer.slice(opening.size);
    }
    const buffer = this.#buffer;
    let start = 0;
    while (buffer.length - start >= 2) {
      const length = readNumber(buffer, start, 2);
      const end = start + 2 + length;
      if (length < MIN_PACKET_BYTES) throw badChannel(`a packet of ${length} bytes`);
      if (buffer.length < end) break;
      const head = buffer.subarray(start, start + 2);
      plains.push(this.#incoming.open(head, buffer.subarray(start + 2, end)));
      start = end;
    }
    this.#buffer = buffer.slice(start);
  }
}

/** The side that has the other's sealing key (1216 bytes) from a card, and speaks first. */
export class ClientChannel {
  /** What goes before everything else. */
  readonly preamble: Uint8Array;
  readonly channelHash: Uint8Array;
  readonly #secret: Uint8Array;
  readonly #outgoing: Direction;
  readonly #inlet = new Inlet((buffer) => this.#readAnswer(buffer));
  #sessionHash: Uint8Array | undefined;

  /** `bad_key` for a key that is none. `known` is given only where the same has to come again. */
  constructor(
    relaySealingKey: Uint8Array,
    known?: { readonly secret: Uint8Array; readonly preamble: Uint8Array },
  ) {
    this.#secret = known?.secret ?? randomBytes(SECRET_BYTES);
    this.preamble =
      known?.preamble ??
      concat(
        MAGIC,
        Uint8Array.of(VERSION, SUITE),
        seal(relaySealingKey, preambleInfo(relaySealingKey), this.#secret),
      );
    this.channelHash = sha256(label("channel-hash"), relaySealingKey, this.preamble);
    this.#outgoing = directionOut(this.#secret, this.channelHash);
  }

  /** 32 bytes of which each side has chosen a part; LocalError before the answer is read. */
  get sessionHash(): Uint8Array {
    if (this.#sessionHash === undefined) throw local("the answer has not been read");
    return this.#sessionHash;
  }

  /** Whether the relay's answer is read. */
  get isOpen(): boolean {
    return this.#sessionHash !== undefined;
  }

  /** Why the incoming direction is dead. */
  get failure(): RemoteError | undefined {
    return this.#inlet.failure;
  }

  /** A packet, for behind the preamble. `plain` is 1 to 65,519 bytes, else LocalError. */
  seal(plain: Uint8Array): Uint8Array {
    return this.#outgoing.seal(plain);
  }

  /** As `Inlet.feed`: `bad_channel`, or `unknown_version` where the relay speaks other versions. */
  feed(data: Uint8Array): Uint8Array[] {
    return this.#inlet.feed(data);
  }

  /** The input has ended. Throws the failure, or `cut` inside an answer or a packet. */
  finish(): void {
    this.#inlet.finish();
  }

  #readAnswer(buffer: Uint8Array): Opening | undefined {
    checkMagic(buffer);
    const version = buffer[MAGIC.length];
    if (version === undefined) return undefined;
    if (version === 0) {
      readRefusal(buffer);
      return undefined;
    }
    if (version !== VERSION) {
      throw badChannel(`an answer of version ${version}, which was not asked for`);
    }
    if (buffer.length < ANSWER_BYTES) return undefined;
    const salt = buffer.slice(MAGIC.length + 1, ANSWER_BYTES);
    this.#sessionHash = sessionHashOf(this.channelHash, salt);
    return { incoming: directionIn(this.#secret, this.channelHash, salt), size: ANSWER_BYTES };
  }
}

/** What the preamble is sealed under. */
export function preambleInfo(relaySealingKey: Uint8Array): Uint8Array {
  return concat(label("channel"), keyHash(relaySealingKey));
}

export function sessionHashOf(channelHash: Uint8Array, salt: Uint8Array): Uint8Array {
  return sha256(label("session-hash"), channelHash, salt);
}

/** Client to relay. */
export function directionOut(secret: Uint8Array, channelHash: Uint8Array): Direction {
  return new Direction(expand(secret, concat(label("channel-out"), channelHash), 44));
}

/** Relay to client. */
export function directionIn(
  secret: Uint8Array,
  channelHash: Uint8Array,
  salt: Uint8Array,
): Direction {
  return new Direction(expand(secret, concat(label("channel-in"), channelHash, salt), 44));
}

/** `bad_channel` unless the bytes begin like a channel, as far as they are there. */
export function checkMagic(buffer: Uint8Array): void {
  if (MAGIC.some((byte, at) => at < buffer.length && buffer[at] !== byte)) {
    throw badChannel("this does not begin like a channel");
  }
}

/** Throws `unknown_version` with the versions that the relay speaks, once they are all there. */
function readRefusal(buffer: Uint8Array): void {
  const at = MAGIC.length + 1;
  const count = buffer[at];
  if (count === undefined) return;
  if (count === 0) throw badChannel("a refusal that names no version");
  if (buffer.length > at + count) {
    const spoken = [...buffer.subarray(at + 1, at + 1 + count)].join(", ");
    throw new RemoteError(
      "unknown_version",
      `this relay speaks channel version ${spoken}; a newer app may too`,
    );
  }
}

function badChannel(detail: string): RemoteError {
  return new RemoteError("bad_channel", detail);
}

function local(detail: string): LocalError {
  return new LocalError("malformed", detail);
}
