/** The newest signed document that was seen here: what is written now is not older (SPEC 7). */
import { equal } from "../protocol/bytes.ts";
import { parseHeader } from "../protocol/parcel.ts";
import { parsePublic } from "../protocol/public.ts";
import type { Checkpoint } from "../protocol/report.ts";
import { isRevoked } from "../protocol/statement.ts";
import { desksIn, type KnownDesk } from "./desks.ts";
import type { DocumentRow, Store } from "./tables.ts";

/**
 * Its day and its hash: a card's or a public document's; null where there is neither.
 *
 * What a revoked key has signed counts only where there is nothing else (SPEC 11).
 */
export async function newestCheckpoint(store: Store): Promise<Checkpoint | null> {
  const [desks, documents] = await store.read(["desk", "document"], async (rows) => [
    await desksIn(rows),
    await rows.all("document"),
  ]);
  const cards = desks.map(({ card, statement }) => ({
    counts: !isRevoked(statement, card.signer),
    day: card.issuedDay,
    hash: card.cardHash,
  }));
  const found: Checkpoint[] = cards.filter((card) => card.counts);
  documents.sort((one, other) => other.issuedDay - one.issuedDay);
  const document = documents.find((row) => !isOfRevoked(desks, row));
  if (document !== undefined) found.push({ day: document.issuedDay, hash: document.hash });
  const counted = found.length > 0 ? found : cards;
  return counted.reduce<Checkpoint | null>(
    (newest, { day, hash }) => (newest === null || day > newest.day ? { day, hash } : newest),
    null,
  );
}

function isOfRevoked(desks: readonly KnownDesk[], row: DocumentRow): boolean {
  const desk = desks.find((known) => known.id === row.desk);
  if (desk === undefined || desk.statement.revoked.length === 0) return false;
  const { signer } = parsePublic(parseHeader(row.header), row.body);
  return desk.statement.revoked.some((key) => equal(key, signer));
}
