/** Opens replies with the code, in memory, and shows bulletins. Keeps nothing of either. */
import { equal, hex } from "../protocol/bytes.ts";
import { type Identity, identity } from "../protocol/code.ts";
import { epochOf } from "../protocol/days.ts";
import { RemoteError } from "../protocol/errors.ts";
import { LetterType, openLetter } from "../protocol/letter.ts";
import { type Header, parseHeader } from "../protocol/parcel.ts";
import type { Picture, PublicDocument } from "../protocol/public.ts";
import { type Reply, verifyReply } from "../protocol/reply.ts";
import { checkCertified, newestOf } from "../protocol/statement.ts";
import { mailboxPrefix } from "../protocol/tags.ts";
import { type Desks, hearStatementIn, type KnownDesk } from "./desks.ts";
import type { BulletinView, ReplyView } from "./engine.ts";
import type { Library } from "./library.ts";
import type { Outbox } from "./outbox.ts";
import type { ReplyRow, Store } from "./tables.ts";

/** How long a reply is carried behind its week (SPEC 10). */
const REPLY_GRACE_DAYS = 30;
/** A bulletin is nobody's page: whatever else it claims to hold is not shown as a picture. */
const PICTURES = new Set(["image/jpeg", "image/png", "image/webp"]);

/** The person that a code makes towards each known desk. */
export async function identitiesOf(
  code: string,
  desks: readonly KnownDesk[],
): Promise<{ desk: KnownDesk; who: Identity }[]> {
  const found = [];
  // One after the other: each takes 64 MiB.
  for (const desk of desks)
    found.push({ desk, who: await identity(code, desk.card.statement.deskId) });
  return found;
}

/** Answers for a code, newest first. What they ask for moves to the front of the outbox. */
export async function openReplies(
  code: string,
  kept: { store: Store; desks: Desks; outbox: Outbox },
): Promise<ReplyView[]> {
  const known = await kept.desks.all();
  const rows = await kept.store.read(["reply"], (found) => found.all("reply"));
  const opened = new Map<string, { reply: Reply; view: ReplyView; epoch: number }>();
  for (const { desk, who } of await identitiesOf(code, known)) {
    for (const row of rows) {
      const header = parseHeader(row.header);
      const reply = openReply(header, row, desk, who);
      if (reply === null || !(await isVouched(kept.store, desk, reply))) continue;
      // A desk that posts a reply again seals it anew: its nonce tells.
      opened.set(hex(reply.nonce), {
        reply,
        view: viewOf(row.id, desk, reply),
        epoch: weekOf(header),
      });
    }
  }
  const found = [...opened.values()].sort(
    (one, other) =>
      other.reply.issuedDay - one.reply.issuedDay ||
      other.epoch - one.epoch ||
      other.reply.number - one.reply.number,
  );
  await kept.outbox.markWanted(found.flatMap(({ reply }) => reply.wanted));
  return found.map(({ view }) => view);
}

function weekOf(header: Header): number {
  return epochOf(header.expiryDay - REPLY_GRACE_DAYS);
}

/** The reply; null for one of another mailbox, or a false one. */
function openReply(header: Header, row: ReplyRow, desk: KnownDesk, who: Identity): Reply | null {
  if (
    !equal(header.tag.subarray(0, 4), mailboxPrefix(who.mailboxSecret, Math.max(0, weekOf(header))))
  ) {
    return null;
  }
  try {
    const letter = openLetter(header, row.body, who.reply);
    if (letter.letterType !== LetterType.REPLY) return null;
    return verifyReply(letter.content, letter.signature, {
      deskId: desk.card.statement.deskId,
      replyKey: who.reply.publicKey,
      bind: header.bind,
    });
  } catch (error) {
    // Others share the beginning of the tag, and anybody may put something there.
    if (error instanceof RemoteError) return null;
    throw error;
  }
}

/** Whether the newest statement of the desk vouches for the key that signed a reply. */
async function isVouched(store: Store, desk: KnownDesk, reply: Reply): Promise<boolean> {
  try {
    let newest = newestOf(desk.statement, reply.statement);
    // Looking at answers writes nothing, unless they bring something new.
    if (newest.serial > desk.statement.serial) {
      newest = await store.write(["desk"], (rows) =>
        hearStatementIn(rows, desk.id, reply.statementBytes),
      );
    }
    checkCertified(newest, reply.signingKey, reply.issuedDay);
    return true;
  } catch (error) {
    if (error instanceof RemoteError) return false;
    throw error;
  }
}

function viewOf(id: string, desk: KnownDesk, reply: Reply): ReplyView {
  return {
    id,
    deskName: desk.card.name,
    issuedDay: reply.issuedDay,
    text: reply.text,
    language: reply.language,
    wantsOriginals: reply.wanted.length > 0,
  };
}

/** The bulletins of all desks, newest first. */
export async function allBulletins(library: Library, desks: Desks): Promise<BulletinView[]> {
  const found: BulletinView[] = [];
  for (const desk of await desks.all()) {
    let before = 0;
    for (const document of await library.bulletins(desk)) {
      found.push(bulletinOf(desk, document, document.serial - before - 1));
      before = document.serial;
    }
  }
  return found.sort((one, other) => other.issuedDay - one.issuedDay || other.serial - one.serial);
}

function bulletinOf(desk: KnownDesk, document: PublicDocument, missing: number): BulletinView {
  const { serial, issuedDay, title, text, language, pictures } = document;
  return {
    desk: desk.id,
    deskName: desk.card.name,
    serial,
    issuedDay,
    title,
    text,
    language,
    missing,
    pictures: pictures.filter(({ mediaType }) => PICTURES.has(mediaType)).map(blobOf),
  };
}

function blobOf({ mediaType, data }: Picture): Blob {
  return new Blob([data as BlobPart], { type: mediaType });
}
