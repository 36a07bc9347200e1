/**
 * Which relays a sync goes to and about which desks; what is kept of them: where each is, who says
 * so, what it takes and has told, its card. When it was reached: only while something waits for a
 * desk's word, and only the day. Goes to no network.
 */
import { equal, hex } from "../protocol/bytes.ts";
import { ProtocolError, RemoteError } from "../protocol/errors.ts";
import { parseRelayCard, type RelayCard } from "../protocol/relayCard.ts";
import type { RelayEntry } from "../protocol/relayEntry.ts";
import { drawn } from "./asking.ts";
import { dayBy } from "./clock.ts";
import type { KnownDesk } from "./desks.ts";
import { newestCheckpoint } from "./newest.ts";
import { forgetToldIn } from "./outbox.ts";
import type { RelayRow, Store } from "./tables.ts";

/** A relay and the desks for which it is gone to. `namedBy`: null for a relay of their cards. */
export interface Target {
  readonly key: string;
  readonly entry: RelayEntry;
  readonly desks: readonly KnownDesk[];
  /** The signing key, in hex, of the relay whose card names it. */
  readonly namedBy: string | null;
}

/** How old a card may be whose others are still used; a relay that runs makes it anew each month. */
const MOST_DAYS = 180;
/** How many learned relays are gone to in one round: each sees that somebody comes. */
const MOST_CALLED = 3;
/** Of these, how many that were reached before. */
const MOST_KNOWN = 2;
/** Sessions with a relay whose card is here already: it learns nothing of what it told before. */
const ASKED_ONE_IN = 8;

/** Every relay of every card once; the newest card has the last word on its keys. */
export function targetsOf(desks: readonly KnownDesk[], known: readonly RelayRow[]): Target[] {
  const found = new Map<string, Target>();
  const sorted = [...desks].sort((one, other) => one.card.issuedDay - other.card.issuedDay);
  for (const desk of sorted) {
    for (const entry of desk.card.relays) {
      const key = hex(entry.signingKey);
      const before = found.get(key);
      const addresses = [...new Set([...entry.addresses, ...(before?.entry.addresses ?? [])])];
      found.set(key, {
        key,
        entry: { ...entry, addresses },
        desks: [...(before?.desks ?? []), desk],
        namedBy: null,
      });
    }
  }
  // The address by which it was reached last goes first.
  const last = new Map(known.map(({ key, address }) => [key, address]));
  return [...found.values()].map((target) => {
    const { addresses } = target.entry;
    const address = last.get(target.key);
    if (address === undefined || !addresses.includes(address)) return target;
    const ordered = [address, ...addresses.filter((other) => other !== address)];
    return { ...target, entry: { ...target.entry, addresses: ordered } };
  });
}

