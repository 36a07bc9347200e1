/**
 * One sync: a session with every relay at once, past dead ones, and again where stamps were found.
 *
 * While none of a desk's own relays answers it goes on to those that are learned from their cards.
 */
import { equal } from "../protocol/bytes.ts";
import { ProtocolError } from "../protocol/errors.ts";
import { parseRelayCard } from "../protocol/relayCard.ts";
import { dayBy } from "./clock.ts";
import type { Desks } from "./desks.ts";
import { EngineError, type SyncProgress, type SyncResult } from "./engine.ts";
import { identitiesOf } from "./inbox.ts";
import type { Library } from "./library.ts";
import type { Outbox } from "./outbox.ts";
import { checkGoing } from "./refusals.ts";
import { chosenOf, type Relays, type Target, targetsOf } from "./relays.ts";
import type { Report, Run } from "./run.ts";
import type { Origin } from "./socketLink.ts";
import { Stamper } from "./stamper.ts";
import { Traffic } from "./traffic.ts";
import { transmit } from "./transmit.ts";

/** Rounds of one sync: what a relay asks for may rise while a stamp is worked on. */
const MOST_ROUNDS = 4;
/** How long a desk's own relays have to answer before learned ones are gone to as well. */
const LATE_MS = 8_000;
const TOLD_MS = 200;
const MOST_CARD_BYTES = 131_072;
const FETCH_MS = 5_000;

export interface Sync {
  readonly desks: Desks;
  readonly outbox: Outbox;
  readonly library: Library;
  readonly relays: Relays;
  readonly page: Origin | null;
  readonly signal: AbortSignal;
  readonly listeners: Set<() => void>;
  readonly code: string | null;
  readonly today: number | null;
  readonly onProgress: (progress: SyncProgress) => void;
}

/** Goes to the network, once; what came of it. Throws what the disk does, and `cancelled`. */
export async function syncOnce(sync: Sync): Promise<SyncResult> {
  const desks = await sync.desks.all();
  if (desks.length === 0) throw new EngineError("unknown_desk", "no desk is known yet");
  const who = sync.code === null ? [] : await identitiesOf(sync.code, desks);
  const stamper = new Stamper(sync.outbox, sync.signal);
  const reports = new Map<string, Report>();
  let traffic = new Traffic(dayBy(sync.today));
  const told = telling(() => progressOf([...reports.values()], traffic, stamper), sync.onProgress);
  stamper.onWork = told.soon;
  stamper.onFound = () => {
    for (const look of sync.listeners) look();
  };
  const own = await withPage(targetsOf(desks, await sync.relays.all()), sync);
  await sync.relays.forgetOthers(own);
  try {
    for (let round = 0; round < MOST_ROUNDS; round++) {
      checkGoing(sync.signal);
      traffic = new Traffic(dayBy(sync.today));
      const run: Run = {
        ...sync,
        traffic,
        stamper,
        mailboxes: who.map((one) => one.who.mailboxSecret),
        moved: told.soon,
      };
      await oneRound(run, own, reports);
      checkGoing(sync.signal);
      const isAsked = [...reports.values()].some(({ stampsWanted }) => stampsWanted > 0);
      if (!isAsked || !(await stamper.settle())) break;
    }
    await stamper.settle();
  } finally {
    told.end();
  }
  return resultOf([...reports.values()]);
}

async function oneRound(
  run: Run,
  own: readonly Target[],
  reports: Map<string, Report>,
): Promise<void> {
  const known = await run.relays.all();
  const learned = await run.relays.learned(own);
  const isOwn = new Set(own.map(({ key }) => key));
  const foreign = known.filter(({ key, namedBy }) => namedBy !== null && !isOwn.has(key));
  run.traffic.aside = new Set([...foreign, ...learned].map(({ key }) => key));
  const begin = (target: Target) => {
    const [address = ""] = target.entry.addresses;
    const before = reports.get(target.key);
    const report: Report = {
      address,
      state: "dialling",
      refusal: null,
      isReached: false,
      sent: before?.sent ?? 0,
      received: before?.received ?? 0,
      stampsWanted: 0,
    };
    reports.set(target.key, report);
    return transmit(run, target, report);
  };
  const going = own.map(begin);
  if (learned.length > 0) {
    await Promise.race([Promise.all(going), new Promise((go) => setTimeout(go, LATE_MS))]);
    const isServed = (desk: string) =>
      own.some(
        ({ key, desks }) => reports.get(key)?.isReached && desks.some(({ id }) => id === desk),
      );
    const useful = learned
      .map((target) => ({ ...target, desks: target.desks.filter(({ id }) => !isServed(id)) }))
      .filter(({ desks }) => desks.length > 0);
    if (!run.signal.aborted) going.push(...chosenOf(useful, known).map(begin));
  }
  await Promise.all(going);
}

/**
 * The same relays, where that which served this page is reached as the page was: on a network of a
 * house it may have a name that no card knows.
 */
async function withPage(own: readonly Target[], { page, signal }: Sync): Promise<Target[]> {
  const origin = page === null ? "" : `${page.protocol}//${page.host}`;
  const isNamed = own.some(({ entry }) => entry.addresses.includes(origin));
  if (!/^https?:/.test(origin) || isNamed) return [...own];
  const key = await keyAt(origin, signal);
  return own.map((target) => {
    if (key === undefined || !equal(target.entry.signingKey, key)) return target;
    const addresses = [origin, ...target.entry.addresses];
    return { ...target, entry: { ...target.entry, addresses } };
  });
}

/** The signing key of the relay at the page's own address; undefined where none is. */
async function keyAt(origin: string, signal: AbortSignal): Promise<Uint8Array | undefined> {
  const ended = new AbortController();
  const end = () => ended.abort();
  const late = setTimeout(end, FETCH_MS);
  signal.addEventListener("abort", end);
  try {
    const response = await fetch(`${origin}/v1/relay`, { signal: ended.signal });
    if (!response.ok || Number(response.headers.get("Content-Length")) > MOST_CARD_BYTES) {
      return undefined;
    }
    return parseRelayCard(new Uint8Array(await response.arrayBuffer())).signingKey;
  } catch (error) {
    // Whatever serves this page is no relay, or can't be reached now: those of the cards may be.
    if (error instanceof ProtocolError || error instanceof TypeError || ended.signal.aborted) {
      return undefined;
    }
    throw error;
  } finally {
    clearTimeout(late);
    signal.removeEventListener("abort", end);
  }
}

function progressOf(reports: readonly Report[], traffic: Traffic, stamper: Stamper): SyncProgress {
  return {
    relays: reports.map(({ address, state, refusal }) => ({ address, state, refusal })),
    ...totals(reports),
    left: traffic.leftBytes,
    stampS: stamper.workedS,
  };
}

function totals(reports: readonly Report[]): { sent: number; received: number } {
  return {
    sent: reports.reduce((sum, report) => sum + report.sent, 0),
    received: reports.reduce((sum, report) => sum + report.received, 0),
  };
}

function resultOf(reports: readonly Report[]): SyncResult {
  return {
    reached: reports.filter(({ isReached }) => isReached).length,
    failed: reports.flatMap(({ address, refusal }) => (refusal ? [{ address, refusal }] : [])),
    ...totals(reports),
  };
}

/** Tells now and then, however much moves, and once more at the end. */
function telling<T>(make: () => T, tell: (told: T) => void): { soon: () => void; end: () => void } {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const now = () => {
    timer = undefined;
    tell(make());
  };
  return {
    soon: () => {
      timer ??= setTimeout(now, TOLD_MS);
    },
    end: () => {
      clearTimeout(timer);
      now();
    },
  };
}
