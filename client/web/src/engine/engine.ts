/**
 * What the screens ask of the engine, which seals, keeps the queue and syncs. All of it can be sent
 * between a page and a worker. Ids are lower-case hex; days are days of the Unix epoch, UTC; sizes
 * are bytes. What the engine refuses it refuses with an EngineError, whose code the screens have
 * words for.
 */
import type { Basis, Figure } from "../protocol/report.ts";

/** Why something could not be done. */
export type Refusal =
  /** What was given is no card, link, bundle or code, or a part of it was changed. */
  | "malformed"
  | "bad_signature"
  /** The card or its keys have run out. */
  | "expired"
  /** This device already knows a newer card of the desk. */
  | "older_card"
  | "unknown_desk"
  /** A code whose check digits are wrong. */
  | "bad_code"
  | "too_large"
  | "too_many_files"
  | "empty"
  /** The file could not be read to its end. */
  | "unreadable_file"
  /** The device's clock can't be right: ask for the date and give it as `today`. */
  | "clock"
  | "no_room"
  /** The browser keeps nothing (private mode, refused storage). */
  | "no_storage"
  | "no_network"
  /** Somebody else's relay answers at that address. */
  | "wrong_relay"
  | "relay_nonsense"
  /** Another tab is doing this now. */
  | "busy"
  | "cancelled"
  | "failed";

export class EngineError extends Error {
  readonly code: Refusal;

  constructor(code: Refusal, detail = "") {
    super(detail === "" ? code : `${code}: ${detail}`);
    this.name = "EngineError";
    this.code = code;
  }
}

export interface DeskView {
  readonly id: string;
  readonly name: string;
  /** As it is compared by voice. */
  readonly fingerprint: string;
  /** The last day on which something can be sealed to the card as it is. */
  readonly lastDay: number;
  readonly relays: readonly { readonly addresses: readonly string[]; readonly country: string }[];
}

export interface DraftFile {
  readonly data: Blob;
  /** As the desk will see it; "" is allowed. */
  readonly name: string;
  readonly mediaType: string;
  /** JPEGs without metadata, if it is a picture or a film: up to 15,360 and 130,048 bytes. */
  readonly thumbnail: Blob | null;
  readonly preview: Blob | null;
}

export interface Draft {
  readonly desk: string;
  readonly text: string;
  readonly what: string;
  readonly where: string;
  readonly when: string;
  readonly basis: Basis;
  readonly figures: readonly Figure[];
  readonly language: string;
  readonly urgent: boolean;
  readonly files: readonly DraftFile[];
  /** Normalised or as typed; null: from nobody in particular, and no answer can come. */
  readonly code: string | null;
  /** The day by the person, where the device's clock is wrong. */
  readonly today: number | null;
}

/** How far a report has come, in the order of the states. */
export type ReportState =
  | "queued"
  | "part_sent"
  | "held"
  | "signed"
  | "abroad"
  | "opened"
  | "expired";

export interface ItemPart {
  readonly role: "letter" | "thumbnail" | "preview" | "original";
  readonly size: number;
  /** What the relay that has most of it holds. */
  readonly held: number;
  readonly state: ReportState;
}

export interface OutboxItem {
  readonly number: number;
  readonly desk: string;
  readonly deskName: string;
  /** Unix hours by the device's clock. */
  readonly sealedHour: number;
  readonly size: number;
  readonly files: number;
  readonly state: ReportState;
  /** How many relays signed for the letter, and their countries by the desks' cards but for home. */
  readonly relays: number;
  readonly countries: readonly string[];
  /** "Must arrive by": after this day the sealed copy is dropped everywhere. */
  readonly expiryDay: number;
  readonly isPaused: boolean;
  /** Whether sealed bytes of it still lie on this device. */
  readonly isHere: boolean;
  readonly parts: readonly ItemPart[];
}