/** What is kept of relays. */
export class Relays {
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
  }

  all(): Promise<RelayRow[]> {
    return this.#store.read(["relay"], (rows) => rows.all("relay"));
  }

  /** Keeps where a relay is and who says so, to show who holds what. */
  async note({ key, entry, namedBy }: Target): Promise<void> {
    await this.#store.write(["relay"], async (rows) => {
      const known = await rows.get("relay", key);
      const [address = ""] = entry.addresses;
      const largestBody = known?.largestBody ?? null;
      await rows.put("relay", { key, address, country: entry.country, largestBody, namedBy });
    });
  }

  /** A relay has proven its key at this address, and says which body (in bytes) it takes. */
  async noteReached(key: string, address: string, largestBody: number): Promise<void> {
    await this.#store.write(["relay"], async (rows) => {
      const known = await rows.get("relay", key);
      if (known !== undefined) await rows.put("relay", { ...known, address, largestBody });
    });
  }

  /** By desk: the day on which this relay told all that the desk had opened. */
  async told(key: string): Promise<Map<string, number>> {
    const rows = await this.#store.read(["told"], (found) => found.all("told", key));
    return new Map(rows.map(({ desk, day }) => [desk, day]));
  }

  /** Keeps it, of desks for whose word something waits. */
  async keepTold(key: string, told: ReadonlyMap<string, number>): Promise<void> {
    await this.#store.write(["item", "parcel", "told"], async (rows) => {
      for (const [desk, day] of told) await rows.put("told", { relay: key, desk, day });
      await forgetToldIn(rows);
    });
  }

  /** Whether to ask a relay for its card in this session. */
  async asksCard(key: string): Promise<boolean> {
    const card = (await this.#cards()).get(key);
    return card === undefined || isOld(card, await this.#day()) || drawn(ASKED_ONE_IN) === 0;
  }

  /** Keeps a relay's card; throws a RemoteError unless it is its own and no older than what is here. */
  async keepCard(key: string, envelope: Uint8Array): Promise<void> {
    const card = parseRelayCard(envelope);
    if (hex(card.signingKey) !== key) {
      throw new RemoteError("wrong_recipient", "the card is another relay's");
    }
    const held = (await this.#cards()).get(key);
    if (held !== undefined && held.serial > card.serial) throw new RemoteError("older_serial");
    await this.#store.write(["relayCard"], (rows) => rows.put("relayCard", { key, envelope }));
  }

  /** Keeps no card but those of these relays. */
  async forgetOthers(known: readonly Target[]): Promise<void> {
    const kept = new Set(known.map(({ key }) => key));
    const rows = await this.#store.read(["relayCard"], (found) => found.all("relayCard"));
    const others = rows.filter(({ key }) => !kept.has(key));
    if (others.length === 0) return;
    await this.#store.write(["relayCard"], async (found) => {
      for (const { key } of others) await found.remove("relayCard", key);
    });
  }

  /** What the cards of these relays, all of desks' cards, name beside them (SPEC 15). */
  async learned(known: readonly Target[]): Promise<Target[]> {
    const cards = await this.#cards();
    const day = await this.#day();
    const addresses = new Set(known.flatMap(({ entry }) => entry.addresses));
    const isKnown = (entry: RelayEntry) =>
      entry.addresses.some((address) => addresses.has(address)) ||
      known.some((target) => equal(target.entry.signingKey, entry.signingKey));
    const found = new Map<string, Target>();
    for (const by of known) {
      const card = cards.get(by.key);
      if (card === undefined || isOld(card, day)) continue;
      for (const entry of card.others.filter((other) => !isKnown(other))) {
        const key = hex(entry.signingKey);
        const before = found.get(key);
        // The first to name it says where it is; the others that it serves their desks too.
        const desks = [...new Set([...(before?.desks ?? []), ...by.desks])];
        found.set(key, before ? { ...before, desks } : { key, entry, desks, namedBy: by.key });
      }
    }
    return [...found.values()];
  }

  async #cards(): Promise<Map<string, RelayCard>> {
    const rows = await this.#store.read(["relayCard"], (found) => found.all("relayCard"));
    const cards = new Map<string, RelayCard>();
    for (const { key, envelope } of rows) {
      try {
        cards.set(key, parseRelayCard(envelope));
      } catch (error) {
        // Of another version, say: it is asked for again.
        if (!(error instanceof ProtocolError)) throw error;
      }
    }
    return cards;
  }

  /** By a clock that is years ahead every card would be too old. */
  async #day(): Promise<number> {
    const newest = await newestCheckpoint(this.#store);
    return Math.min(dayBy(null), newest?.day ?? Number.POSITIVE_INFINITY);
  }
}

function isOld(card: RelayCard, day: number): boolean {
  return day - card.issuedDay > MOST_DAYS;
}

/**
 * Whom of the learned to go to in a round: some that were reached before, then of those who name
 * others each in turn, by lot.
 */
export function chosenOf(learned: readonly Target[], known: readonly RelayRow[]): Target[] {
  const reached = new Set(known.filter((row) => row.largestBody !== null).map(({ key }) => key));
  const left = [...learned];
  const shuffled: Target[] = [];
  while (left.length > 0) shuffled.push(...left.splice(drawn(left.length), 1));
  const chosen = shuffled.filter(({ key }) => reached.has(key)).slice(0, MOST_KNOWN);
  const turns = new Map<string, number>();
  const rest = shuffled
    .filter((target) => !chosen.includes(target))
    .map((target) => {
      const by = target.namedBy ?? "";
      const turn = (turns.get(by) ?? 0) + 1;
      turns.set(by, turn);
      return { target, turn };
    })
    .sort((one, other) => one.turn - other.turn);
  return [...chosen, ...rest.map(({ target }) => target)].slice(0, MOST_CALLED);
}
