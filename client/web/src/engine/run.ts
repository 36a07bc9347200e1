/** What the sessions of one sync share, and what is told of each. */
import type { Refusal } from "./engine.ts";
import type { Library } from "./library.ts";
import type { Outbox } from "./outbox.ts";
import type { Relays } from "./relays.ts";
import type { Origin } from "./socketLink.ts";
import type { Stamper } from "./stamper.ts";
import type { Traffic } from "./traffic.ts";

/** What the sessions of one sync share. */
export interface Run {
  readonly outbox: Outbox;
  readonly library: Library;
  readonly relays: Relays;
  readonly traffic: Traffic;
  readonly stamper: Stamper;
  readonly mailboxes: readonly Uint8Array[];
  readonly page: Origin | null;
  readonly signal: AbortSignal;
  /** Sessions that have to look whether the outbox has changed. */
  readonly listeners: Set<() => void>;
  readonly moved: () => void;
}

/** What came of one relay, filled while the session runs. */
export interface Report {
  address: string;
  state: "dialling" | "open" | "done" | "failed";
  refusal: Refusal | null;
  isReached: boolean;
  sent: number;
  received: number;
  stampsWanted: number;
}
