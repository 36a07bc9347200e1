/**
 * The protocol over standard input and output, for tests/interop: a call a line, as JSON
 * `[name, arguments]`, and an answer a line, `{"ok": ...}` or `{"error": verdict, "remote": bool}`.
 *
 * Bytes are hex; frames are their records.
 */
import { createInterface } from "node:readline";
import { checkAddresses } from "../src/protocol/address.ts";
import { BundleWriter, type Note } from "../src/protocol/bundle.ts";
import { concat, hex, pieces } from "../src/protocol/bytes.ts";
import { ClientChannel } from "../src/protocol/channel.ts";
import { newCode } from "../src/protocol/code.ts";
import { ProtocolError, RemoteError } from "../src/protocol/errors.ts";
import { decodeFrame, encodeFrame } from "../src/protocol/frameCodec.ts";
import type { Frame } from "../src/protocol/frames.ts";
import type { Kind, Rank, Rendition } from "../src/protocol/kinds.ts";
import { type LetterType, sealLetter } from "../src/protocol/letter.ts";
import { leavesOf, pageRoots } from "../src/protocol/merkle.ts";
import { parseHeader } from "../src/protocol/parcel.ts";
import { PartSealer } from "../src/protocol/part.ts";
import { pack, type Value } from "../src/protocol/record.ts";
import { reportContext } from "../src/protocol/report.ts";
import { Queue } from "../src/protocol/schedule.ts";
import { SealingSecret } from "../src/protocol/sealing.ts";
import { ClientSession, type Session } from "../src/protocol/session.ts";
import { SigningKey } from "../src/protocol/signing.ts";
import { findStamp } from "../src/protocol/stamp.ts";
import { judge } from "./operations.ts";
import { RelayChannel, RelaySession } from "./relaySide.ts";
import { Given, type Json, unhex } from "./vectors.ts";

type Arguments = Readonly<Record<string, Json>>;
type Call = (given: Given, values: Arguments) => Json | Promise<Json>;

const sessions: Session[] = [];
const queues: Queue<string>[] = [];

function fromTree(value: Json): Value {
  if (Array.isArray(value)) return value.map(fromTree);
  if (value !== null && typeof value === "object") return unhex(String(value.hex));
  return value;
}

function frame(record: Uint8Array): Frame {
  const read = decodeFrame(record);
  if (read === null) throw new Error("a frame that is ignored");
  return read;
}

function sessionOf(given: Given): Session {
  return sessions[given.number("session")] as Session;
}

/** Bytes where they are given, which otherwise are drawn. */
function known(given: Given, values: Arguments, ...names: string[]): Uint8Array[] | undefined {
  return names.every((name) => values[name] !== undefined)
    ? names.map((name) => given.binary(name))
    : undefined;
}

