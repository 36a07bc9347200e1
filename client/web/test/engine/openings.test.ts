/** What a relay is asked about openings: no more than it has not told, and all of that. */
import { expect, test } from "vitest";
import { LocalEngine } from "../../src/engine/localEngine.ts";
import { MemoryStore } from "../../src/engine/memoryStore.ts";
import { Openings, type Unopened } from "../../src/engine/openings.ts";
import { Relays } from "../../src/engine/relays.ts";
import { concat, hex } from "../../src/protocol/bytes.ts";
import { dayOf } from "../../src/protocol/days.ts";
import type { Welcome } from "../../src/protocol/frames.ts";
import { sha256 } from "../../src/protocol/hashing.ts";
import { draftTo, madeDesk } from "./madeDesk.ts";

const DAY = 20_460;
const IDS = Array.from({ length: 1200 }, (_, at) => sha256(Uint8Array.of(at >> 8, at & 255)));

function welcome(day = DAY, openedBits = 10): Welcome {
  return {
    type: "welcome",
    version: 1,
    day,
    incarnation: new Uint8Array(16),
    largestBody: 2 ** 32,
    replyBits: 0,
    openedBits,
    effort: 0,
  };
}

function parcels(count: number): Unopened[] {
  return IDS.slice(0, count).map((id) => ({ id, desk: "d" }));
}

function parcel(at: number, desk: string): Unopened {
  return { id: IDS[at] as Uint8Array, desk };
}

function session(
  greeting: Welcome,
  unopened: readonly Unopened[],
  told: Record<string, number> = {},
  today = DAY,
): Openings {
  return new Openings(greeting, unopened, new Map(Object.entries(told)), today, 7);
}

/** Since when, and by how many prefixes. */
function asked(openings: Openings): [number, number][] {
  return openings.interests.map(({ since, prefixes }) => [since, prefixes.length]);
}

function told(openings: Openings): Record<string, number> {
  return Object.fromEntries(openings.allTold());
}

test("what a relay told it is asked for since then, and new parcels with it", () => {
  const first = session(welcome(), parcels(3));
  expect(asked(first)).toEqual([[0, 3]]);
  expect(told(first)).toEqual({ d: DAY });
  const later = session(welcome(DAY + 5), [parcel(9, "d"), ...parcels(3)], { d: DAY }, DAY + 5);
  expect(asked(later)).toEqual([[DAY - 2, 4]]);
  expect(told(later)).toEqual({ d: DAY + 5 });
  // Each is kept once.
  expect(told(later)).toEqual({});
  const sameDay = session(welcome(DAY + 5), parcels(3), { d: DAY + 5 }, DAY + 5);
  expect(asked(sameDay)).toEqual([[DAY + 3, 3]]);
  expect(told(sameDay)).toEqual({});
});

test("a relay whose clock went back is asked for all", () => {
  const openings = session(welcome(), parcels(2), { d: DAY + 1 });
  expect(asked(openings)).toEqual([[0, 2]]);
  expect(told(openings)).toEqual({ d: DAY });
  expect(asked(session(welcome(1), parcels(1), { d: 1 }, 1))).toEqual([[0, 1]]);
});

test("where nothing waits nothing is asked or kept", () => {
  const openings = session(welcome(), [], { d: DAY - 1 });
  expect(asked(openings)).toEqual([]);
  expect(told(openings)).toEqual({});
});

test.each([0, DAY - 2, DAY + 2, 2 ** 32 - 1])(
  "no day is kept by which a relay would know who comes again: %d",
  (day) => {
    const openings = session(welcome(day), parcels(2));
    expect(asked(openings)).toEqual([[0, 2]]);
    expect(told(openings)).toEqual({});
  },
);

