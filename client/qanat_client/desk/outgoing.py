"""What the desk sends: replies, dummies and public documents, kept until they expire.

Queued durably first; each goes to every relay of the card, and each relay's word is kept.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from qanat_client.desk.vault import Vault
from qanat_protocol.bitmap import Bitmap
from qanat_protocol.errors import UnexpectedFrame
from qanat_protocol.frames import Ack, AckStatus, Frame
from qanat_protocol.limits import BLOCK_BYTES, PAGE_LEAVES
from qanat_protocol.merkle import leaf_hash, page_roots
from qanat_protocol.parcel import Header, parse_header
from qanat_protocol.transfer import Outgoing

__all__ = ["STATUS_HELD", "STATUS_REFUSED", "Handing", "Outbox", "Waiting"]

STATUS_HELD = "held"
STATUS_REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Waiting:
    """One parcel of the queue; `number` is for people."""

    parcel_id: bytes
    number: int
    what: str
    about: str
    made_s: int
    expiry_day: int


class Outbox:
    """The queue in the vault."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    def add(self, header: Header, body: bytes, *, what: str, about: str, made_s: int) -> None:
        """Queue a parcel; the caller holds the transaction."""
        number = self._vault.value("SELECT coalesce(max(number), 0) + 1 FROM outgoing")
        self._vault.run(
            "INSERT INTO outgoing VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            header.parcel_id,
            header.encode(),
            body,
            what,
            about,
            made_s,
            header.expiry_day,
            number,
        )

    def waiting(self) -> list[Waiting]:
        """All that is queued or was handed over and has not expired, oldest first."""
        return [
            Waiting(*row)
            for row in self._vault.rows(
                "SELECT id, number, what, about, made_s, expiry_day FROM outgoing ORDER BY number"
            )
        ]

    def not_handed(self, relay: bytes) -> list[tuple[Header, bytes]]:
        """What this relay has not taken, in the order of queueing.

        A relay that refused is asked again: it may carry this desk or have room by now.
        """
        found = self._vault.rows(
            "SELECT header, body FROM outgoing WHERE id NOT IN"
            " (SELECT id FROM handed WHERE relay = ? AND status = ?) ORDER BY number",
            relay,
            STATUS_HELD,
        )
        return [(parse_header(header), body) for header, body in found]

    def handed(self, parcel_id: bytes) -> list[tuple[bytes, str, int | None, int]]:
        """What each relay said to a parcel: relay, status, verdict, day."""
        return [
            (relay, status, verdict, day)
            for relay, status, verdict, day in self._vault.rows(
                "SELECT relay, status, verdict, day FROM handed WHERE id = ? ORDER BY day, relay",
                parcel_id,
            )
        ]

    def mark(
        self, parcel_id: bytes, relay: bytes, status: str, verdict: int | None, day: int
    ) -> None:
        """A relay has said what it did with a parcel."""
        with self._vault.transaction():
            self._vault.run(
                "INSERT INTO handed VALUES (?, ?, ?, ?, ?) ON CONFLICT (id, relay)"
                " DO UPDATE SET status = excluded.status, verdict = excluded.verdict,"
                " day = excluded.day WHERE status != ?",
                parcel_id,
                relay,
                status,
                verdict,
                day,
                STATUS_HELD,
            )

    def drop_expired(self, today: int) -> None:
        """Forget what no relay carries any more."""
        with self._vault.transaction():
            self._vault.run(
                "DELETE FROM handed WHERE id IN (SELECT id FROM outgoing WHERE expiry_day < ?)",
                today,
            )
            self._vault.run("DELETE FROM outgoing WHERE expiry_day < ?", today)


class Handing:
    """One session's worth of handing over: the transfers, and what the relay says to them."""

    def __init__(self, outbox: Outbox, relay: bytes) -> None:
        self._outbox = outbox
        self._relay = relay
        self._sent: dict[int, bytes] = {}
        self._handed: set[bytes] = set()
        self._begun = 0

    @property
    def waits(self) -> bool:
        """Whether the relay has not answered to all that was sent."""
        return bool(self._sent)

    def frames(self) -> Iterator[list[Frame]]:
        """The frames of all that the relay has not taken, block by block; once in a session."""
        for header, body in self._outbox.not_handed(self._relay):
            if header.parcel_id in self._handed:
                continue
            handle, self._begun = self._begun, self._begun + 1
            self._sent[handle] = header.parcel_id
            self._handed.add(header.parcel_id)
            yield from _transfer(handle, header, body)

    def hear(self, ack: Ack, day: int) -> None:
        """Keep the relay's word. Raises UnexpectedFrame for a transfer that was never begun."""
        for entry in ack.entries:
            if entry.handle >= self._begun:
                raise UnexpectedFrame("a status of a parcel that was never sent")
            if not entry.status.is_final or entry.handle not in self._sent:
                continue
            parcel_id = self._sent.pop(entry.handle)
            refused = entry.status is AckStatus.REFUSED
            self._outbox.mark(
                parcel_id,
                self._relay,
                STATUS_REFUSED if refused else STATUS_HELD,
                entry.value if refused else None,
                day,
            )


def _transfer(handle: int, header: Header, body: bytes) -> Iterator[list[Frame]]:
    blocks = [body[at : at + BLOCK_BYTES] for at in range(0, len(body), BLOCK_BYTES)]
    leaves = [leaf_hash(block) for block in blocks]
    transfer = Outgoing(handle, header, Bitmap.from_indices(()))
    frames: list[Frame] = list(transfer.start(page_roots(leaves)))
    for index in transfer.missing():
        page = transfer.page_needed(index)
        if page is not None:
            first = page * PAGE_LEAVES
            frames.append(transfer.page(page, leaves[first : first + PAGE_LEAVES]))
        frames.append(transfer.block(index, blocks[index]))
        yield frames
        frames = []
