"""Where the blocks of one parcel are: on which relay's disk, as it says, and on the way to which.

So that no block goes out a second time while another has not gone once.
"""

from __future__ import annotations

from collections.abc import Iterable

from qanat_protocol.bitmap import Bitmap

__all__ = ["Spread", "bitmap_of", "bits_of"]

_MIRRORED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def bits_of(bitmap: Bitmap) -> int:
    """The same set as an integer: bit n is block n."""
    return int.from_bytes(bitmap.to_bytes().translate(_MIRRORED), "little")


def bitmap_of(bits: int) -> Bitmap:
    """What bits_of undoes."""
    packed = bits.to_bytes(-(-bits.bit_length() // 8), "little")
    return Bitmap.from_bytes(packed.translate(_MIRRORED))


def _lowest(bits: int) -> int | None:
    return (bits & -bits).bit_length() - 1 if bits else None


class Spread:
    """One parcel's blocks. `copies`: how many relays are to get each; None for every relay."""

    __slots__ = ("_all", "_copies", "_doubted", "_held", "_sent")

    def __init__(self, blocks: int, copies: int | None) -> None:
        self._all = (1 << blocks) - 1
        self._copies = copies
        self._held: dict[bytes, int] = {}
        self._sent: dict[bytes, int] = {}
        self._doubted: set[bytes] = set()

    def doubt(self, relay: bytes) -> None:
        """A relay counts for nothing when it is asked what others have."""
        self._doubted.add(relay)

    def hold(self, relay: bytes, bits: int) -> None:
        """A relay has these, by its word, and no others."""
        self._held[relay] = bits & self._all

    def hold_all(self, relay: bytes) -> None:
        """A relay has the whole of it."""
        self._held[relay] = self._all

    def forget(self, relay: bytes) -> None:
        """A relay has nothing of it, and is given nothing."""
        self._held.pop(relay, None)
        self._sent.pop(relay, None)

    def held(self, relay: bytes) -> int:
        """What a relay has, as bits."""
        return self._held.get(relay, 0)

    def send(self, relay: bytes, index: int) -> None:
        """A block is on its way."""
        self._sent[relay] = self._sent.get(relay, 0) | 1 << index

    def confirm(self, relay: bytes, indices: Iterable[int]) -> None:
        """Blocks that were on their way are on the relay's disk."""
        bits = _bits(indices)
        self._sent[relay] = self._sent.get(relay, 0) & ~bits
        self._held[relay] = self.held(relay) | bits

    def give_back(self, relay: bytes, indices: Iterable[int]) -> None:
        """Nobody knows what became of these: they go again."""
        self._sent[relay] = self._sent.get(relay, 0) & ~_bits(indices)

    def first(self, relay: bytes) -> int | None:
        """The next block for a relay of those that no other one has or is being given."""
        return _lowest(self._first_bits(relay))

    def spare(self, relay: bytes) -> int | None:
        """The next block for a relay of those that others have, but not as many as there should."""
        return _lowest(self._spare_bits(relay))

    def count_first(self, relay: bytes) -> int:
        """How many `first` would give."""
        return self._first_bits(relay).bit_count()

    def count_spare(self, relay: bytes) -> int:
        """How many `spare` would give."""
        return self._spare_bits(relay).bit_count()

    def _at(self, relay: bytes) -> int:
        return self._held.get(relay, 0) | self._sent.get(relay, 0)

    def _others(self, relay: bytes) -> set[bytes]:
        return (self._held.keys() | self._sent.keys()) - self._doubted - {relay}

    def _first_bits(self, relay: bytes) -> int:
        lacking = self._all & ~self._at(relay)
        if self._copies is not None and lacking:
            for other in self._others(relay):
                lacking &= ~self._at(other)
        return lacking

    def _spare_bits(self, relay: bytes) -> int:
        if self._copies is None:
            return 0
        # seen[n]: what at least n + 1 of the others have.
        seen = [0] * self._copies
        for other in self._others(relay):
            more = self._at(other)
            for place in range(self._copies - 1, 0, -1):
                seen[place] |= seen[place - 1] & more
            seen[0] |= more
        return self._all & ~self._at(relay) & seen[0] & ~seen[-1]


def _bits(indices: Iterable[int]) -> int:
    bits = 0
    for index in indices:
        bits |= 1 << index
    return bits
