"""Parcels on their way in, from all relays at once: each block once, durable before it counts.

One object for all sessions of a pull, so that what one relay has brought is not taken from another.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from qanat_client.desk.claims import Claims
from qanat_client.desk.spool import Spool
from qanat_client.desk.vault import Vault
from qanat_protocol.bitmap import Bitmap
from qanat_protocol.limits import OFFER_BYTES
from qanat_protocol.merkle import block_count
from qanat_protocol.parcel import Header, parse_header

__all__ = ["Arrivals", "Incoming"]

_NOTHING = Bitmap()
MAX_TOLD_HELD = 2048
"""How many PARTIAL frames a session begins with: what a relay remembers is bounded."""


class Incoming:
    """One parcel that is not whole yet. A body has up to 65,536 blocks: one bit for each, and
    memory only up to the last that came, since any header may claim that many."""

    def __init__(self, header: Header, relay: bytes, held: Bitmap = _NOTHING) -> None:
        self.header = header
        self.relay = relay
        self.missing = block_count(header.body_size)
        self._bits = bytearray()
        for index in held:
            self.add(index)

    @property
    def bitmap(self) -> Bitmap:
        """The blocks that are here."""
        return Bitmap.from_bytes(bytes(self._bits).rstrip(b"\0"))

    def has(self, index: int) -> bool:
        """Whether this block is here."""
        at = index >> 3
        return at < len(self._bits) and bool(self._bits[at] & 0x80 >> (index & 7))

    def add(self, index: int) -> None:
        """Note a block that was not here."""
        self._bits.extend(bytes(max(0, (index >> 3) + 1 - len(self._bits))))
        self._bits[index >> 3] |= 0x80 >> (index & 7)
        self.missing -= 1


class Arrivals:
    """What is here, what is coming and who brings it."""

    def __init__(self, vault: Vault, spool: Spool, clock: Callable[[], float]) -> None:
        self._vault = vault
        self._spool = spool
        self._clock = clock
        self._coming: dict[bytes, Incoming] = {}
        # In the order in which they came, and so stand in the vault; a set's is another each time.
        self._changed: dict[bytes, None] = {}
        self._came: set[bytes] = set()
        self.claims = Claims()
        for header, bitmap, relay in vault.rows(
            "SELECT header, bitmap, relay FROM parcels WHERE state = 'partial'"
        ):
            parcel = parse_header(header)
            self._coming[parcel.parcel_id] = Incoming(parcel, relay, Bitmap.from_bytes(bitmap))

    def held(self) -> dict[bytes, Bitmap]:
        """The blocks that a relay need not send, by parcel id, as far as it will remember them."""
        found = {parcel_id: incoming.bitmap for parcel_id, incoming in self._coming.items()}
        return dict(list(found.items())[:MAX_TOLD_HELD])

    def is_here(self, offer: bytes) -> bool:
        """Whether a parcel (by its first 16 bytes) was taken whole, now or earlier."""
        return (
            self._vault.value("SELECT 1 FROM parcels WHERE offer = ? AND state != 'partial'", offer)
            is not None
        )

    def knows(self, parcel_id: bytes) -> bool:
        """Whether any block of this parcel ever came."""
        return parcel_id in self._coming or self.is_here(parcel_id[:16])

    def half_of(self, offer: bytes) -> Incoming | None:
        """The parcel with this offer, if some of its blocks are here."""
        for parcel_id, incoming in self._coming.items():
            if parcel_id[:16] == offer:
                return incoming
        return None

    def held_of(self, parcel_id: bytes) -> Bitmap:
        """The blocks of a parcel that are here, as long as it is not whole."""
        incoming = self._coming.get(parcel_id)
        return _NOTHING if incoming is None else incoming.bitmap

    def lacks_of(self, relay: bytes) -> bool:
        """Whether this relay has, by its word, blocks that lack, that it was not asked for and that
        no other is to bring."""
        return any(
            not self.claims.are_of_others(parcel_id[:OFFER_BYTES], relay)
            and (blocks - self.held_of(parcel_id)).count() > 0
            and not self.is_here(parcel_id[:OFFER_BYTES])
            for parcel_id, blocks in self.claims.left(relay)
        )

    def begin(self, header: Header, relay: bytes) -> Incoming | None:
        """A transfer was opened; None if the whole parcel is here already.

        Nothing is remembered of a header alone: a relay may send as many as it likes.
        """
        if self.is_here(header.offer):
            return None
        return self._coming.get(header.parcel_id) or Incoming(header, relay)

    def take(self, incoming: Incoming, index: int, block: bytes) -> bool:
        """Keep one verified block; returns whether it was the last that was missing."""
        header = incoming.header
        known = self._coming.get(header.parcel_id)
        # Another session may have begun it meanwhile, or brought it whole.
        if known is None and header.offer in self._came and self.is_here(header.offer):
            return False
        incoming = known or incoming
        if incoming.has(index):
            return False
        # Noted only when it is written: a disk that is full must not leave a hole behind.
        self._spool.write(header.parcel_id, index, block)
        incoming.add(index)
        self._coming[header.parcel_id] = incoming
        self._changed[header.parcel_id] = None
        if incoming.missing == 0:
            self._came.add(header.offer)
        return incoming.missing == 0

    def flush(
        self, relay: bytes, *, cursor: bytes | None = None, outstanding: Iterable[bytes] = ()
    ) -> None:
        """Make durable all that was taken, and then the relay's cursor, in one commit.

        `outstanding` are offers of this relay: those that are not here are remembered, so that the
        cursor may stand behind them.
        """
        self._spool.sync()
        with self._vault.transaction():
            remembers = self._vault.value("SELECT 1 FROM skipped LIMIT 1") is not None
            whole = {
                parcel_id[:16] for parcel_id in self._changed if not self._coming[parcel_id].missing
            }
            for offer in outstanding:
                if offer not in whole and not self.is_here(offer):
                    self._vault.run("INSERT OR IGNORE INTO skipped VALUES (?, ?)", relay, offer)
            if cursor is not None:
                self._vault.run("UPDATE cursors SET cursor = ? WHERE relay = ?", cursor, relay)
            for parcel_id in self._changed:
                self._write(self._coming[parcel_id])
                if remembers and self._coming[parcel_id].missing == 0:
                    self._vault.run(
                        "DELETE FROM skipped WHERE offer = ?"
                        " AND relay IN (SELECT relay FROM cursors)",
                        parcel_id[:16],
                    )
        for parcel_id in self._changed:
            if self._coming[parcel_id].missing == 0:
                del self._coming[parcel_id]
                self.claims.came(parcel_id)
        self._changed.clear()

    def _write(self, incoming: Incoming) -> None:
        header = incoming.header
        self._vault.run(
            "INSERT INTO parcels (id, offer, header, kind, state, bitmap, blocks_held, relay,"
            " arrived_s, expiry_day) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (id) DO UPDATE SET state = excluded.state, bitmap = excluded.bitmap,"
            " blocks_held = excluded.blocks_held, arrived_s = excluded.arrived_s",
            header.parcel_id,
            header.offer,
            header.encode(),
            int(header.kind),
            "partial" if incoming.missing else "whole",
            incoming.bitmap.to_bytes(),
            block_count(header.body_size) - incoming.missing,
            incoming.relay,
            int(self._clock()),
            header.expiry_day,
        )

    def skipped(self, relay: bytes) -> list[bytes]:
        """Offers of this relay that were left to others, or did not come whole."""
        found = self._vault.rows("SELECT offer FROM skipped WHERE relay = ?", relay)
        return [row[0] for row in found if not self.is_here(row[0])]

    def count_skipped(self, relay: bytes) -> int:
        """How many offers of this relay are remembered."""
        return int(self._vault.value("SELECT count(*) FROM skipped WHERE relay = ?", relay))

    def give_up(self, relay: bytes, offers: Iterable[bytes]) -> None:
        """This relay was asked for these in a whole session: what did not come it does not have."""
        with self._vault.transaction():
            for offer in offers:
                self._vault.run("DELETE FROM skipped WHERE relay = ? AND offer = ?", relay, offer)
