/** Operations of the vectors on frames, receipts, stamps, channels, transfers and bundles. */

import { readBundle } from "../src/protocol/bundle.ts";
import { equal, hex, pieces } from "../src/protocol/bytes.ts";
import { ClientChannel } from "../src/protocol/channel.ts";
import { decodeFrame, encodeFrame } from "../src/protocol/frameCodec.ts";
import type { Frame } from "../src/protocol/frames.ts";
import {
  custodyRoot,
  singleReceipts,
  verifyReceipt,
  verifySingle,
} from "../src/protocol/receipt.ts";
import { unpack } from "../src/protocol/record.ts";
import { SealingSecret } from "../src/protocol/sealing.ts";
import { checkStamp } from "../src/protocol/stamp.ts";
import { verifyOpened } from "../src/protocol/tombstone.ts";
import { Intake } from "../src/protocol/transfer.ts";
import type { Operation, Out } from "./operations.ts";
import { RelayChannel } from "./relaySide.ts";
import { type Given, type Json, tree } from "./vectors.ts";

function frameOf<T extends Frame["type"]>(given: Given, type: T): Extract<Frame, { type: T }> {
  const frame = decodeFrame(given.binary("frame"));
  if (frame?.type !== type) throw new Error(`the frame is no ${type}`);
  return frame as Extract<Frame, { type: T }>;
}

/** Feed a side in pieces; `out` is told the plains that came before a fault. */
function readAll(channel: ClientChannel | RelayChannel, data: Uint8Array, out: Out): void {
  const plains: string[] = [];
  out.plains = plains;
  for (const piece of pieces(data, 7001)) plains.push(...channel.feed(piece).map(hex));
  channel.finish();
}

export const session: Readonly<Record<string, Operation>> = {
  decode_frame(given, out) {
    const frame = decodeFrame(given.binary("record"));
    if (frame === null) {
      out.ignored = true;
      return;
    }
    const written = encodeFrame(frame);
    out.fields = tree(unpack(written, written.length));
    const again = encodeFrame(decodeFrame(written) as Frame);
    if (!equal(again, written)) throw new Error("it is written otherwise the second time");
  },
  verify_opened(given) {
    verifyOpened(frameOf(given, "opened"));
  },
  verify_receipt(given, out) {
    const relayKey = given.binary("relay_key");
    const frame = frameOf(given, "receipt");
    verifyReceipt(relayKey, frame);
    out.root = hex(custodyRoot(frame.ids, frame.seed));
    out.count = frame.ids.length;
    const singles = singleReceipts(relayKey, frame).map(verifySingle);
    if (!singles.every((single, at) => equal(single.parcelId, frame.ids[at] as Uint8Array))) {
      throw new Error("the single receipts are for others");
    }
  },
  verify_single(given, out) {
    const single = verifySingle(given.binary("receipt"));
    Object.assign(out, {
      parcel_id: hex(single.parcelId),
      relay_key: hex(single.relayKey),
      day: single.day,
    });
  },
  check_stamp(given) {
    checkStamp(frameOf(given, "stamp"), given.number("day"));
  },
  client_reads(given, out) {
    const channel = new ClientChannel(given.binary("relay_sealing_key"), {
      secret: given.binary("secret"),
      preamble: given.binary("preamble"),
    });
    try {
      readAll(channel, given.binary("data"), out);
    } finally {
      if (channel.isOpen) out.session_hash = hex(channel.sessionHash);
    }
  },
  relay_reads(given, out) {
    const channel = new RelayChannel(new SealingSecret(given.binary("sealing_seed")));
    try {
      readAll(channel, given.binary("data"), out);
    } finally {
      if (channel.channelHash !== undefined) out.channel_hash = hex(channel.channelHash);
    }
  },
  receive_transfer(given, out) {
    const intake = new Intake();
    const blocks: number[][] = [];
    out.blocks = blocks;
    for (const data of given.binaries("frames")) {
      const frame = decodeFrame(data);
      if (frame?.type === "header") {
        intake.open(frame);
      } else if (frame?.type === "leaves") {
        intake.leaves(frame);
      } else if (frame?.type === "block") {
        const verified = intake.block(frame);
        if (verified === undefined) throw new Error("a block of a transfer that is closed");
        blocks.push([verified.handle, verified.index]);
      } else {
        throw new Error("a frame that is of no transfer");
      }
    }
  },
  async read_bundle(given, out) {
    const index: Json[] = [];
    const types: Json[] = [];
    Object.assign(out, { index, frame_types: types });
    const data = given.binary("bundle");
    const chunks = [data.subarray(0, 5), data.subarray(5, 1000), data.subarray(1000)];
    for await (const item of readBundle(chunks)) {
      if (item.type === "indexEntry") {
        index.push([hex(item.parcelId), item.kind, item.bodySize, item.offset]);
      } else {
        const [type = 0] = unpack(encodeFrame(item), 1 << 17);
        types.push(type as number);
      }
    }
  },
};
