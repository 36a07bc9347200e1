/**
 * A WebSocket to a relay as one stream each way: opened, kept from waiting for ever, closed.
 *
 * Knows no frame. How the stream is cut into messages means nothing.
 */
import { EngineError } from "./engine.ts";

/** How long a connection may take. */
const CONNECT_MS = 15_000;
const LOOK_MS = 1_000;
/** What has to come or go within two times the stall: a quarter of the smallest letter. */
const LEAST_BYTES = 1024;
/** What the browser may keep unsent: a letter written meanwhile passes an original. */
const LEAST_UNSENT_BYTES = 32_768;
/** The same on a line that takes it at once, so that nobody waits for a timer. */
const MOST_UNSENT_BYTES = 1 << 20;
const DRAINED_MS = 10;
/** Of a close: the relay could not read what came, so it is another one than the card's. */
const PROTOCOL_ERROR = 1002;
const QUICK_MS = 50;
/** What may lie here unread: who sends more than is taken in fills a phone's memory. */
const MOST_UNREAD_BYTES = 32 << 20;

/** Where the page came from; null where it is a file. */
export interface Origin {
  readonly protocol: string;
  readonly host: string;
}

/** The WebSocket's URL for an address of a card, or why this page can't go there. */
export function socketUrl(address: string, page: Origin | null): string | null {
  const { protocol, hostname } = new URL(address);
  if (protocol !== "http:" && protocol !== "https:") return null;
  // A browser refuses it, and says so to nobody but the console.
  if (protocol === "http:" && page?.protocol === "https:") return null;
  // Outside of Tor the name would only be told to whoever looks names up.
  if (hostname.endsWith(".onion") && !/\.onion(:\d+)?$/.test(page?.host ?? "")) return null;
  return `${address.replace(/^http/, "ws")}/v1/sync`;
}

export class SocketLink {
  /** How long nothing may move while somebody waits for it; of all links. */
  static stallMs = 60_000;
  readonly #socket: WebSocket;
  readonly #unread: Uint8Array[] = [];
  #unreadBytes = 0;
  #mostUnsent = LEAST_UNSENT_BYTES;
  /** Why nothing moves any more; null where it was closed without a reason. */
  #closed: EngineError | null | undefined;
  #wake: () => void = () => undefined;
  /** How many wait for the relay: silence is no fault where nobody does. */
  #waiting = 0;
  #givenBytes = 0;
  #takenBytes = 0;
  /** What had left the device or come to it when it was last looked. */
  #lookedBytes = 0;
  #movedMs = Date.now();
  #pacedMs = Date.now();
  #pacedBytes = 0;
  #looking: ReturnType<typeof setInterval> | undefined;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.binaryType = "arraybuffer";
    socket.onmessage = ({ data }) => this.#take(data);
    socket.onclose = ({ code }) => this.#end(code);
    this.#looking = setInterval(() => this.#look(), LOOK_MS);
  }

  /** Throws `no_network` where nobody answers. */
  static open(url: string, signal: AbortSignal): Promise<SocketLink> {
    return new Promise((resolve, reject) => {
      const socket = new WebSocket(url);
      const link = new SocketLink(socket);
      const fail = (error: EngineError) => {
        clearTimeout(late);
        link.close();
        reject(error);
      };
      const late = setTimeout(() => fail(new EngineError("no_network", "no answer")), CONNECT_MS);
      socket.onopen = () => {
        clearTimeout(late);
        resolve(link);
      };
      socket.onerror = () => {
        // Closing it may be another error to it.
        socket.onerror = null;
        fail(new EngineError("no_network", "no connection"));
      };
      signal.addEventListener("abort", () => fail(new EngineError("cancelled")));
    });
  }

  /** Resolves once the browser has handed over nearly all of it. Throws where the link is broken. */
  async send(data: Uint8Array): Promise<void> {
    await this.#check();
    this.#socket.send(data as BufferSource);
    this.#givenBytes += data.length;
    this.#waiting += 1;
    try {
      const begunMs = Date.now();
      if (this.#socket.bufferedAmount <= this.#mostUnsent) return;
      while (this.#socket.bufferedAmount > LEAST_UNSENT_BYTES) {
        await aMoment();
        await this.#check();
      }
      const isQuick = Date.now() - begunMs < QUICK_MS;
      this.#mostUnsent = isQuick
        ? Math.min(MOST_UNSENT_BYTES, 2 * this.#mostUnsent)
        : LEAST_UNSENT_BYTES;
    } finally {
      this.#waiting -= 1;
    }
  }

  /** The next bytes; null when the other side has closed. Throws where the link is broken. */
  async receive(): Promise<Uint8Array | null> {
    this.#waiting += 1;
    try {
      while (this.#unread.length === 0 && this.#closed === undefined) {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    } finally {
      this.#waiting -= 1;
    }
    const data = this.#unread.shift();
    if (data !== undefined) {
      this.#unreadBytes -= data.length;
      return data;
    }
    if (this.#closed) throw this.#closed;
    return null;
  }

  /** Whether what was sent is still on its way out of this device. */
  get isSending(): boolean {
    return this.#socket.bufferedAmount > 0;
  }

  close(): void {
    clearInterval(this.#looking);
    this.#closed ??= null;
    this.#socket.close();
    this.#wake();
  }

  #take(data: unknown): void {
    if (!(data instanceof ArrayBuffer)) {
      this.#break(new EngineError("relay_nonsense", "a message of text"));
      return;
    }
    if (data.byteLength === 0) return;
    this.#unread.push(new Uint8Array(data));
    this.#unreadBytes += data.byteLength;
    this.#takenBytes += data.byteLength;
    if (this.#unreadBytes > MOST_UNREAD_BYTES) {
      this.#break(new EngineError("relay_nonsense", "it sends more than can be taken in"));
    }
    this.#wake();
  }

  #end(code: number): void {
    clearInterval(this.#looking);
    this.#closed ??= code === PROTOCOL_ERROR ? new EngineError("wrong_relay") : null;
    this.#wake();
  }

  #break(error: EngineError): void {
    this.#closed ??= error;
    this.close();
  }

  async #check(): Promise<void> {
    // Why it closes is told a little later than that it does.
    while (this.#closed === undefined && this.#socket.readyState !== WebSocket.OPEN) {
      await aMoment();
    }
    if (this.#closed) throw this.#closed;
    if (this.#closed === null) throw new EngineError("no_network", "the connection broke off");
  }

  /** Counts the link as broken when nothing moves, or so little that somebody drips to hold it. */
  #look(): void {
    const nowMs = Date.now();
    const allBytes = this.#givenBytes + this.#takenBytes - this.#socket.bufferedAmount;
    const moved = allBytes - this.#lookedBytes;
    this.#lookedBytes = allBytes;
    if (moved > 0 || this.#waiting === 0) this.#movedMs = nowMs;
    this.#pacedBytes += moved;
    if (this.#pacedBytes >= LEAST_BYTES || this.#waiting === 0) {
      this.#pacedMs = nowMs;
      this.#pacedBytes = 0;
    }
    const { stallMs } = SocketLink;
    if (nowMs - this.#movedMs > stallMs || nowMs - this.#pacedMs > 2 * stallMs) {
      this.#break(new EngineError("no_network", "nothing moves any more"));
    }
  }
}

function aMoment(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, DRAINED_MS));
}
