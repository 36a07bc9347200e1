"""Which relay was asked for which blocks, so that no two are asked for the same. Decides by what it
was told; knows no parcel and no disk.

A claim ends with the relay's session, or when the relay has nothing more on its way: what did not
come by then others are asked for.
"""

from __future__ import annotations

from collections.abc import Iterator

from qanat_protocol.bitmap import Bitmap
from qanat_protocol.limits import OFFER_BYTES

__all__ = ["Claims"]

_NOTHING = Bitmap()


class Claims:
    """The claims of all sessions of a pull. Parcels are named by their offers (16 bytes)."""

    def __init__(self) -> None:
        self._wholes: dict[bytes, bytes] = {}
        self._some: dict[bytes, dict[bytes, tuple[bytes, Bitmap]]] = {}
        self._left: dict[bytes, dict[bytes, Bitmap]] = {}

    def take_whole(self, offer: bytes, relay: bytes) -> bool:
        """Let a relay bring all that no other was asked for; False while another one does."""
        return self._wholes.setdefault(offer, relay) == relay

    def take_some(self, parcel_id: bytes, relay: bytes, blocks: Bitmap) -> Bitmap:
        """Let a relay bring those of these blocks that no other was asked for; returns them."""
        offer = parcel_id[:OFFER_BYTES]
        if self._wholes.get(offer, relay) != relay:
            return _NOTHING
        known_id, others = self.of_others(offer, relay)
        # Two parcels of one offer are somebody's work of 2^64 tries: the first has it.
        blocks = blocks - others if known_id in (None, parcel_id) else _NOTHING
        if blocks.count():
            self._some.setdefault(offer, {})[relay] = parcel_id, blocks
        return blocks

    def of_others(self, offer: bytes, relay: bytes) -> tuple[bytes | None, Bitmap]:
        """The blocks that other relays were asked for, with the id of their parcel if there are
        any."""
        known_id, blocks = None, _NOTHING
        for other, (parcel_id, some) in self._some.get(offer, {}).items():
            if other != relay:
                known_id, blocks = parcel_id, blocks | some
        return known_id, blocks

    def are_of_others(self, offer: bytes, relay: bytes) -> bool:
        """Whether others were asked for any of it."""
        known_id, _ = self.of_others(offer, relay)
        return known_id is not None or self._wholes.get(offer, relay) != relay

    def leave(self, relay: bytes, parcel_id: bytes, blocks: Bitmap) -> None:
        """Note blocks that a relay has, by its word, and that others were asked for."""
        if blocks.count():
            self._left.setdefault(relay, {})[parcel_id] = blocks
        else:
            self._left.get(relay, {}).pop(parcel_id, None)

    def came(self, parcel_id: bytes) -> None:
        """Nothing of it lacks any more."""
        for left in self._left.values():
            left.pop(parcel_id, None)

    def left(self, relay: bytes) -> Iterator[tuple[bytes, Bitmap]]:
        """What a relay had in its last session and was not asked for, by parcel id."""
        yield from self._left.get(relay, {}).items()

    def begin(self, relay: bytes) -> None:
        """This relay's session begins: it tells anew what it has."""
        self._left.pop(relay, None)

    def release(self, relay: bytes) -> bool:
        """Nothing more comes of this relay: others may bring what it did not. Whether there was
        anything."""
        before = len(self._wholes) + len(self._some)
        self._wholes = {offer: who for offer, who in self._wholes.items() if who != relay}
        for offer in [offer for offer, claims in self._some.items() if relay in claims]:
            del self._some[offer][relay]
            if not self._some[offer]:
                del self._some[offer]
        return len(self._wholes) + len(self._some) < before