test("prefixes are as short as ever, each once and in order", () => {
  for (const [bits, given] of [
    [0, 0],
    [3, 3],
    [10, 10],
    [32, 10],
  ] as const) {
    const [frame] = session(welcome(DAY, bits), parcels(40)).interests;
    const unit = 2 ** (32 - given);
    const heads = IDS.slice(0, 40).map((id) => {
      const number = new DataView(id.buffer, id.byteOffset).getUint32(0);
      return Math.floor(number / unit) * unit;
    });
    const ordered = [...new Set(heads)].sort((one, other) => one - other);
    expect([frame?.number, frame?.bits]).toEqual([7, given]);
    expect(frame?.prefixes.map(hex)).toEqual(
      ordered.map((head) => head.toString(16).padStart(8, "0")),
    );
  }
});

test("all desks are asked about since the first of their days", () => {
  const both = [...parcels(2), parcel(5, "e")];
  const openings = session(welcome(), both, { d: DAY - 1, e: DAY - 4 });
  expect(asked(openings)).toEqual([[DAY - 6, 3]]);
  expect(told(openings)).toEqual({ d: DAY, e: DAY });
  // A desk of which it was asked nothing yet, and one of which nothing waits.
  expect(asked(session(welcome(), both, { d: DAY - 1 }))).toEqual([[0, 3]]);
  expect(asked(session(welcome(), parcels(2), { d: DAY - 1, e: DAY - 4 }))).toEqual([[DAY - 3, 2]]);
});

test("where not all could be asked all is asked again", () => {
  const openings = session(welcome(), [...parcels(1200).slice(1), parcel(0, "e")]);
  expect(asked(openings)).toEqual(Array(8).fill([0, 64]));
  expect(openings.interests.map(({ number }) => number)).toEqual([7, 8, 9, 10, 11, 12, 13, 14]);
  expect(told(openings).d).toBe(undefined);
  const fewer = session(welcome(DAY, 7), parcels(1200));
  expect(asked(fewer)).toEqual(Array(2).fill([0, 64]));
  expect(told(fewer)).toEqual({ d: DAY });
});

test("where an interest may have been cut short all is asked again", () => {
  const [most, more] = [
    session(welcome(DAY, 7), parcels(1200)),
    session(welcome(DAY, 7), parcels(1200)),
  ];
  const others = most.interests.map(({ prefixes: [one] }) =>
    concat(one as Uint8Array, new Uint8Array(28)),
  );
  for (let count = 0; count < 8191; count += 1) {
    for (const id of others) expect(most.heard(id) || more.heard(id)).toBe(false);
  }
  more.heard(others[1] as Uint8Array);
  expect(told(most)).toEqual({ d: DAY });
  expect(told(more)).toEqual({});
});

test("what was not believed is asked for again", () => {
  const openings = session(welcome(), parcels(2));
  const [, ours, other] = IDS as [Uint8Array, Uint8Array, Uint8Array];
  expect(openings.heard(ours)).toBe(true);
  expect(openings.heard(other)).toBe(false);
  openings.weighed(ours, false);
  expect(told(openings)).toEqual({});
  openings.weighed(ours, true);
  expect(told(openings)).toEqual({ d: DAY });
});

test("until when relays told is kept while something waits for the desk's word, and no longer", async () => {
  const store = new MemoryStore();
  const engine = new LocalEngine(store, null);
  const { id } = await engine.addDesk(madeDesk(dayOf(Date.now() / 1000)).card());
  const relays = new Relays(store);
  await relays.keepTold("aa", new Map([[id, DAY]]));
  expect(await relays.told("aa")).toEqual(new Map());
  const { signal } = new AbortController();
  for (const _ of "ab") await engine.seal(draftTo(id), () => undefined, signal);
  await relays.keepTold(
    "aa",
    new Map([
      [id, DAY],
      ["of no report", DAY],
    ]),
  );
  expect(await relays.told("aa")).toEqual(new Map([[id, DAY]]));
  expect(await relays.told("bb")).toEqual(new Map());
  const [one, two] = await engine.outbox();
  await engine.drop(one?.number ?? 0);
  expect((await relays.told("aa")).size).toBe(1);
  await engine.drop(two?.number ?? 0);
  expect((await relays.told("aa")).size).toBe(0);
});
