"""What one relay holds in part, by its own word, and what it need not send (SPEC section 17).

A word is believed as far as asking for the blocks: each of them is checked when it comes.
"""

from __future__ import annotations

from qanat_client.desk.arrivals import Arrivals
from qanat_protocol.bitmap import Bitmap
from qanat_protocol.errors import TooLarge
from qanat_protocol.frames import Partial
from qanat_protocol.limits import MAX_PARTIALS_BYTES, OFFER_BYTES, PARTIAL_BYTES
from qanat_protocol.merkle import block_count
from qanat_protocol.parcel import Header

__all__ = ["Halves", "Told"]


_NEARLY_ALL_BYTES = MAX_PARTIALS_BYTES * 3 // 4


class Told:
    """The blocks that a relay was told not to send, no more of them than it has to remember."""

    def __init__(self) -> None:
        self._held: dict[bytes, Bitmap] = {}
        self._size_bytes = 0

    def tell(
        self, parcel_id: bytes, held: Bitmap, *, up_to_bytes: int = MAX_PARTIALS_BYTES
    ) -> Partial | None:
        """The frame that tells it, to be sent; None where it would be too much."""
        packed, before = held.to_bytes(), self._held.get(parcel_id)
        size_bytes = self._size_bytes + PARTIAL_BYTES + len(packed)
        if before is not None:
            size_bytes -= PARTIAL_BYTES + len(before.to_bytes())
        if size_bytes > up_to_bytes:
            return None
        self._held[parcel_id], self._size_bytes = held, size_bytes
        return Partial(parcel_id, packed)

    @property
    def is_nearly_full(self) -> bool:
        """Whether little more can be told in this session."""
        return self._size_bytes > _NEARLY_ALL_BYTES

    def held(self, parcel_id: bytes) -> Bitmap | None:
        """What the relay was told of a parcel."""
        return self._held.get(parcel_id)


class Halves:
    """One session's parcels that are not whole at the relay."""

    def __init__(self, arrivals: Arrivals, relay: bytes, told: Told) -> None:
        self._arrivals = arrivals
        self._relay = relay
        self._told = told
        self._heard: dict[bytes, tuple[bytes, Bitmap]] = {}
        self._heard_bytes = 0
        self._asked: dict[bytes, Bitmap] = {}
        arrivals.claims.begin(relay)

    @property
    def is_nearly_full(self) -> bool:
        """Whether little more can be said of halves in this session, either way."""
        return self._heard_bytes > _NEARLY_ALL_BYTES or self._told.is_nearly_full

    def hear(self, frame: Partial) -> None:
        """Note what the relay holds of what it is about to offer. Raises TooLarge for too many."""
        self._heard_bytes += PARTIAL_BYTES + len(frame.bitmap)
        if self._heard_bytes > MAX_PARTIALS_BYTES:
            raise TooLarge(f"PARTIAL frames of more than {MAX_PARTIALS_BYTES:,} bytes")
        offer = frame.parcel_id[:OFFER_BYTES]
        self._heard[offer] = frame.parcel_id, Bitmap.from_bytes(frame.bitmap)

    def take_offered(self) -> dict[bytes, tuple[bytes, Bitmap]]:
        """Parcel id and blocks, by offer, that the OFFERS which came now are about."""
        heard, self._heard = self._heard, {}
        return heard

    def ask(self, parcel_id: bytes, holds: Bitmap) -> Partial | None:
        """What to say for the blocks that lack and that no other relay was asked for; None where
        there is nothing to ask for."""
        lacking = holds - self._arrivals.held_of(parcel_id)
        asked = self._arrivals.claims.take_some(parcel_id, self._relay, lacking)
        partial = self._told.tell(parcel_id, holds - asked) if asked.count() else None
        if partial is None:
            asked = Bitmap()
        else:
            self._asked[parcel_id] = asked
        self._arrivals.claims.leave(self._relay, parcel_id, lacking - asked)
        return partial

    def left_out(self, header: Header) -> Bitmap | None:
        """The blocks that do not come in the transfer that begins; None for one of a parcel that
        is not known to be in part."""
        asked = self._asked.pop(header.parcel_id, None)
        return None if asked is None else Bitmap.below(block_count(header.body_size)) - asked
