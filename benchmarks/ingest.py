"""Letters into the relay's store, against the same bytes into a table with nothing around it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from secrets import token_bytes

from benchmarks.bare_table import BareTable
from benchmarks.comparison import Comparison
from benchmarks.desk import today
from benchmarks.parcels import make_letter
from qanat_protocol.frames import AckStatus
from qanat_relay.store.files import DATABASE
from qanat_relay.store.interface import PutBlocks, StoredBlock
from qanat_relay.store.limits import StoreLimits
from qanat_relay.store.sqlite import SqliteStore

__all__ = ["ingest_comparisons"]

_IN_FLIGHT = 512
"""Letters that wait for their commit at any time, with one caller or with eight."""


class _Ingest:
    """One store that fills up, turn by turn."""

    def __init__(self, folder: Path, runner: asyncio.Runner, count: int, size_bytes: int) -> None:
        self._folder = folder
        self._runner = runner
        self._count = count
        self._size_bytes = size_bytes
        self._tag = token_bytes(16)
        self._stored = 0
        self._store = runner.run(SqliteStore.open(folder, StoreLimits()))

    def close(self) -> None:
        self._runner.run(self._store.close())

    def _letters(self) -> list[PutBlocks]:
        made = (make_letter(self._size_bytes, self._tag) for _ in range(self._count))
        return [PutBlocks(header, (StoredBlock(0, header.root, body),)) for header, body in made]

    def one_caller(self) -> float:
        """Each letter is a call of its own, many of them waiting."""
        return self._runner.run(self._write(self._letters(), callers=_IN_FLIGHT, together=1))

    def eight_callers(self) -> float:
        """Eight sessions: each hands over a batch and waits for it."""
        return self._runner.run(self._write(self._letters(), callers=8, together=_IN_FLIGHT // 8))

    async def _write(self, letters: Sequence[PutBlocks], callers: int, together: int) -> float:
        batches = iter([letters[at : at + together] for at in range(0, len(letters), together)])
        day = today()

        async def call() -> None:
            for batch in batches:
                outcomes = await self._store.write(batch, today=day)
                assert all(outcome.status is AckStatus.STORED for outcome in outcomes)

        begun = time.perf_counter()
        await asyncio.gather(*(call() for _ in range(callers)))
        taken_s = time.perf_counter() - begun
        self._stored += len(letters)
        return taken_s

    def bytes_a_letter(self) -> float:
        """What the files take for a letter, the log put back into the database."""
        self.close()
        size_bytes = (self._folder / DATABASE).stat().st_size
        self._store = self._runner.run(SqliteStore.open(self._folder, StoreLimits()))
        return size_bytes / self._stored


class _Bare:
    """The same letters, made before the clock starts."""

    def __init__(self, table: BareTable, count: int, size_bytes: int) -> None:
        self._table = table
        self._count = count
        self._size_bytes = size_bytes
        self._tag = token_bytes(16)

    def insert(self) -> float:
        made = (make_letter(self._size_bytes, self._tag) for _ in range(self._count))
        return self._table.insert([(header.encode(), body) for header, body in made], _IN_FLIGHT)


@contextmanager
def ingest_comparisons(folder: Path, counts: dict[int, int]) -> Iterator[list[Comparison]]:
    """counts: letters in a turn by the bytes of their bodies."""
    found = []
    with ExitStack() as stack:
        runner = stack.enter_context(asyncio.Runner())
        for size_bytes, count in counts.items():
            table = stack.enter_context(BareTable.at(folder / f"bare-{size_bytes}.db"))
            bare = _Bare(table, count, size_bytes)
            ours = _Ingest(folder / f"store-{size_bytes}", runner, count, size_bytes)
            stack.callback(ours.close)
            limit = "one table, 512 rows a commit"

            def bytes_on_disk(ours: _Ingest = ours, table: BareTable = table) -> dict[str, float]:
                return {
                    "bytes on disk a letter": ours.bytes_a_letter(),
                    "in the table": table.bytes_a_row(),
                }

            name = f"store {size_bytes // 1024} KiB letters"
            found += [
                Comparison(
                    f"{name}, 1 caller",
                    limit,
                    "letters",
                    count,
                    ours.one_caller,
                    bare.insert,
                    details=bytes_on_disk,
                ),
                Comparison(
                    f"{name}, 8 callers", limit, "letters", count, ours.eight_callers, bare.insert
                ),
            ]
        yield found
