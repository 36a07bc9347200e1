"""One large attachment, step by step as people's programs do it: against the disk, loopback and
NNCP; and how much memory each process took at most."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from secrets import token_bytes
from tempfile import TemporaryDirectory

from benchmarks.chain import new_chain
from benchmarks.comparison import Absent, Result, result_of, smallest
from benchmarks.disk import write_s
from benchmarks.metered import Failed, Usage
from benchmarks.nncp import INSTALL, is_installed, nncp_nodes
from benchmarks.sockets import loopback_s

__all__ = ["attachment_results"]

_MOST_MB = 150.0
_NAME = "film.mp4"
_DISK = "the disk: write, fsync"
_LOOPBACK = "loopback TCP"


@dataclass(frozen=True, slots=True)
class _Turn:
    """What each step took, by the program's name, and the seconds of the disk and of loopback."""

    disk_s: float
    loopback_s: float
    ours: dict[str, Usage]
    others: dict[str, Usage]


def attachment_results(
    folder: Path, cache: Path, size_bytes: int, turns: int, note: Callable[[str], None]
) -> list[Result | Absent]:
    """Raises Failed if what comes out is not what went in."""
    found = []
    for number in range(1, turns + 1):
        where = f"an attachment, turn {number} of {turns}"
        data = token_bytes(size_bytes)
        with _folder(folder) as made:
            file = made / _NAME
            disk_s, wire_s = write_s(file, data), loopback_s(size_bytes)
            file.write_bytes(data)
            digest = hashlib.sha256(data).digest()
            del data
            note(f"{where}: Qanat")
            ours = _ours(made, cache, file, digest)
        others = {}
        if is_installed():
            with _folder(folder) as made:
                note(f"{where}: NNCP")
                others = _others(made, size_bytes)
        found.append(_Turn(disk_s, wire_s, ours, others))
    return _results(size_bytes, found)


@contextmanager
def _folder(parent: Path) -> Iterator[Path]:
    with TemporaryDirectory(dir=parent) as made:
        yield Path(made)


def _ours(folder: Path, cache: Path, file: Path, digest: bytes) -> dict[str, Usage]:
    with new_chain(folder / "chain", cache) as (chain, relay):
        steps = {
            "qanat send": chain.send("The whole film.", file),
            "qanat sync": chain.sync(parcels=2),
            "qanat-desk pull": chain.pull(reports=1, attachments=1),
            "qanat-desk export": chain.export(folder / "exported"),
            "qanat-relay serve": relay.stop(),
        }
        _check(folder / "exported", f"*{_NAME}", digest)
        return steps


def _others(folder: Path, size_bytes: int) -> dict[str, Usage]:
    data = token_bytes(size_bytes)
    file = folder / _NAME
    file.write_bytes(data)
    digest = hashlib.sha256(data).digest()
    del data
    with nncp_nodes(folder / "nncp") as nodes:
        steps = {
            "nncp-file": nodes.queue(file),
            "nncp-call out": nodes.send(1),
            "nncp-toss forward": nodes.forward(),
            "nncp-call in": nodes.fetch(1),
            "nncp-toss": nodes.open(),
        }
        _check(nodes.received, _NAME, digest)
        return steps


def _check(folder: Path, pattern: str, digest: bytes) -> None:
    files = list(folder.rglob(pattern))
    if len(files) != 1:
        raise Failed(f"{len(files)} files came out instead of one")
    with files[0].open("rb") as file:
        if hashlib.file_digest(file, "sha256").digest() != digest:
            raise Failed("another file came out than went in")


def _results(size_bytes: int, turns: Sequence[_Turn]) -> list[Result | Absent]:
    size_mb, name = size_bytes / 1e6, f"{size_bytes >> 20} MiB"

    def row(
        what: str,
        limit: str,
        mine: Callable[[_Turn], float],
        theirs: Callable[[_Turn], float],
    ) -> Result:
        pairs = [(size_mb / mine(turn), size_mb / theirs(turn)) for turn in turns]
        return result_of(f"{name}: {what}", limit, "MB/s", pairs)

    def step(*programs: str) -> Callable[[_Turn], float]:
        return lambda turn: sum((turn.ours | turn.others)[program].seconds for program in programs)

    sent, stored = "qanat sync, stored by the relay", "qanat-desk pull, stored and verified"
    found: list[Result | Absent] = [
        row("qanat send", _DISK, step("qanat send"), lambda turn: turn.disk_s),
        row(sent, _LOOPBACK, step("qanat sync"), lambda turn: turn.loopback_s),
        row(sent, _DISK, step("qanat sync"), lambda turn: turn.disk_s),
        row(stored, _LOOPBACK, step("qanat-desk pull"), lambda turn: turn.loopback_s),
        row(stored, _DISK, step("qanat-desk pull"), lambda turn: turn.disk_s),
        row("qanat-desk export", _DISK, step("qanat-desk export"), lambda turn: turn.disk_s),
    ]
    whole = step("qanat send", "qanat sync", "qanat-desk pull", "qanat-desk export")
    if all(turn.others for turn in turns):
        found += [
            row("qanat send", "nncp-file", step("qanat send"), step("nncp-file")),
            row(sent, "nncp-call", step("qanat sync"), step("nncp-call out")),
            row(
                stored,
                "nncp-toss at the relay, nncp-call",
                step("qanat-desk pull"),
                step("nncp-toss forward", "nncp-call in"),
            ),
            row("qanat-desk export", "nncp-toss", step("qanat-desk export"), step("nncp-toss")),
            row("all steps", "all of NNCP's", whole, lambda turn: _sum(turn.others)),
        ]
    else:
        found.append(Absent(f"{name} through NNCP", INSTALL))
    return found + [
        smallest(
            f"{name}: peak memory of {program}",
            "MB",
            [turn.ours[program].peak_bytes / 1e6 for turn in turns],
            _MOST_MB,
        )
        for program in turns[0].ours
    ]


def _sum(steps: dict[str, Usage]) -> float:
    return sum(usage.seconds for usage in steps.values())
