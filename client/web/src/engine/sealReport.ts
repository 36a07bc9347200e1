/**
 * Turns what somebody wrote into a sealed report in the outbox. Keeps no key and nothing readable.
 *
 * Everything that can be refused is refused before the first byte is sealed.
 */
import type { File as FileRow, PartRef } from "../protocol/attachment.ts";
import { hex } from "../protocol/bytes.ts";
import { epochFor, expiryDay, sealingKey } from "../protocol/card.ts";
import { identity } from "../protocol/code.ts";
import { Kind, Rendition } from "../protocol/kinds.ts";
import { LetterType, sealLetter } from "../protocol/letter.ts";
import { PartSealer } from "../protocol/part.ts";
import { randomBytes } from "../protocol/random.ts";
import {
  blankReport,
  encodeReport,
  type Report,
  reportContext,
  reportId,
} from "../protocol/report.ts";
import { SigningKey } from "../protocol/signing.ts";
import { deskTag } from "../protocol/tags.ts";
import { nowS, writingTime } from "./clock.ts";
import { type Desks, lastDayOf } from "./desks.ts";
import { checkedDraft, renditionsOf } from "./drafts.ts";
import { type Draft, EngineError } from "./engine.ts";
import { newestCheckpoint } from "./newest.ts";
import { checkGoing } from "./refusals.ts";
import { GROUP_BLOCKS, type SealingRoom } from "./sealingRoom.ts";
import type { Role, Store } from "./tables.ts";

const READ_BYTES = 1 << 20;
const ROLES: Readonly<Record<Rendition, Role>> = { 1: "thumbnail", 2: "preview", 3: "original" };

export interface Sealing {
  readonly store: Store;
  readonly desks: Desks;
  readonly room: SealingRoom;
  readonly advance: (done: number, all: number) => void;
  readonly signal: AbortSignal;
}

/** Seals a report with its files and queues it durably; nothing of it is left where it throws. */
export async function sealReport(
  given: Draft,
  sealing: Sealing,
): Promise<{ number: number; reportId: string }> {
  const draft = checkedDraft(given);
  const { card } = await sealing.desks.find(draft.desk);
  const { deskId } = card.statement;
  const checkpoint = await newestCheckpoint(sealing.store);
  const time = writingTime(draft.today, checkpoint?.day ?? 0, lastDayOf(card));
  const epoch = epochFor(card, time.day);
  const recipient = sealingKey(card, epoch);
  const place = { tag: deskTag(deskId, epoch), expiryDay: expiryDay(card, epoch) };
  const who = draft.code === null ? null : await identity(draft.code, deskId);
  const signing = who?.signing ?? SigningKey.generate();
  const report: Report = {
    ...blankReport(signing.publicKey, randomBytes(16)),
    writtenS: time.writtenS,
    language: draft.language,
    text: draft.text,
    what: draft.what,
    where: draft.where,
    when: draft.when,
    basis: draft.basis,
    figures: draft.figures,
    replyBox: who && { replyKey: who.reply.publicKey, mailboxSecret: who.mailboxSecret },
    checkpoint,
  };
  // Once without the files, so that whatever can't be sealed is refused before they are read.
  encodeReport({ ...report, text: report.text || "-" });
  const batch = hex(randomBytes(8));
  return sealing.room.run(batch, async () => {
    const attached = await sealFiles(draft, batch, place, sealing);
    checkGoing(sealing.signal);
    const content = encodeReport({ ...report, ...attached });
    const { header, body } = sealLetter({
      kind: Kind.LETTER,
      urgent: draft.urgent,
      ...place,
      recipient,
      letterType: LetterType.REPORT,
      content,
      sign: (bind) => signing.sign("report", reportContext(deskId, recipient, bind), content),
    });
    const number = await sealing.room.queue(batch, {
      desk: draft.desk,
      epoch,
      expiryDay: place.expiryDay,
      sealedHour: Math.max(0, Math.floor(nowS() / 3600)),
      files: draft.files.length,
      isPaused: false,
      header,
      body,
      parts: attached.parts.length,
    });
    return { number, reportId: hex(reportId(content)) };
  });
}

async function sealFiles(
  draft: Draft,
  batch: string,
  place: { tag: Uint8Array; expiryDay: number },
  { room, advance, signal }: Sealing,
): Promise<{ files: FileRow[]; parts: PartRef[] }> {
  const files: FileRow[] = [];
  const parts: PartRef[] = [];
  const all = draft.files.flatMap(renditionsOf).reduce((sum, [data]) => sum + data.size, 0);
  let done = 0;
  for (const [number, file] of draft.files.entries()) {
    for (const [data, rendition] of renditionsOf(file)) {
      const length = data.size;
      const sealer = new PartSealer({ ...place, length, rendition });
      const chunks = chunksOf(data, signal, (size) => {
        done += size;
        advance(done, all);
      });
      const header = await room.add(
        batch,
        parts.length + 1,
        ROLES[rendition],
        sealer.groups(chunks, GROUP_BLOCKS),
        () => sealer.sealed.header,
      );
      const { sha256 } = sealer.sealed;
      const isOriginal = rendition === Rendition.ORIGINAL;
      const mediaType = isOriginal ? file.mediaType : "image/jpeg";
      const { contentKey } = sealer;
      const { parcelId } = header;
      parts.push({ file: number, rendition, mediaType, length, sha256, parcelId, contentKey });
      if (isOriginal) files.push({ name: file.name, mediaType, size: length, sha256 });
    }
  }
  return { files, parts };
}

/** A file as it is read, the next piece while the one before is sealed. */
async function* chunksOf(
  data: Blob,
  signal: AbortSignal,
  advance: (size: number) => void,
): AsyncGenerator<Uint8Array> {
  const read = (start: number) => {
    const reading = data.slice(start, start + READ_BYTES).arrayBuffer();
    // Whoever waits for it is told what it throws.
    reading.catch(() => undefined);
    return reading;
  };
  let next = read(0);
  for (let start = 0; start < data.size; start += READ_BYTES) {
    checkGoing(signal);
    const chunk = new Uint8Array(await next);
    if (chunk.length !== Math.min(READ_BYTES, data.size - start)) {
      throw new EngineError("unreadable_file", "it became shorter while it was read");
    }
    next = read(start + READ_BYTES);
    yield chunk;
    advance(chunk.length);
  }
}