const CALLS: Readonly<Record<string, Call>> = {
  async operation(given, values) {
    const { verdict, out } = await judge(
      given.string("name"),
      new Given(values.input as Arguments),
    );
    return { verdict, output: out };
  },
  pack(_, values) {
    return hex(pack(fromTree(values.values as Json) as Value[]));
  },
  seal_report(given, values) {
    const key = new SigningKey(given.binary("signing_seed"));
    const [deskId, recipient] = [given.binary("desk_id"), given.binary("recipient")];
    const content = given.binary("content");
    const drawn = known(given, values, "content_key", "encapsulation", "salt");
    const [contentKey, encapsulation, salt] = drawn ?? [];
    const sealed = sealLetter(
      {
        kind: given.number("kind") as Kind,
        urgent: values.urgent === true,
        tag: given.binary("tag"),
        expiryDay: given.number("expiry"),
        recipient,
        letterType: given.number("type") as LetterType,
        content,
        sign: (bind) => key.sign("report", reportContext(deskId, recipient, bind), content),
      },
      contentKey && encapsulation && salt && { contentKey, encapsulation, salt },
    );
    return { header: hex(sealed.header.encode()), body: hex(sealed.body) };
  },
  async seal_part(given, values) {
    const [contentKey, salt] = known(given, values, "content_key", "salt") ?? [];
    const sealer = new PartSealer(
      {
        tag: given.binary("tag"),
        expiryDay: given.number("expiry"),
        length: given.number("length"),
        rendition: given.number("rendition") as Rendition,
      },
      contentKey && salt && { contentKey, salt },
    );
    const blocks: Uint8Array[] = [];
    for await (const block of sealer.blocks(given.binaries("chunks"))) blocks.push(block.data);
    return {
      header: hex(sealer.sealed.header.encode()),
      body: hex(concat(...blocks)),
      content_key: hex(sealer.contentKey),
      sha256: hex(sealer.sealed.sha256),
    };
  },
  write_bundle(given) {
    const bodies = given.binaries("bodies");
    const notes = given.binaries("notes").map((record) => frame(record) as Note);
    const writer = new BundleWriter(given.binaries("headers").map(parseHeader), notes);
    const written = [writer.plan()];
    for (const body of bodies) {
      const leaves = leavesOf(body);
      written.push(writer.parcel(leaves.length > 64 ? pageRoots(leaves) : []));
      for (const [index, block] of pieces(body, 16_384).entries()) {
        if (leaves.length > 1 && index % 64 === 0) {
          written.push(writer.page(leaves.slice(index, index + 64)));
        }
        written.push(writer.block(block));
      }
    }
    written.push(writer.end());
    const bundle = concat(...written);
    if (bundle.length !== writer.plannedBytes) throw new Error("planned otherwise");
    return hex(bundle);
  },
  find_stamp(given) {
    const [parcelId, start] = [given.binary("parcel_id"), given.binary("start")];
    const [epoch, effort] = [given.number("epoch"), given.number("effort")];
    const found = findStamp(parcelId, epoch, effort, start, given.number("tries"));
    return found && hex(encodeFrame(found));
  },
  new_code() {
    return newCode();
  },
  check_addresses(_, values) {
    checkAddresses(values.addresses as string[]);
    return null;
  },
  new_client(given, values) {
    const relayKey = given.binary("relay_key");
    const [secret, preamble] = known(given, values, "secret", "preamble") ?? [];
    const channel = new ClientChannel(relayKey, secret && preamble && { secret, preamble });
    const session = new ClientSession(relayKey, channel);
    sessions.push(session);
    return { session: sessions.length - 1, preamble: hex(session.start()) };
  },
  new_relay(given) {
    const secret = new SealingSecret(given.binary("sealing_seed"));
    sessions.push(new RelaySession(new RelayChannel(secret, given.binary("salt"))));
    return { session: sessions.length - 1 };
  },
  send(given) {
    return hex(sessionOf(given).send(...given.binaries("frames").map(frame)));
  },
  receive(given) {
    const session = sessionOf(given);
    const frames = session.receive(given.binary("data"));
    return {
      frames: frames.map((one) => hex(encodeFrame(one))),
      failure: session.failure?.verdict ?? null,
      ended: session.ended,
    };
  },
  finish(given) {
    sessionOf(given).finish();
    return null;
  },
  new_queue() {
    queues.push(new Queue());
    return queues.length - 1;
  },
  queue(given, values) {
    const queue = queues[given.number("queue")] as Queue<string>;
    const key = given.string("key");
    switch (given.string("method")) {
      case "add":
        queue.add(key, {
          rank: given.number("rank") as Rank,
          flow: given.string("flow"),
          order: given.numbers("order"),
          leftBytes: given.number("left_bytes"),
          wanted: values.wanted === true,
          waitedDays: given.number("waited_days"),
        });
        break;
      case "sent":
        queue.sent(key, given.number("size_bytes"));
        break;
      case "want":
        queue.update(key, { wanted: values.wanted === true });
        break;
      case "left":
        queue.update(key, { leftBytes: given.number("left_bytes") });
        break;
      case "discard":
        queue.discard(key);
        break;
      default:
        throw new Error("no such method");
    }
    return [...queue.keys()];
  },
};

async function answer(line: string): Promise<Json> {
  const [name, values] = JSON.parse(line) as [string, Arguments];
  const call = CALLS[name];
  if (call === undefined) throw new Error(`no call ${name}`);
  try {
    return { ok: await call(new Given(values), values) };
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    return { error: error.verdict, remote: error instanceof RemoteError };
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(`${JSON.stringify(await answer(line))}\n`);
}
