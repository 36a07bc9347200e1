"""What a meeting carries: each writes a bundle on a stick, and the other reads it.

Index, sizes and order are the protocol's (SPEC 19, `bundle` and `schedule`); blocks are of zeros,
so they are counted and not written. A parcel goes whole or not at all, the most valuable first, and
what both are known to have is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from qanat_protocol.bundle import BundleWriter, Note
from qanat_protocol.errors import ProtocolError
from qanat_protocol.frames import Opened
from qanat_protocol.kinds import Rank
from qanat_protocol.schedule import Queue
from qanat_simulation.engine.bodies import Parcel
from qanat_simulation.engine.people import Person

__all__ = ["hand_over", "meet"]

FRONT_BYTES = 4096
"""What is kept free for the index's front, the file system and the end."""


@dataclass(frozen=True, slots=True)
class _Stick:
    """What is written on it."""

    parcels: tuple[Parcel, ...]
    notes: tuple[Opened, ...]
    size_bytes: int


def meet(one: Person, other: Person, capacity_bytes: int) -> None:
    """Both hand each other what they carry, one after the other."""
    hand_over(one, other, capacity_bytes)
    hand_over(other, one, capacity_bytes)


def hand_over(giver: Person, taker: Person, capacity_bytes: int) -> int:
    """`carry out` by the one and `carry in` by the other; how many bytes were on the stick."""
    stick = _write(giver, taker, capacity_bytes)
    taker.take(stick.parcels)
    for note in stick.notes:
        try:
            taker.library.hear_opened(note, taker.today)
        except ProtocolError:
            # Whoever wrote it believed it, or lies: it is none of ours.
            continue
    giver.station.sent_bytes += stick.size_bytes
    taker.station.received_bytes += stick.size_bytes
    return stick.size_bytes


def _write(giver: Person, taker: Person, capacity_bytes: int) -> _Stick:
    notes = tuple(
        note
        for parcel_id, note in giver.outbox.openings.items()
        if parcel_id not in taker.outbox.openings
    )
    left_bytes = capacity_bytes - FRONT_BYTES - _size_of([], notes)
    if left_bytes <= 0:
        return _Stick((), (), 0)
    chosen: list[Parcel] = []
    for parcel in _in_order(giver, lambda parcel: not taker.outbox.knows(parcel.parcel_id)):
        size_bytes = _size_of([parcel], ())
        if size_bytes <= left_bytes:
            left_bytes -= size_bytes
            chosen.append(parcel)
    return _Stick(tuple(chosen), notes, _size_of(chosen, notes))


def _in_order(giver: Person, wanted: Callable[[Parcel], bool]) -> Iterator[Parcel]:
    """What goes, the most valuable first."""
    queue: Queue[Parcel] = Queue()
    for number, parcel in enumerate(giver.outbox.parcels()):
        if wanted(parcel):
            rank = parcel.item.rank
            queue.add(
                parcel,
                rank=rank,
                flow=0 if rank <= Rank.LETTER else parcel.item.report,
                order=(number,),
                left_bytes=parcel.header.body_size,
                wanted=False,
                waited_days=0,
            )
    while (first := queue.first()) is not None:
        queue.sent(first, first.header.body_size)
        yield first


def _size_of(parcels: Sequence[Parcel], notes: Sequence[Note]) -> int:
    """How many bytes a bundle of these has."""
    writer = BundleWriter([parcel.header for parcel in parcels], notes)
    return writer.planned_bytes
