/** Operations of the vectors on letters, parts, reports, replies and codes. */
import { concat, equal, hex, pieces } from "../src/protocol/bytes.ts";
import { grouped, identity, normalise } from "../src/protocol/code.ts";
import { sha256 } from "../src/protocol/hashing.ts";
import { openLetter } from "../src/protocol/letter.ts";
import { parseHeader } from "../src/protocol/parcel.ts";
import { openPart } from "../src/protocol/part.ts";
import { pack, unpack } from "../src/protocol/record.ts";
import { verifyReply } from "../src/protocol/reply.ts";
import { decodeReport, encodeReport, reportId, verifyReport } from "../src/protocol/report.ts";
import { SealingSecret } from "../src/protocol/sealing.ts";
import type { Operation } from "./operations.ts";
import { tree } from "./vectors.ts";

export const sealed: Readonly<Record<string, Operation>> = {
  open_letter(given, out) {
    const secret = new SealingSecret(given.binary("sealing_seed"));
    const header = parseHeader(given.binary("header"));
    const opened = openLetter(header, given.binary("body"), secret);
    Object.assign(out, {
      type: opened.letterType,
      content_bytes: opened.content.length,
      content_sha256: hex(sha256(opened.content)),
      signature: hex(opened.signature),
      content_key: hex(opened.contentKey),
    });
  },
  async open_part(given, out) {
    const key = {
      contentKey: given.binary("content_key"),
      length: given.number("length"),
      sha256: given.binary("sha256"),
    };
    const header = parseHeader(given.binary("header"));
    const found: Uint8Array[] = [];
    for await (const data of openPart(header, key, pieces(given.binary("body"), 16_384))) {
      found.push(data);
    }
    const data = concat(...found);
    Object.assign(out, { bytes: data.length, sha256: hex(sha256(data)) });
  },
  decode_report(given, out) {
    const content = given.binary("content");
    const report = decodeReport(content);
    out.report_id = hex(reportId(content));
    // What this version writes lacks only the fields that it does not know.
    const written = encodeReport(report);
    const known = pack(unpack(content, content.length).slice(0, 16));
    if (!hasLongerRows(content) && !equal(written, known)) throw new Error("written otherwise");
    out.fields = tree(unpack(written, written.length));
  },
  verify_report(given, out) {
    const content = given.binary("content");
    const report = verifyReport(content, given.binary("signature"), {
      deskId: given.binary("desk_id"),
      recipientKey: given.binary("recipient_key"),
      bind: given.binary("bind"),
    });
    Object.assign(out, { author: hex(report.author), report_id: hex(reportId(content)) });
  },
  read_code(given, out) {
    const digits = normalise(given.string("code"));
    Object.assign(out, { code: digits, shown: grouped(digits) });
  },
  async derive_identity(given, out) {
    const made = await identity(given.string("code"), given.binary("desk_id"));
    Object.assign(out, {
      signing_seed: hex(made.signing.seed),
      signing_key: hex(made.signing.publicKey),
      reply_seed: hex(made.reply.seed),
      reply_key_sha256: hex(sha256(made.reply.publicKey)),
      mailbox_secret: hex(made.mailboxSecret),
    });
  },
  verify_reply(given, out) {
    const reply = verifyReply(given.binary("content"), given.binary("signature"), {
      deskId: given.binary("desk_id"),
      replyKey: given.binary("reply_key"),
      bind: given.binary("bind"),
    });
    out.fields = tree([
      1,
      reply.statementBytes,
      reply.signingKey,
      reply.nonce,
      reply.issuedDay,
      reply.number,
      reply.answers,
      reply.language,
      reply.text,
      reply.wanted,
    ]);
  },
};

/** Whether rows inside a report hold fields that this version does not know. */
function hasLongerRows(content: Uint8Array): boolean {
  const fields = unpack(content, content.length);
  const rows = [10, 11, 12].flatMap((at) => fields[at] as (readonly unknown[])[]);
  return rows.some((row) => row.length > 7);
}
