"""What a session was given last, so that it is not given twice where numbers are dealt anew.

Remembers; gives nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

from qanat_protocol.limits import OFFER_BYTES
from qanat_protocol.parcel import Rank
from qanat_relay.store.interface import Entry
from qanat_relay.store.mixing import RANGE_MAX

LATELY_MAX = RANGE_MAX
"""Parcels of each rank, 64 KiB of offers. A place that was reached is put back to where its range
began (`Store.resume`), and there are so many in one."""


class Lately:
    """One session's memory of it."""

    def __init__(self) -> None:
        self._given: dict[Rank, bytearray] = {rank: bytearray() for rank in Rank}
        self._eras: dict[Rank, int] = {}
        self._again: dict[Rank, set[bytes]] = {}

    def fresh(self, rank: Rank, entries: Sequence[Entry], era: int) -> list[Entry]:
        """Those of a rank that were not given lately, of some that were listed in this era; none of
        them: all were listed."""
        if era != self._eras.setdefault(rank, era):
            self._eras[rank] = era
            given = bytes(self._given[rank])
            places = range(0, len(given), OFFER_BYTES)
            self._again[rank] = {given[at : at + OFFER_BYTES] for at in places}
        if not entries:
            self._again.pop(rank, None)
        if not (again := self._again.get(rank)):
            return list(entries)
        return [entry for entry in entries if entry.header.offer not in again]

    def note(self, rank: Rank, entries: Sequence[Entry]) -> None:
        """These were given."""
        given = self._given[rank]
        given += b"".join(entry.header.offer for entry in entries)
        del given[: -LATELY_MAX * OFFER_BYTES]
