"""What it takes a desk and a relay to find out what either lacks: the real code of both sides in
one process, beside range-based reconciliation of the same sets (benchmarks/ranges.py)."""

from __future__ import annotations

import asyncio
import os
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.comparison import Result
from benchmarks.metered import Failed
from benchmarks.ranges import range_exchange
from qanat_protocol.estimate import balance_of, estimate_difference, pack_balance
from qanat_protocol.frame_codec import encode_frame
from qanat_protocol.frames import Bisect, Cells, Frame, Lack, Sketch
from qanat_protocol.limits import HASH_BYTES
from qanat_protocol.reconciliation import Reconciliation, cells_for
from qanat_protocol.sketch import pack_cells
from qanat_relay.reconciling import FIRST_CELLS
from qanat_relay.sketching import Sketches, View
from qanat_relay.store.interface import Known

__all__ = ["reconcile_results"]

_TAG = bytes(16)
_DAY = 19_000
_FEW = 2000
"""Ids of the sets in which it is counted how often one round trip is enough: what the sets have in
common changes nothing of that."""

_AIM_BYTES = 25
_AIM_MORE_BYTES = 1024


class _Ids:
    """As much of a store as sketches read, in memory."""

    era = 0

    def __init__(self, ids: bytes) -> None:
        self._ids = ids

    async def newest(self) -> int:
        return len(self._ids) // HASH_BYTES

    async def list_known(self, tag: bytes, after: int, limit: int) -> list[Known]:
        end = min(await self.newest(), after + limit)
        return [
            Known(at // HASH_BYTES + 1, self._ids[at : at + HASH_BYTES], _DAY)
            for at in range(after * HASH_BYTES, end * HASH_BYTES, HASH_BYTES)
        ]


@dataclass(slots=True)
class _Taken:
    """What one reconciliation took."""

    size_bytes: int = 0
    trips: int = 1
    first_s: float = 0.0
    relay_s: float = 0.0
    desk_s: float = 0.0


def _reconcile(theirs: bytes, ours: bytes) -> _Taken:
    """A session without a cursor, from the desk's estimate to its LACK."""
    taken = _Taken()
    begun = time.process_time()
    estimate = pack_balance(balance_of(ours))
    taken.desk_s += time.process_time() - begun
    taken.size_bytes += len(estimate) + 3
    begun = time.process_time()
    store: object = _Ids(theirs)
    found = asyncio.run(Sketches(store, lambda: _DAY).view([_TAG]))  # type: ignore[arg-type]
    assert found is not None
    view, balance = found
    # Once a day: it reads the ids from its store and hashes them.
    taken.first_s = time.process_time() - begun
    begun = time.process_time()
    expected = estimate_difference(balance, estimate)
    count = min(cells_for(expected), FIRST_CELLS)
    said: list[Frame] = [
        Sketch(0, view.day, view.key, view.fingerprint, expected, count),
        _cells(view, Bisect(0, 0, bytes(4), 0, count)),
    ]
    taken.relay_s += time.process_time() - begun
    lacks = _talk(view, ours, said, taken)
    missing = set(_cut(theirs)) - set(_cut(ours))
    if len(lacks) != len(missing) or {one[:16] for one in missing} != set(view.with_heads(lacks)):
        raise Failed(f"{len(lacks):,} of {len(missing):,} parcels were found to be lacking")
    return taken


def _talk(view: View, ours: bytes, said: list[Frame], taken: _Taken) -> list[bytes]:
    sketch, cells = said
    assert isinstance(sketch, Sketch)
    assert isinstance(cells, Cells)
    taken.size_bytes += _size(said)
    begun = time.process_time()
    reconciliation = Reconciliation(sketch, ours)
    answers = reconciliation.begin() + reconciliation.hear(cells)
    taken.desk_s += time.process_time() - begun
    while not reconciliation.is_over:
        taken.trips += 1
        taken.size_bytes += _size(answers)
        begun = time.process_time()
        told = [_cells(view, asked) for asked in answers if isinstance(asked, Bisect)]
        taken.relay_s += time.process_time() - begun
        taken.size_bytes += _size(told)
        begun = time.process_time()
        answers = [frame for one in told for frame in reconciliation.hear(one)]
        taken.desk_s += time.process_time() - begun
    taken.size_bytes += _size(answers)
    return [head for frame in answers if isinstance(frame, Lack) for head in frame.heads]


def _cells(view: View, asked: Bisect) -> Cells:
    prefix = int.from_bytes(asked.prefix)
    sums, checks = view.cells(asked.bits, prefix, asked.first + asked.count)
    return Cells(0, asked.first, pack_cells((sums[asked.first :], checks[asked.first :])))


def _size(frames: list[Frame] | list[Cells]) -> int:
    return sum(2 + len(encode_frame(frame)) for frame in frames)


def _cut(ids: bytes) -> list[bytes]:
    return [ids[at : at + HASH_BYTES] for at in range(0, len(ids), HASH_BYTES)]


def reconcile_results(
    stored: int, differences: tuple[int, ...], turns: int, note: Callable[[str], None]
) -> list[Result]:
    """Bytes of both ways: half of the differences on either side."""
    common = os.urandom(HASH_BYTES * stored)
    few = common[: HASH_BYTES * _FEW]
    results = []
    for differing in differences:
        note(f"reconcile: {stored:,} ids, {differing:,} differences")
        there, here = (os.urandom(HASH_BYTES * differing // 2) for _ in range(2))
        whole = _reconcile(common + there, common + here)
        many = [_turn(few, differing) for _ in range(turns)] + [whole]
        sizes = [taken.size_bytes for taken in many]
        size_bytes = statistics.median(sizes)
        ranges = range_exchange(_cut(common + here), _cut(common + there))
        ratios = sorted(ranges.size_bytes / size for size in sizes)
        aim_bytes = _AIM_BYTES * differing + _AIM_MORE_BYTES
        results.append(
            Result(
                name=f"reconcile {differing:,} of {stored:,}",
                limit="range-based, 32-byte ids",
                unit="bytes",
                ours=size_bytes,
                bare=ranges.size_bytes,
                ratio=ranges.size_bytes / size_bytes,
                low=ratios[len(ratios) // 4],
                high=ratios[3 * len(ratios) // 4],
                turns=len(many),
                aim=ranges.size_bytes / aim_bytes,
                details={
                    "bytes a difference": size_bytes / differing,
                    "bytes at the least (8 each)": 8.0 * differing,
                    "% in one round trip": 100 * sum(one.trips == 1 for one in many) / len(many),
                    "round trips at most": max(one.trips for one in many),
                    "round trips of ranges": ranges.trips,
                    "ms CPU desk": 1000 * whole.desk_s,
                    "ms CPU relay": 1000 * whole.relay_s,
                    "ms CPU relay once a day": 1000 * whole.first_s,
                },
            )
        )
    return results


def _turn(common: bytes, differing: int) -> _Taken:
    there, here = (os.urandom(HASH_BYTES * differing // 2) for _ in range(2))
    return _reconcile(common + there, common + here)
