"""Many letters from a reporter over a relay into an opened inbox, each program started cold; and
the same texts through NNCP, over a node in the middle too."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.bare_table import BareTable
from benchmarks.chain import new_chain
from benchmarks.comparison import Absent, Result, result_of
from benchmarks.desk import TEXT
from benchmarks.letters import BareLetters
from benchmarks.metered import Failed
from benchmarks.nncp import INSTALL, is_installed, nncp_nodes
from benchmarks.parcels import make_letter

__all__ = ["journey_results"]

_BODY_BYTES = 4096
_SENT, _ALL = "queued to opened", "written to opened"


@dataclass(frozen=True, slots=True)
class _Steps:
    """Seconds of each step; `relay` is what a node in the middle takes for itself: to start, or
    between two calls."""

    queue: float
    send: float
    fetch: float
    relay: float = 0.0

    @property
    def from_queue(self) -> float:
        """From the queue into the inbox."""
        return self.relay + self.send + self.fetch

    @property
    def whole(self) -> float:
        """From the text into the inbox."""
        return self.queue + self.from_queue


def journey_results(
    folder: Path, cache: Path, count: int, turns: int, note: Callable[[str], None]
) -> list[Result | Absent]:
    """`count` letters a turn. Raises Failed if one of them is not what was written."""
    texts = [f"{number}. {TEXT}" for number in range(count)]
    ours, limits, others = [], [], []
    for turn in range(1, turns + 1):
        where = f"{count:,} letters, turn {turn} of {turns}"
        with _folder(folder) as made:
            limits.append(_limits(made, texts))
        with _folder(folder) as made:
            note(f"{where}: Qanat")
            ours.append(_ours(made, cache, texts))
        if is_installed():
            with _folder(folder) as made:
                note(f"{where}: NNCP")
                others.append(_others(made, texts))
    return _results(count, ours, limits, others)


@contextmanager
def _folder(parent: Path) -> Iterator[Path]:
    with TemporaryDirectory(dir=parent) as made:
        yield Path(made)


def _ours(folder: Path, cache: Path, texts: Sequence[str]) -> _Steps:
    with new_chain(folder / "chain", cache) as (chain, relay):
        begun = time.perf_counter()
        chain.queue(texts)
        queue_s = time.perf_counter() - begun
        send_s = chain.sync(len(texts)).seconds
        fetch_s = chain.pull(reports=len(texts)).seconds
        _compare(chain.texts(), texts)
        return _Steps(queue_s, send_s, fetch_s, relay.start_s)


def _limits(folder: Path, texts: Sequence[str]) -> _Steps:
    made = (make_letter(_BODY_BYTES, bytes(16)) for _ in texts)
    letters = [(header.encode(), body) for header, body in made]
    bare = BareLetters(len(texts), texts[0].encode())
    with BareTable.at(folder / "queue.db") as table:
        queue_s = table.insert(letters, 1)
    with BareTable.at(folder / "relay.db") as table:
        send_s = table.insert(letters, 512)
    with BareTable.at(folder / "desk.db") as table:
        fetch_s = table.insert(letters, 512) + bare.open()
    return _Steps(bare.seal() + queue_s, send_s, fetch_s)


def _others(folder: Path, texts: Sequence[str]) -> _Steps:
    written = folder / "written"
    written.mkdir()
    files = [written / str(number) for number in range(len(texts))]
    for file, text in zip(files, texts, strict=True):
        file.write_text(text, "utf-8")
    with nncp_nodes(folder / "nncp") as nodes:
        queue_s = nodes.queue_all(files)
        send_s = nodes.send(len(texts)).seconds
        forward_s = nodes.forward().seconds
        fetch_s = nodes.fetch(len(texts)).seconds + nodes.open().seconds
        _compare([file.read_text("utf-8") for file in nodes.received.iterdir()], texts)
        return _Steps(queue_s, send_s, fetch_s, forward_s)


def _compare(found: Sequence[str], written: Sequence[str]) -> None:
    if sorted(found) != sorted(written):
        raise Failed(f"{len(written)} letters were written, and {len(found)} others came")


def _results(
    count: int, ours: Sequence[_Steps], limits: Sequence[_Steps], others: Sequence[_Steps]
) -> list[Result | Absent]:
    def row(
        name: str, limit: str, step: Callable[[_Steps], float], against: Sequence[_Steps]
    ) -> Result:
        pairs = [
            (count / step(mine), count / step(theirs))
            for mine, theirs in zip(ours, against, strict=True)
        ]
        return result_of(f"{count:,} letters: {name}", limit, "letters/s", pairs)

    found: list[Result | Absent] = [
        row(
            "seal and queue, in one process",
            "HPKE encrypt, Ed25519 sign, one table, a commit each",
            lambda steps: steps.queue,
            limits,
        ),
        row("qanat sync", "one table, 512 rows a commit", lambda steps: steps.send, limits),
        row(
            "qanat-desk pull",
            "one table, 512 rows a commit, HPKE decrypt, Ed25519 verify",
            lambda steps: steps.fetch,
            limits,
        ),
        row(
            _SENT,
            "the two above, nothing for the relay's start",
            lambda steps: steps.from_queue,
            limits,
        ),
        row(
            _ALL,
            "the three above, nothing for the relay's start",
            lambda steps: steps.whole,
            limits,
        ),
    ]
    if others:
        programs = "NNCP: nncp-call, -toss at the relay, -call, -toss"
        return [
            *found,
            row(_SENT, programs, lambda steps: steps.from_queue, others),
            row(_ALL, f"{programs}; nncp-file before", lambda steps: steps.whole, others),
        ]
    return [*found, Absent(f"{count:,} letters through NNCP", INSTALL)]
