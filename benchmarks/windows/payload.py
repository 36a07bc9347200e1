"""What one cold window carries: `qanat sync` as a process that starts when the window opens, and
beside it raw TCP and NNCP over the same link."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_bytes
from tempfile import TemporaryDirectory

from benchmarks.bad_link import Line
from benchmarks.desk import TEXT
from benchmarks.metered import Failed
from benchmarks.network import Network, network
from benchmarks.nncp import Nncp, is_installed
from benchmarks.windows import bare_tcp
from benchmarks.windows.links import WINDOW_S, Link
from benchmarks.windows.programs import started
from benchmarks.windows.rows import Row
from benchmarks.windows.scene import REPORTER, Scene, relay_host

__all__ = ["Waiting", "payload_row"]

_LETTERS = 20
_LETTER_BYTES = 4096
_FILM_BYTES = 16 << 20
"""More than any of the windows carries."""
_PORT = 5400
_START_S = 20.0
_LONG_IDLE_S = 3600
_RELAY = relay_host(1)
_LATE = 0.01


@dataclass(frozen=True, slots=True)
class Waiting:
    """What lies ready before the window: letters and a film, in a scene, in one whose relay
    takes no datagrams, and as files."""

    scene: Scene
    by_tcp: Scene
    files: Sequence[Path]

    @classmethod
    @contextmanager
    def made(cls, folder: Path, variables: Mapping[str, str]) -> Iterator[Waiting]:
        """In a folder of their own, which is removed behind the block."""
        with TemporaryDirectory(dir=folder) as made:
            place = Path(made)
            film = place / "film.mp4"
            film.write_bytes(token_bytes(_FILM_BYTES))
            letters = [place / f"letter{number}" for number in range(_LETTERS)]
            for letter in letters:
                letter.write_bytes(token_bytes(_LETTER_BYTES))
            scene = Scene(place / "scene", variables, is_tls=True)
            by_tcp = Scene(place / "tcp", variables, is_tls=True, takes_datagrams=False)
            for each in (scene, by_tcp):
                each.make([f"{number}. {TEXT}" for number in range(_LETTERS - 1)], [film])
            yield cls(scene, by_tcp, [*letters, film])


@dataclass(slots=True)
class _Shares:
    """Of one link, a value a run."""

    ours: list[float] = field(default_factory=list)
    letters: list[int] = field(default_factory=list)
    late: list[float] = field(default_factory=list)
    beside: dict[str, list[float]] = field(
        default_factory=lambda: {"by TCP": [], "cubic": [], "BBR": [], "NNCP": []}
    )


def payload_row(waiting: Waiting, link: Link, seeds: int, note: Callable[[str], None]) -> Row:
    """Raises Failed where a program does not start."""
    found = _Shares()
    for seed in range(1, seeds + 1):
        where = f"{link.name}, run {seed} of {seeds}"
        note(f"{where}: Qanat")
        share, letters = _ours(waiting.scene, link, seed, found)
        found.ours.append(share)
        found.letters.append(letters)
        note(f"{where}: Qanat without datagrams")
        found.beside["by TCP"].append(_ours(waiting.by_tcp, link, seed, found)[0])
        for name, control in (("cubic", "cubic"), ("BBR", "bbr")):
            note(f"{where}: raw TCP, {name}")
            if _offers(control):
                found.beside[name].append(_raw(link, seed, control, waiting.scene.variables))
        if is_installed():
            note(f"{where}: NNCP")
            found.beside["NNCP"].append(_nncp(waiting, link, seed))
    return _row(link, found)


def _row(link: Link, found: _Shares) -> Row:
    remark = f"{min(found.letters)} of {_LETTERS} letters" + (
        f"; the machine was busy: {max(found.late):.0%} of the packets came late"
        if max(found.late) > _LATE
        else ""
    )
    return Row(
        f"one cold window: {link.name}",
        "share",
        found.ours,
        must=link.aim,
        beside={name: values for name, values in found.beside.items() if values},
        remark=remark,
    )


@contextmanager
def _joined(link: Link, seed: int) -> Iterator[Network]:
    with network({REPORTER: link.window(), _RELAY: Line()}, seed) as net:
        yield net


def _ours(scene: Scene, link: Link, seed: int, found: _Shares) -> tuple[float, int]:
    """The share that arrived, and how many letters."""
    with scene.copy() as copy:
        with _joined(link, seed) as net, copy.serving(net) as relay:
            net.begin()
            with started(copy.sync(net), copy.variables):
                net.wait_until(WINDOW_S)
                relay.kill()
            found.late.append(net.late_share())
        stored = copy.stored()
    return stored.body_bytes / link.window().carries_bytes(), stored.letters


def _offers(control: str) -> bool:
    known = Path("/proc/sys/net/ipv4/tcp_available_congestion_control").read_text()
    return control in known.split()


def _raw(link: Link, seed: int, control: str, variables: Mapping[str, str]) -> float:
    program = [sys.executable, "-I", "-S", str(bare_tcp.__file__)]
    with _joined(link, seed) as net:
        at = [net.address(_RELAY), str(_PORT)]
        sink = net.command(_RELAY, [*program, "sink", *at])
        source = net.command(REPORTER, [*program, "source", *at, control])
        with started(sink, variables) as counting:
            if not counting.line(_START_S):
                raise Failed(f"nothing counts: {counting.said()}")
            net.begin()
            with started(source, variables):
                # Nothing comes any more, and it tells of the last that did.
                net.wait_until(WINDOW_S + 4 * bare_tcp.TELLS_S)
                counting.kill()
            came = 0
            while line := counting.line(0.0):
                came = int(line)
    return came / link.window().carries_bytes()


def _nncp(waiting: Waiting, link: Link, seed: int) -> float:
    with (
        TemporaryDirectory(dir=waiting.scene.folder.parent) as folder,
        _joined(link, seed) as net,
    ):
        address = f"{net.address(_RELAY)}:{_PORT}"
        nodes = Nncp(Path(folder) / "nncp", address, _LONG_IDLE_S)
        nodes.make()
        nodes.queue_all(waiting.files)
        daemon = nodes.command("nncp-daemon", "relay", "-bind", address)
        call = nodes.command("nncp-call", "reporter", "relay")
        with started(net.command(_RELAY, daemon), os.environ) as listening:
            if listening.wait(1.0):
                raise Failed(f"nncp-daemon does not listen: {listening.said()}")
            net.begin()
            with started(net.command(REPORTER, call), os.environ):
                net.wait_until(WINDOW_S)
                listening.kill()
        return nodes.arrived_bytes() / link.window().carries_bytes()
