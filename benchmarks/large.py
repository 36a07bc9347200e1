"""A relay with very many letters against an empty one: starting, taking letters in, giving the
newest to their desk, memory and disk; and what each costs on the way there."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from secrets import token_bytes
from tempfile import TemporaryDirectory

from benchmarks.chain import Relay, run_relay
from benchmarks.comparison import Result, result_of, smallest
from benchmarks.deposit import Deposit, entry_of
from benchmarks.desk import MadeDesk, today
from benchmarks.fill import Filled
from benchmarks.first_flight import Flight, fly
from benchmarks.metered import compiled, resident_bytes
from qanat_protocol.card import RelayEntry
from qanat_protocol.days import epoch_of
from qanat_protocol.limits import HEADER_BYTES
from qanat_protocol.tags import desk_tag

__all__ = ["Level", "NewestDesk", "filled_store", "large_results", "level_of"]

_BODY_BYTES = 4096
_MOST_MB = 300.0
_AIM = 0.8
_MOST_DISK = 1.15
_OTHER_TAGS = 259
"""Of other desks and weeks: twenty desks with a quarter of a year each."""


@dataclass(frozen=True, slots=True)
class Level:
    """What things cost beside so many letters; fill_s is for all of them."""

    stored: int
    fill_s: float
    start_s: float
    ingest_s: float
    first_letter_s: float
    resident_mb: float


@dataclass(frozen=True, slots=True)
class _Served:
    """A relay that runs, and a desk's cursor before its newest letters."""

    relay: Relay
    entry: RelayEntry
    cursor: bytes
    start_s: float


class NewestDesk:
    """The one desk whose newest letters are asked for."""

    def __init__(self, newest: int) -> None:
        self._desk = MadeDesk()
        self.newest = newest
        self.tag = desk_tag(self._desk.desk_id, epoch_of(today()))

    def pull(self, served: _Served) -> Flight:
        return fly(served.entry, self._desk, served.cursor, self.newest)

    def rate(self, flight: Flight) -> float:
        """Letters a second of a pull."""
        return self.newest / flight.last_s

    @contextmanager
    def serve(self, filled: Filled, cache: Path) -> Iterator[_Served]:
        """Add the newest letters and start a relay, its database not in the system's memory."""
        cursor = filled.add_newest(self.tag, self.newest)
        filled.forget()
        begun = time.perf_counter()
        with run_relay(filled.data, compiled(cache), "127.0.0.1:0") as relay:
            entry = entry_of(relay.url)
            yield _Served(relay, entry, cursor, time.perf_counter() - begun)


def large_results(
    folder: Path,
    cache: Path,
    *,
    count: int,
    newest: int,
    deposits: int,
    turns: int,
    note: Callable[[str], None],
) -> tuple[list[Result], list[Level]]:
    """Fill a store with `count` letters, and smaller ones before. newest: how many a desk pulls;
    deposits: how many are taken in a turn. Raises Failed if any is lost."""
    desk = NewestDesk(newest)
    levels: list[Level] = []
    for stored in sorted({0, count // 1000, count // 100, count // 10}):
        note(f"a relay with {stored:,} letters")
        with (
            filled_store(folder, desk, stored, note) as (filled, fill_s),
            desk.serve(filled, cache) as served,
        ):
            levels.append(level_of(filled, fill_s, served, desk, deposits))
    with filled_store(folder, desk, count, note) as (filled, fill_s):
        disk_bytes = filled.size_bytes() / count
        with (
            desk.serve(filled, cache) as full,
            filled_store(folder, desk, 0, note) as (nothing, _),
            desk.serve(nothing, cache) as empty,
        ):
            levels.append(level_of(filled, fill_s, full, desk, deposits))
            note(f"a relay with {count:,} letters and an empty one, in turns")
            found = _compare(full, empty, desk, deposits, turns)
            starts = [(full.start_s, empty.start_s)]
            peak_mb = full.relay.stop().peak_bytes / 1e6
    name, limit = f"a relay with {count:,} letters", "an empty one"
    fills = [(count / levels[-1].fill_s, levels[-2].stored / levels[-2].fill_s)]
    parcel_bytes = HEADER_BYTES + _BODY_BYTES
    results = [
        result_of(f"{name}: fill the store", "with a tenth of them", "letters/s", fills),
        result_of(f"{name}: start until it answers", limit, "s", starts),
        result_of(f"{name}: take {deposits:,} more", limit, "letters/s", found.deposits, aim=_AIM),
        result_of(f"{name}: first letter for a desk", limit, "s", found.firsts, aim=_AIM),
        result_of(f"{name}: give its newest {newest:,}", limit, "letters/s", found.pulls, aim=_AIM),
        smallest(f"{name}: peak memory", "MB", [peak_mb], _MOST_MB),
        result_of(
            f"{name}: disk for each",
            "the padded parcel",
            "bytes",
            [(disk_bytes, parcel_bytes)],
            aim=1 / _MOST_DISK,
        ),
    ]
    return results, levels


@contextmanager
def filled_store(
    folder: Path,
    desk: NewestDesk,
    letters: int,
    note: Callable[[str], None],
    *,
    expiring: int = 0,
    fill: Callable[[Filled, int, Callable[[str], None]], float] = Filled.grow,
) -> Iterator[tuple[Filled, float]]:
    """A relay's data folder with so many letters under many tags, and the seconds to store them.
    expiring: so many of them expire tomorrow."""
    with TemporaryDirectory(dir=folder) as made:
        tags = [desk.tag, *(token_bytes(16) for _ in range(_OTHER_TAGS))]
        filled = Filled(Path(made) / "relay", tags, expiring=expiring)
        yield filled, fill(filled, letters, note)


def level_of(
    filled: Filled, fill_s: float, served: _Served, desk: NewestDesk, deposits: int
) -> Level:
    """What things cost a relay that runs."""
    first_s = statistics.median(desk.pull(served).first_s for _ in range(3))
    taker = Deposit(served.entry, deposits, _BODY_BYTES)
    ingest_s = statistics.median(taker.run() for _ in range(3)) / deposits
    resident_mb = resident_bytes(served.relay.pid) / 1e6
    return Level(
        filled.letters - desk.newest, fill_s, served.start_s, ingest_s, first_s, resident_mb
    )


@dataclass(frozen=True, slots=True)
class _Pairs:
    """Of the full relay and the empty one, turn by turn."""

    deposits: Sequence[tuple[float, float]]
    firsts: Sequence[tuple[float, float]]
    pulls: Sequence[tuple[float, float]]


def _compare(full: _Served, empty: _Served, desk: NewestDesk, deposits: int, turns: int) -> _Pairs:
    relays = (full, empty)
    takers = [Deposit(served.entry, deposits, _BODY_BYTES) for served in relays]
    for served, taker in zip(relays, takers, strict=True):
        desk.pull(served)
        taker.run()
    rates, flights = [], []
    for turn in range(turns):
        # Neither always goes first.
        order = (0, 1) if turn % 2 else (1, 0)
        taken = {which: deposits / takers[which].run() for which in order}
        flown = {which: desk.pull(relays[which]) for which in order}
        rates.append((taken[0], taken[1]))
        flights.append((flown[0], flown[1]))
    return _Pairs(
        rates,
        [(mine.first_s, other.first_s) for mine, other in flights],
        [(desk.rate(mine), desk.rate(other)) for mine, other in flights],
    )