export interface ReplyView {
  readonly id: string;
  readonly deskName: string;
  readonly issuedDay: number;
  readonly text: string;
  readonly language: string;
  /** Whether the desk asks for originals. */
  readonly wantsOriginals: boolean;
}

export interface BulletinView {
  readonly desk: string;
  readonly deskName: string;
  readonly serial: number;
  readonly issuedDay: number;
  readonly title: string;
  readonly text: string;
  readonly language: string;
  /** Serials before this one that never came. */
  readonly missing: number;
  readonly pictures: readonly Blob[];
}

export interface SyncProgress {
  /** Relays that are tried, connected to, and done. */
  readonly relays: readonly {
    readonly address: string;
    readonly state: "dialling" | "open" | "done" | "failed";
    readonly refusal: Refusal | null;
  }[];
  readonly sent: number;
  readonly received: number;
  /** Bytes that are still to be sent to the first relay that wants them. */
  readonly left: number;
  /** Seconds that a stamp has been worked on, while a relay asks for one; otherwise null. */
  readonly stampS: number | null;
}

export interface SyncResult {
  readonly reached: number;
  readonly failed: readonly { readonly address: string; readonly refusal: Refusal }[];
  readonly sent: number;
  readonly received: number;
}

export interface Room {
  /** What this app keeps here. */
  readonly used: number;
  /** What the browser would let it keep in all, or null if it doesn't say. */
  readonly most: number | null;
  readonly isPersistent: boolean;
  /** Whether what is sealed is still there when the page was closed. */
  readonly isKept: boolean;
}

/** What is left in each store after a wipe; all zero means gone. */
export interface Wiped {
  readonly databases: number;
  readonly caches: number;
  readonly entries: number;
  readonly workers: number;
}

export interface Engine {
  desks(): Promise<readonly DeskView[]>;
  /** What a card or a link to one says, checked but not kept; a link holds the card behind its #. */
  readCard(card: Uint8Array | string): Promise<DeskView>;
  addDesk(card: Uint8Array | string): Promise<DeskView>;
  removeDesk(desk: string): Promise<void>;

  /** 24 digits in groups; kept nowhere. */
  newCode(): Promise<string>;
  /** The code in groups. Throws bad_code. */
  checkCode(code: string): Promise<string>;

  /** Seals and queues; resolves when all of it is on disk. A cut leaves nothing behind. */
  seal(
    draft: Draft,
    onProgress: (done: number, all: number) => void,
    signal: AbortSignal,
  ): Promise<{ readonly number: number; readonly reportId: string }>;

  /** Newest first. */
  outbox(): Promise<readonly OutboxItem[]>;
  setPaused(number: number, isPaused: boolean): Promise<void>;
  drop(number: number): Promise<void>;
  /** The person's country in two capital letters, or "" while that is not said. */
  homeCountry(): Promise<string>;
  /** Whatever is no such code, "" among it, means that it is not said. */
  setHomeCountry(country: string): Promise<void>;
  /** A bundle of what waits, as a file to hand on (.qanat). */
  handOver(): Promise<Blob>;
  /** Takes in what a bundle holds for this device: answers, the desk's word, bulletins. */
  takeIn(bundle: Blob): Promise<SyncResult>;

  /** Answers for that code, newest first; the code is not kept. */
  replies(code: string): Promise<readonly ReplyView[]>;
  /** Newest first. */
  bulletins(): Promise<readonly BulletinView[]>;

  /** Goes to the network, once. With a code also fetches answers for it. */
  sync(
    options: { readonly code: string | null; readonly today: number | null },
    onProgress: (progress: SyncProgress) => void,
    signal: AbortSignal,
  ): Promise<SyncResult>;

  room(): Promise<Room>;
  /** Asks the browser to keep what is stored until the person says otherwise. */
  persist(): Promise<boolean>;
  /** Removes all of this app from the browser, and counts what is left. */
  wipe(): Promise<Wiped>;

  /** Called after anything that is stored has changed, in any tab. Gives what ends the calls. */
  onChange(listener: () => void): () => void;
}
