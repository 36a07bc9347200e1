"""Where the blocks of one parcel are: on which relay's disk, as it says, and on the way to which.

So that no block goes out a second time while another has not gone once. What was on its way when a
line was cut may have arrived: it goes behind all that did not go at all, and of it first what went
last, as less of that came.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from qanat_protocol.bitmap import Bitmap
from qanat_protocol.limits import PAGE_LEAVES

__all__ = ["Spread", "bitmap_of", "bits_at", "bits_of"]

_MIRRORED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def bits_of(bitmap: Bitmap) -> int:
    """The same set as an integer: bit n is block n."""
    return int.from_bytes(bitmap.to_bytes().translate(_MIRRORED), "little")


def bitmap_of(bits: int) -> Bitmap:
    """What bits_of undoes."""
    packed = bits.to_bytes(-(-bits.bit_length() // 8), "little")
    return Bitmap.from_bytes(packed.translate(_MIRRORED))


def bits_at(indices: Iterable[int]) -> int:
    """The set of these blocks."""
    bits = 0
    for index in indices:
        bits |= 1 << index
    return bits


def _lowest(bits: int) -> int | None:
    return (bits & -bits).bit_length() - 1 if bits else None


def _nearest(bits: int, page: int | None, taken: Collection[int]) -> int | None:
    if page is not None and (near := bits & _of_page(page)):
        return _lowest(near)
    apart = bits
    for other in taken:
        apart &= ~_of_page(other)
    return _lowest(apart or bits)


def _of_page(page: int) -> int:
    return ((1 << PAGE_LEAVES) - 1) << page * PAGE_LEAVES


class Spread:
    """One parcel's blocks. `copies`: how many relays are to get each; None for every relay.

    `aside`: relays that count for each other and for nobody else.
    """

    __slots__ = ("_all", "_aside", "_copies", "_doubted", "_held", "_lost", "_sent")

    def __init__(
        self, blocks: int, copies: int | None, aside: frozenset[bytes] = frozenset()
    ) -> None:
        self._all = (1 << blocks) - 1
        self._copies = copies
        self._aside = aside
        self._held: dict[bytes, int] = {}
        self._sent: dict[bytes, int] = {}
        self._lost: dict[bytes, int] = {}
        self._doubted: set[bytes] = set()

    def doubt(self, relay: bytes) -> None:
        """A relay counts for nothing when it is asked what others have."""
        self._doubted.add(relay)

    def hold(self, relay: bytes, bits: int) -> None:
        """A relay has these, by its word, and no others."""
        self._held[relay] = bits & self._all
        self._lost.pop(relay, None)

    def hold_all(self, relay: bytes) -> None:
        """A relay has the whole of it."""
        self._held[relay] = self._all

    def forget(self, relay: bytes) -> None:
        """A relay has nothing of it, and is given nothing."""
        self._held.pop(relay, None)
        self._sent.pop(relay, None)
        self._lost.pop(relay, None)

    def held(self, relay: bytes) -> int:
        """What a relay has, as bits."""
        return self._held.get(relay, 0)

    def in_doubt(self, relay: bytes) -> int:
        """What went to a relay, which has not said what became of it, as bits."""
        return (self._sent.get(relay, 0) | self._lost.get(relay, 0)) & ~self.held(relay)

    def ahead(self, relay: bytes, count: int) -> int:
        """What is likely to go to a relay next, as bits."""
        found, left = 0, self._first_bits(relay)
        for _ in range(count):
            found |= left & -left
            left &= left - 1
        return found

    def send(self, relay: bytes, index: int) -> None:
        """A block is on its way."""
        self._sent[relay] = self._sent.get(relay, 0) | 1 << index

    def confirm(self, relay: bytes, indices: Iterable[int]) -> None:
        """Blocks that were on their way are on the relay's disk."""
        bits = bits_at(indices)
        self._sent[relay] = self._sent.get(relay, 0) & ~bits
        self._held[relay] = self.held(relay) | bits

    def lose(self, relay: bytes, bits: int) -> None:
        """Nobody knows what became of these, which were on their way: they go again."""
        self._sent[relay] = self._sent.get(relay, 0) & ~bits
        self._lost[relay] = self._lost.get(relay, 0) | bits & self._all

    def first(
        self, relay: bytes, page: int | None = None, taken: Collection[int] = ()
    ) -> int | None:
        """The next block for a relay of those that no other one has or is being given.

        Of this page, if there is one; else best of none of the pages that are `taken`: whoever
        sends a block has to tell its page's list before. Last come those that another one may have.
        """
        bits = sure = self._first_bits(relay)
        for other in self._others(relay):
            sure &= ~self._lost.get(other, 0)
        if bits and not sure:
            return bits.bit_length() - 1
        return _nearest(sure, page, taken)

    def spare(
        self, relay: bytes, page: int | None = None, taken: Collection[int] = ()
    ) -> int | None:
        """The same of those that others have, but not as many as there should."""
        return _nearest(self._spare_bits(relay), page, taken)

    def is_in_doubt(self, relay: bytes) -> bool:
        """Whether a block is on its way to a relay that no other one has, by its word."""
        lacking = self._sent.get(relay, 0)
        for other in self._others(relay):
            lacking &= ~self._held.get(other, 0)
        return bool(lacking)

    def count_first(self, relay: bytes) -> int:
        """How many `first` would give."""
        return self._first_bits(relay).bit_count()

    def count_spare(self, relay: bytes) -> int:
        """How many `spare` would give."""
        return self._spare_bits(relay).bit_count()

    def _at(self, relay: bytes) -> int:
        return self._held.get(relay, 0) | self._sent.get(relay, 0)

    def _others(self, relay: bytes) -> set[bytes]:
        uncounted = self._doubted if relay in self._aside else self._doubted | self._aside
        return (self._held.keys() | self._sent.keys()) - uncounted - {relay}

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
