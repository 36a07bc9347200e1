"""What came in: sealed replies, public documents, the desk's word that it opened something.

Each is verified before it is kept. A reply stays sealed: only the code opens it, in memory.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection
from dataclasses import dataclass

from qanat_client.reporter.clock import today
from qanat_client.reporter.database import disk_errors, transaction
from qanat_client.reporter.desks import Desks, News
from qanat_client.reporter.home import Home
from qanat_client.reporter.outbox import Outbox
from qanat_protocol.card import DeskCard
from qanat_protocol.errors import NotCertified, QanatError, WrongRecipient
from qanat_protocol.frames import Opened
from qanat_protocol.kinds import Kind
from qanat_protocol.limits import OFFER_BYTES
from qanat_protocol.parcel import Header, parse_header
from qanat_protocol.public import DocumentClass, PublicDocument, parse_public
from qanat_protocol.tombstone import check_opened, verify_opened

__all__ = ["Library", "StoredReply"]


@dataclass(frozen=True, slots=True)
class StoredReply:
    """A reply as it was received."""

    header: Header
    body: bytes


class Library:
    """What is kept of it. For one thread at a time."""

    def __init__(self, home: Home, connection: sqlite3.Connection, desks: Desks) -> None:
        self._home = home
        self._db = connection
        self._desks = desks
        self._outbox = Outbox(home, connection)

    def holds(self, offer: bytes) -> bool:
        """Whether the reply with this offer (16 bytes) is here."""
        with disk_errors(self._home.database):
            return (
                self._db.execute(
                    "SELECT 1 FROM reply WHERE id BETWEEN ? AND ? LIMIT 1",
                    (offer + bytes(OFFER_BYTES), offer + b"\xff" * OFFER_BYTES),
                ).fetchone()
                is not None
            )

    def keep_reply(self, header: Header, body: bytes) -> bool:
        """Keep a reply, whose blocks were verified; False if it is here already."""
        with disk_errors(self._home.database), transaction(self._db):
            return (
                self._db.execute(
                    "INSERT OR IGNORE INTO reply VALUES (?, ?, ?)",
                    (header.parcel_id, header.encode(), body),
                ).rowcount
                == 1
            )

    def replies(self) -> list[StoredReply]:
        """All replies, most of them for others."""
        with disk_errors(self._home.database):
            rows = self._db.execute("SELECT header, body FROM reply ORDER BY id").fetchall()
        return [StoredReply(parse_header(header), body) for header, body in rows]

    def clear_expired(self, day: int) -> None:
        """Drop replies that no relay carries any more on a day that a relay has told.

        Nothing is dropped that by this device's clock is still carried: a relay may lie.
        """
        day = min(day, today())
        with disk_errors(self._home.database), transaction(self._db):
            for parcel_id, data in self._db.execute("SELECT id, header FROM reply").fetchall():
                if parse_header(data).expiry_day < day:
                    self._db.execute("DELETE FROM reply WHERE id = ?", (parcel_id,))

    def keep_document(self, header: Header, body: bytes) -> str:
        """Verify and keep a public document; what to tell the person, empty if nothing is new.

        Raises a ProtocolError where it doesn't verify, is older or is of an unknown desk.
        """
        document = parse_public(header, body)
        card = self._desks.find(document.statement.desk_id)
        if card is None:
            raise WrongRecipient("the document is of a desk that is not known here")
        newest = self._desks.hear_statement(card, document.statement_bytes)
        newest.check_certified(document.signer, document.issued_day)
        told = self._keep_card(document) if document.card is not None else ""
        place = (card.desk_id, int(document.document_class), document.serial)
        with disk_errors(self._home.database), transaction(self._db):
            self._make_way(place, newest.revoked)
            added = self._db.execute(
                "INSERT INTO document VALUES (?, ?, ?, ?, ?, ?, ?)"
                " ON CONFLICT (desk, class, serial) DO UPDATE SET"
                " issued_day = excluded.issued_day, hash = excluded.hash,"
                " header = excluded.header, body = excluded.body"
                " WHERE excluded.issued_day > issued_day",
                (
                    *place,
                    document.issued_day,
                    document.document_hash,
                    header.encode(),
                    body,
                ),
            ).rowcount
        if document.card is not None:
            return told
        return f"a bulletin of {card.name}: `qanat inbox` shows it" if added else ""

    def _make_way(self, place: tuple[bytes, int, int], revoked: Collection[bytes]) -> None:
        """Drop what is kept of a serial if its signer was revoked since."""
        for header, body in self._db.execute(
            "SELECT header, body FROM document WHERE desk = ? AND class = ? AND serial = ?", place
        ).fetchall():
            if parse_public(parse_header(header), body).signer in revoked:
                self._db.execute(
                    "DELETE FROM document WHERE desk = ? AND class = ? AND serial = ?", place
                )

    def _keep_card(self, document: PublicDocument) -> str:
        assert document.card is not None
        found = self._desks.weigh(document.card.envelope)
        if found.news is News.SAME:
            return ""
        self._desks.keep(found.card)
        missed = f" ({found.missing} cards between were missed)" if found.missing else ""
        return f"a newer card of {found.card.name}, number {found.card.serial}{missed}"

    def newest_serials(self, card: DeskCard) -> tuple[int, int]:
        """The highest serials of a desk's bulletins and of its cards, this one; 0 for none.

        What a key has signed that was revoked since has no serial (SPEC 11).
        """
        valid, _ = self.bulletins(card.desk_id)
        is_revoked = card.signer in self._desks.revoked(card.desk_id)
        return valid[-1].serial if valid else 0, 0 if is_revoked else card.serial

    def bulletins(self, desk_id: bytes) -> tuple[list[PublicDocument], int]:
        """A desk's bulletins by serial, verified again; how many more are of a revoked key."""
        revoked = self._desks.revoked(desk_id)
        with disk_errors(self._home.database):
            rows = self._db.execute(
                "SELECT header, body FROM document WHERE desk = ? AND class = ? ORDER BY serial",
                (desk_id, int(DocumentClass.BULLETIN)),
            ).fetchall()
        found = [parse_public(parse_header(header), body) for header, body in rows]
        valid = [document for document in found if document.signer not in revoked]
        return valid, len(found) - len(valid)

    def hear_opened(self, frame: Opened, today: int) -> bool:
        """Take the desk's word that it opened a parcel of ours; whether that is news.

        Raises a ProtocolError unless lock, signature and the desk's newest statement bear it out.
        """
        found = self._outbox.header_of(frame.parcel_id)
        if found is None:
            return False
        header, desk_id = found
        check_opened(header.lock, frame.opened)
        verify_opened(frame)
        card = self._desks.find(desk_id)
        if card is None:
            raise WrongRecipient("the card of the desk is gone: add it again")
        statement = self._desks.statement(card)
        # The frame names no day: it counts as long as the key is certified for some day and was
        # not revoked.
        if not any(
            row.signing_key == frame.signing_key
            and statement.certifies(row.signing_key, row.first_day)
            for row in statement.certified
        ):
            raise NotCertified("the opening is signed by a key that the desk does not vouch for")
        return self._outbox.mark_opened(frame.parcel_id, today)


def kept(library: Library, header: Header, body: bytes) -> str:
    """Keep whatever parcel a relay gave; what to tell, empty for nothing. Raises a QanatError."""
    if header.kind is Kind.REPLY:
        library.keep_reply(header, body)
        return ""
    if header.kind is Kind.PUBLIC:
        return library.keep_document(header, body)
    raise QanatError("a relay gave a parcel that is for a desk")
