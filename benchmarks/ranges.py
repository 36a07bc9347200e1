"""A model of range-based set reconciliation as others do it (negentropy): what it would send for
two sets. Counts bytes and messages; fingerprints are compared as sums, and counted as they are."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

__all__ = ["RangesTaken", "range_exchange"]

_FAN_OUT = 16
_LISTED_BELOW = 2 * _FAN_OUT
_FINGERPRINT_BYTES = 16
_ID_BYTES = 32
_BOUND_BYTES = 6
"""A timestamp of one byte, a length, and the four bytes of an id that part two neighbours."""

_MODE_BYTES = 1


@dataclass(frozen=True, slots=True)
class RangesTaken:
    """Bytes of both ways, and round trips until the one that began knows all."""

    size_bytes: int
    trips: int


class _Side:
    """Sorted ids with running sums, so that the fingerprint of a range is a difference."""

    def __init__(self, ids: Sequence[bytes]) -> None:
        self.ids = sorted(ids)
        self.sums = [0, *accumulate(int.from_bytes(one) for one in self.ids)]

    def span(self, low: bytes, high: bytes) -> tuple[int, int]:
        return bisect_left(self.ids, low), bisect_left(self.ids, high)

    def fingerprint(self, low: bytes, high: bytes) -> int:
        first, end = self.span(low, high)
        return self.sums[end] - self.sums[first]


_Range = tuple[bytes, bytes]
_END = b"\xff" * 33


def range_exchange(begins: Sequence[bytes], answers: Sequence[bytes]) -> RangesTaken:
    """One begins with fingerprints of 16 ranges; whoever finds one that differs answers with 16 of
    its own, or with the ids where it has fewer than 32."""
    sides = _Side(begins), _Side(answers)
    size_bytes, messages = 0, 0
    told, listed = _split(sides[0], [(b"", _END)])
    speaker = 0
    while told or listed:
        messages += 1
        size_bytes += _size(sides[speaker], told, listed)
        other = 1 - speaker
        differing = [r for r in told if sides[0].fingerprint(*r) != sides[1].fingerprint(*r)]
        # Ids that were listed are answered by the other's, unless it is the one that wants to know.
        owed = listed if other == 1 else []
        told, listed = _split(sides[other], differing)
        listed += owed
        speaker = other
    return RangesTaken(size_bytes, (messages + 1) // 2)


def _split(side: _Side, ranges: Sequence[_Range]) -> tuple[list[_Range], list[_Range]]:
    told: list[_Range] = []
    listed: list[_Range] = []
    for low, high in ranges:
        first, end = side.span(low, high)
        if end - first < _LISTED_BELOW:
            listed.append((low, high))
            continue
        cuts = [first + (end - first) * part // _FAN_OUT for part in range(1, _FAN_OUT)]
        bounds = [low, *(side.ids[cut] for cut in cuts), high]
        told += pairwise(bounds)
    return told, listed


def _size(side: _Side, told: Sequence[_Range], listed: Sequence[_Range]) -> int:
    ordered = sorted([*told, *listed])
    gaps = sum(one[1] != other[0] for one, other in pairwise(ordered))
    ids = sum(end - first for first, end in (side.span(*one) for one in listed))
    return (
        (len(ordered) + gaps) * (_BOUND_BYTES + _MODE_BYTES)
        + len(told) * _FINGERPRINT_BYTES
        + len(listed)
        + ids * _ID_BYTES
    )
