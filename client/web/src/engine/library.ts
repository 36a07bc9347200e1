/**
 * What came in: sealed replies, public documents, the desk's word that it opened something.
 *
 * Each is verified before it is kept. A reply stays sealed: only the code opens it, in memory.
 */
import { equal, hex } from "../protocol/bytes.ts";
import { RemoteError } from "../protocol/errors.ts";
import type { Opened } from "../protocol/frames.ts";
import { Kind } from "../protocol/kinds.ts";
import { type Header, parseHeader } from "../protocol/parcel.ts";
import { DocumentClass, type PublicDocument, parsePublic } from "../protocol/public.ts";
import { checkCertified, isRevoked, type Statement } from "../protocol/statement.ts";
import { checkOpened, verifyOpened } from "../protocol/tombstone.ts";
import { dayBy } from "./clock.ts";
import { deskIn, hearStatementIn, type KnownDesk, keepCardIn } from "./desks.ts";
import { forgetToldIn, queuedIn } from "./outbox.ts";
import { removeBodyIn } from "./sealingRoom.ts";
import type { Store } from "./tables.ts";

export class Library {
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
  }

  /** The offers (16 bytes, in hex) of all replies that are here. */
  async offers(): Promise<Set<string>> {
    const rows = await this.#store.read(["reply"], (found) => found.all("reply"));
    return new Set(rows.map(({ id }) => id.slice(0, 32)));
  }

  /** Keeps whatever parcel a relay or a bundle gave, whose blocks were verified; whether it is new. */
  async keep(header: Header, body: Uint8Array): Promise<boolean> {
    if (header.kind === Kind.REPLY) return this.#keepReply(header, body);
    if (header.kind === Kind.PUBLIC) return this.#keepDocument(header, body);
    throw new RemoteError("wrong_recipient", "a parcel that is for a desk");
  }

  /**
   * Drops replies that no relay carries any more on a day that a relay has told, nor by this
   * device's clock: a relay may lie.
   */
  async clearExpired(toldDay: number): Promise<void> {
    const day = Math.min(toldDay, dayBy(null));
    const isOver = (header: Uint8Array) => parseHeader(header).expiryDay < day;
    const rows = await this.#store.read(["reply"], (found) => found.all("reply"));
    const over = rows.filter(({ header }) => isOver(header));
    if (over.length === 0) return;
    await this.#store.write(["reply"], async (found) => {
      for (const { id } of over) await found.remove("reply", id);
    });
  }

  /** A desk's bulletins by serial, verified again; what a revoked key has signed is left out. */
  async bulletins({ id, statement }: KnownDesk): Promise<PublicDocument[]> {
    const rows = await this.#store.read(["document"], (found) => found.all("document", id));
    return rows
      .filter(({ documentClass }) => documentClass === DocumentClass.BULLETIN)
      .map(({ header, body }) => parsePublic(parseHeader(header), body))
      .filter(({ signer }) => !isRevoked(statement, signer));
  }

  /**
   * The highest serials of a desk's bulletins and of its cards, this one; 0 for none.
   *
   * What a key has signed that was revoked since has no serial (SPEC 11).
   */
  async newestSerials(desk: KnownDesk): Promise<{ bulletinSerial: number; cardSerial: number }> {
    const valid = await this.bulletins(desk);
    return {
      bulletinSerial: valid[valid.length - 1]?.serial ?? 0,
      cardSerial: isRevoked(desk.statement, desk.card.signer) ? 0 : desk.card.serial,
    };
  }

  /**
   * Takes the desk's word that it opened a parcel of ours; whether that is news. The sealed copy
   * goes with it.
   *
   * Throws a RemoteError unless lock, signature and the desk's newest statement bear it out.
   */
  async hearOpened(frame: Opened, today: number): Promise<boolean> {
    return this.#store.write(["desk", "item", "parcel", "body", "page", "told"], async (rows) => {
      const found = await queuedIn(rows, frame.parcelId);
      if (found === undefined || found.row.openedDay !== null) return false;
      checkOpened(parseHeader(found.row.header).lock, frame.opened);
      verifyOpened(frame);
      const desk = await deskIn(rows, found.desk);
      if (desk === undefined) throw new RemoteError("wrong_recipient", "the desk's card is gone");
      checkVouched(desk.statement, frame.signingKey);
      await rows.put("parcel", { ...found.row, openedDay: today, hasBody: false });
      await removeBodyIn(rows, found.row.key as number);
      await forgetToldIn(rows);
      return true;
    });
  }

  #keepReply(header: Header, body: Uint8Array): Promise<boolean> {
    const id = hex(header.parcelId);
    return this.#store.write(["reply"], async (rows) => {
      if ((await rows.get("reply", id)) !== undefined) return false;
      await rows.put("reply", { id, header: header.encode(), body });
      return true;
    });
  }

  #keepDocument(header: Header, body: Uint8Array): Promise<boolean> {
    const document = parsePublic(header, body);
    const { documentClass, serial, issuedDay } = document;
    const desk = hex(document.statement.deskId);
    return this.#store.write(["desk", "document"], async (rows) => {
      if ((await rows.get("desk", desk)) === undefined) {
        throw new RemoteError(
          "wrong_recipient",
          "the document is of a desk that is not known here",
        );
      }
      const newest = await hearStatementIn(rows, desk, document.statementBytes);
      checkCertified(newest, document.signer, issuedDay);
      const isNews = document.card !== null && (await keepCardIn(rows, document.card));
      const known = await rows.get("document", [desk, documentClass, serial]);
      if (known !== undefined && known.issuedDay >= issuedDay) {
        // What a key signed that was revoked since makes way.
        const { signer } = parsePublic(parseHeader(known.header), known.body);
        if (!isRevoked(newest, signer)) return isNews;
      }
      await rows.put("document", {
        desk,
        documentClass,
        serial,
        issuedDay,
        hash: document.documentHash,
        header: header.encode(),
        body,
      });
      return document.card === null || isNews;
    });
  }
}

/** The frame names no day: it counts as long as its key is certified for some day. */
function checkVouched(statement: Statement, key: Uint8Array): void {
  const row = statement.certified.find(({ signingKey }) => equal(signingKey, key));
  checkCertified(statement, key, row?.firstDay ?? 0);
}
