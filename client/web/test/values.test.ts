/** What the vectors do not ask: values that this program must not make, and words for the person. */
import { describe, expect, test } from "vitest";
import { isForDatagrams } from "../src/protocol/address.ts";
import { errorFor, LocalError, ourOwn, RemoteError } from "../src/protocol/errors.ts";
import { Answer, isWanted } from "../src/protocol/frames.ts";
import { Kind, Rank } from "../src/protocol/kinds.ts";
import { Header } from "../src/protocol/parcel.ts";
import { blankReport, encodeReport, reportId } from "../src/protocol/report.ts";
import { Queue } from "../src/protocol/schedule.ts";
import { SealingSecret } from "../src/protocol/sealing.ts";
import { SigningKey } from "../src/protocol/signing.ts";
import { newestOf, parseStatement } from "../src/protocol/statement.ts";
import { read } from "./vectorFiles.ts";
import { Given, type Scenario } from "./vectors.ts";

const KEY = new SigningKey(new Uint8Array(32).fill(3));
const REPORT = { ...blankReport(KEY.publicKey, new Uint8Array(16)), text: "Shots." };

function localFault(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    if (error instanceof LocalError) return error.verdict;
    throw error;
  }
  return "ok";
}

describe("a verdict that the other side told", () => {
  test("is the error of its number", () => {
    expect(errorFor(27).verdict).toBe("refused_full");
    expect(errorFor(27, "no room").message).toBe("no room");
    expect(errorFor(27).message).toBe("refused full");
  });

  test("is busy where this version does not know it, and malformed where it is none", () => {
    expect(errorFor(99, "why")).toMatchObject({ verdict: "busy", message: "verdict 99: why" });
    expect(errorFor(0).verdict).toBe("malformed");
  });
});

test("what our own parser refuses is our own fault, and other errors stay what they are", () => {
  const refuse = () => {
    throw new RemoteError("bad_name", "a/b");
  };
  expect(() => ourOwn(refuse)).toThrow(LocalError);
  const fail = () => {
    throw new RangeError("no");
  };
  expect(() => ourOwn(fail)).toThrow(RangeError);
});

describe("a report", () => {
  test("that nobody would take is not written", () => {
    expect(localFault(() => encodeReport({ ...REPORT, text: "" }))).toBe("malformed");
    expect(localFault(() => encodeReport({ ...REPORT, text: "\x1b[2J" }))).toBe("malformed");
    expect(localFault(() => encodeReport({ ...REPORT, text: "\ud800" }))).toBe("malformed");
    expect(localFault(() => encodeReport({ ...REPORT, writtenS: 0.5 }))).toBe("malformed");
    expect(localFault(() => encodeReport({ ...REPORT, author: new Uint8Array(32) }))).toBe(
      "bad_key",
    );
    const id = new Uint8Array(32);
    const both = { ...REPORT, corrects: id, withdraws: id };
    expect(localFault(() => encodeReport(both))).toBe("malformed");
    const file = { name: "../a", mediaType: "image/jpeg", size: 0, sha256: id };
    expect(localFault(() => encodeReport({ ...REPORT, files: [file] }))).toBe("bad_name");
  });

  test("has an id of its own", () => {
    const other = { ...REPORT, text: "No shots." };
    expect(reportId(encodeReport(REPORT))).not.toEqual(reportId(encodeReport(other)));
  });
});

test("a header that is none is not made", () => {
  const good = {
    kind: Kind.LETTER,
    urgent: true,
    expiryDay: 1,
    bodySize: 4096,
    tag: new Uint8Array(16),
    lock: new Uint8Array(32),
    root: new Uint8Array(32),
  };
  expect(new Header(good).encode()).toHaveLength(96);
  expect(localFault(() => new Header({ ...good, kind: Kind.PUBLIC }))).toBe("illegal_flags");
  expect(localFault(() => new Header({ ...good, bodySize: 4097 }))).toBe("illegal_size");
  expect(localFault(() => new Header({ ...good, expiryDay: 2 ** 32 }))).toBe("malformed");
  expect(localFault(() => new Header({ ...good, tag: new Uint8Array(15) }))).toBe("malformed");
});

test("keys have seeds of 32 bytes, and each fresh one is another", () => {
  expect(localFault(() => new SigningKey(new Uint8Array(31)))).toBe("bad_key");
  expect(localFault(() => new SealingSecret(new Uint8Array(33)))).toBe("bad_key");
  expect(SigningKey.generate().publicKey).not.toEqual(SigningKey.generate().publicKey);
  expect(SealingSecret.generate().publicKey).not.toEqual(SealingSecret.generate().publicKey);
});

test("of two statements of one desk the higher serial counts", () => {
  const { input } = read<Scenario>("is_successor", "successor.json");
  const [old, next] = ["old", "new"].map((name) => parseStatement(new Given(input).binary(name)));
  if (old === undefined || next === undefined) throw new Error("no statements");
  const later = { ...old, serial: old.serial + 1 };
  expect(newestOf(old, later)).toBe(later);
  expect(newestOf(later, old)).toBe(later);
  expect(() => newestOf(old, next)).toThrow(
    expect.objectContaining({ verdict: "wrong_recipient" }),
  );
});

test("a queue gives the first of those that may go", () => {
  const queue = new Queue<string>();
  queue.add("film", { rank: Rank.ORIGINAL, flow: "a", order: [0], leftBytes: 9 });
  queue.add("letter", { rank: Rank.LETTER, flow: "a", order: [0], leftBytes: 9 });
  expect([queue.first(), queue.first((key) => key !== "letter")]).toEqual(["letter", "film"]);
  expect(queue.first(() => false)).toBeUndefined();
  queue.sent("letter", 9);
  expect([queue.size, queue.has("letter"), queue.has("film")]).toEqual([1, false, true]);
  expect(() => queue.sent("letter", 9)).toThrow(RangeError);
});

test("answers and addresses say what is to be done with them", () => {
  expect(Object.values(Answer).filter(isWanted)).toEqual([Answer.WANT, Answer.WANT_REST]);
  expect(isForDatagrams("udp://relay.example:1")).toBe(true);
  expect(isForDatagrams("https://relay.example")).toBe(false);
});
