"""Parcels on their way in, from all relays at once: each block once, durable before it counts.

One object for all sessions of a pull, so that what one relay has brought is not taken from another.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence

from qanat_client.desk.claims import Claims
from qanat_client.desk.sieve import Sieve
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
        self.parcel_id = header.parcel_id
        self.offer = self.parcel_id[:OFFER_BYTES]
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
        # Two parcels of one offer are somebody's work of 2^64 tries.
        self._by_offer: dict[bytes, dict[bytes, Incoming]] = {}
        self._sieve: Sieve | None = None
        """Of the offers in the vault, once it was needed."""
        self.claims = Claims()
        for header, bitmap, relay in vault.rows(
            "SELECT header, bitmap, relay FROM parcels WHERE state = 'partial'"
        ):
            parcel = parse_header(header)
            self._hold(Incoming(parcel, relay, Bitmap.from_bytes(bitmap)))

    def _hold(self, incoming: Incoming) -> None:
        self._coming[incoming.parcel_id] = incoming
        self._by_offer.setdefault(incoming.offer, {})[incoming.parcel_id] = incoming

    def held(self) -> dict[bytes, Bitmap]:
        """The blocks that a relay need not send, by parcel id, as far as it will remember them."""
        found = {parcel_id: incoming.bitmap for parcel_id, incoming in self._coming.items()}
        return dict(list(found.items())[:MAX_TOLD_HELD])

    def is_here(self, offer: bytes) -> bool:
        """Whether a parcel (by its first 16 bytes) was taken whole, now or earlier."""
        return bool(self.are_here([offer]))

    def are_here(self, offers: Collection[bytes]) -> set[bytes]:
        """Those of these parcels that were."""
        sieve = self._sieved()
        found = self._vault.rows_with(
            "SELECT c0 FROM GIVEN WHERE EXISTS"
            " (SELECT 1 FROM parcels WHERE offer = c0 AND state != 'partial')",
            [(offer,) for offer in offers if sieve.may_hold(offer)],
        )
        return {offer for (offer,) in found}

    def _sieved(self) -> Sieve:
        if self._sieve is None or self._sieve.is_full:
            offers = self._vault.rows("SELECT offer FROM parcels")
            self._sieve = Sieve((offer for (offer,) in offers), len(offers))
        return self._sieve

    def known(self, parcel_ids: Collection[bytes]) -> set[bytes]:
        """Those of these parcels of which any block ever came."""
        here = self.are_here({parcel_id[:OFFER_BYTES] for parcel_id in parcel_ids})
        return {
            parcel_id
            for parcel_id in parcel_ids
            if parcel_id in self._coming or parcel_id[:OFFER_BYTES] in here
        }

    def half_of(self, offer: bytes) -> Incoming | None:
        """The parcel with this offer, if some of its blocks are here."""
        return next(iter(self._by_offer.get(offer, {}).values()), None)

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
        begun = Incoming(header, relay)
        return None if self.is_here(begun.offer) else self._coming.get(begun.parcel_id, begun)

    def take(self, incoming: Incoming, index: int, block: bytes) -> bool:
        """Keep one verified block; returns whether it was the last that was missing."""
        known = self._coming.get(incoming.parcel_id)
        # Another session may have begun it meanwhile, or brought it whole.
        if known is None and incoming.offer in self._came and self.is_here(incoming.offer):
            return False
        incoming = known or incoming
        if incoming.has(index):
            return False
        # Noted only when it is written: a disk that is full must not leave a hole behind.
        self._spool.write(incoming.parcel_id, index, block)
        incoming.add(index)
        self._hold(incoming)
        self._changed[incoming.parcel_id] = None
        if incoming.missing == 0:
            self._came.add(incoming.offer)
        return incoming.missing == 0

    def flush(
        self, relay: bytes, *, cursor: bytes | None = None, outstanding: Iterable[bytes] = ()
    ) -> None:
        """Make durable all that was taken, and then the relay's cursor, in one commit.

        `outstanding` are offers of this relay: those that are not here are remembered, so that the
        cursor may stand behind them.
        """
        self._spool.sync()
        changed = [self._coming[parcel_id] for parcel_id in self._changed]
        whole = {incoming.offer for incoming in changed if not incoming.missing}
        lacking = [offer for offer in outstanding if offer not in whole]
        here = self.are_here(lacking)
        with self._vault.transaction():
            remembers = self._vault.value("SELECT 1 FROM skipped LIMIT 1") is not None
            self._vault.run_with(
                "INSERT OR IGNORE INTO skipped SELECT ?, c0 FROM GIVEN",
                [(offer,) for offer in lacking if offer not in here],
                relay,
            )
            if cursor is not None:
                self._vault.run("UPDATE cursors SET cursor = ? WHERE relay = ?", cursor, relay)
            self._write(changed)
            if remembers:
                self._vault.run_with(
                    "DELETE FROM skipped WHERE (relay, offer) IN"
                    " (SELECT relay, c0 FROM cursors CROSS JOIN GIVEN)",
                    [(offer,) for offer in whole],
                )
        for incoming in changed:
            self._sieved().add(incoming.offer)
            if incoming.missing == 0:
                self._forget(incoming)
        self._changed.clear()

    def _forget(self, incoming: Incoming) -> None:
        del self._coming[incoming.parcel_id]
        del self._by_offer[incoming.offer][incoming.parcel_id]
        if not self._by_offer[incoming.offer]:
            del self._by_offer[incoming.offer]
        self.claims.came(incoming.parcel_id)

    def _write(self, changed: Sequence[Incoming]) -> None:
        now_s = int(self._clock())
        self._vault.run_with(
            "INSERT INTO parcels (id, offer, header, kind, state, bitmap, blocks_held, relay,"
            " arrived_s, expiry_day) SELECT * FROM GIVEN WHERE true"
            " ON CONFLICT (id) DO UPDATE SET state = excluded.state, bitmap = excluded.bitmap,"
            " blocks_held = excluded.blocks_held, arrived_s = excluded.arrived_s",
            [
                (
                    incoming.parcel_id,
                    incoming.offer,
                    incoming.header.encode(),
                    int(incoming.header.kind),
                    "partial" if incoming.missing else "whole",
                    incoming.bitmap.to_bytes(),
                    block_count(incoming.header.body_size) - incoming.missing,
                    incoming.relay,
                    now_s,
                    incoming.header.expiry_day,
                )
                for incoming in changed
            ],
        )

    def skipped(self, relay: bytes) -> list[bytes]:
        """Offers of this relay that were left to others, or did not come whole."""
        found = self._vault.rows("SELECT offer FROM skipped WHERE relay = ?", relay)
        here = self.are_here([offer for (offer,) in found])
        return [offer for (offer,) in found if offer not in here]

    def count_skipped(self, relay: bytes) -> int:
        """How many offers of this relay are remembered."""
        return int(self._vault.value("SELECT count(*) FROM skipped WHERE relay = ?", relay))

    def give_up(self, relay: bytes, offers: Iterable[bytes]) -> None:
        """This relay was asked for these in a whole session: what did not come it does not have."""
        with self._vault.transaction():
            self._vault.run_with(
                "DELETE FROM skipped WHERE relay = ? AND offer IN (SELECT c0 FROM GIVEN)",
                [(offer,) for offer in offers],
                relay,
            )
