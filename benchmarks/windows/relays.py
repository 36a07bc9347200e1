"""One film through three relays, of which only one is up at a time: how much of it is sent twice,
and whether the desk puts it together from what each of them has."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from math import inf
from pathlib import Path
from secrets import token_bytes

from benchmarks.bad_link import Line
from benchmarks.metered import Failed
from benchmarks.network import Network, network
from benchmarks.windows.programs import started
from benchmarks.windows.rows import Row
from benchmarks.windows.scene import DESK, REPORTER, Scene, Stored, relay_host

__all__ = ["relays_row"]

_RELAYS = 3
_RTT_MS, _LOSS, _WINDOW_S = 100, 0.01, 20.0
_MOST_TURNS = 9
_PAUSE_S = 2.0
_LOOK_S = 0.02
_PULL_S = 180.0
_MOST_SENT = 1.01
_PART_OF_FILM = 0.45
"""What a window could carry of the film, headers and all: three of them are enough, no two are."""


@dataclass(frozen=True, slots=True)
class _Found:
    """again: stored by more than one relay, as a share of the film; sent: bytes of the streams
    against those of the film's blocks that arrived."""

    again: float
    sent: float
    turns: int
    is_assembled: bool


@dataclass(frozen=True, slots=True)
class _Seen:
    """sent_bytes: of all streams; stored: in each relay a moment later."""

    sent_bytes: int
    stored: list[Stored]

    @property
    def distinct_bytes(self) -> int:
        """Of the film, what one relay has at least."""
        union = {leaf: size for each in self.stored for leaf, size in each.blocks.items()}
        return sum(union.values())

    @property
    def is_whole(self) -> bool:
        """Whether the relays have the film between them."""
        largest_bytes = max((each.largest_bytes for each in self.stored), default=0)
        return 0 < largest_bytes <= self.distinct_bytes

    @property
    def again(self) -> float:
        """What more than one has, as a share of it."""
        every = sum(sum(each.blocks.values()) for each in self.stored)
        return every / max(1, self.distinct_bytes) - 1


def relays_row(
    folder: Path,
    variables: Mapping[str, str],
    film_bytes: int,
    runs: int,
    note: Callable[[str], None],
) -> Row:
    """Bytes sent against those that the same film needs where nothing is cut: frames, TLS and lists
    are in both."""
    film = folder / "one-film.mp4"
    film.write_bytes(token_bytes(film_bytes))
    scene = Scene(folder / "relays", variables, is_tls=True, relays=_RELAYS)
    scene.make([], [film])
    with scene.copy() as copy:
        note("the film without cuts")
        needed = _uncut(copy, film_bytes)
    found = []
    for run in range(1, runs + 1):
        with scene.copy() as copy:
            found.append(_run(copy, film_bytes, run, lambda line: note(f"three relays: {line}")))
    assembled = sum(each.is_assembled for each in found)
    again = max(each.again for each in found)
    return Row(
        f"a film of {film_bytes / 1e6:.0f} MB, three relays in turns: sent / without cuts",
        "x",
        [each.sent / needed for each in found],
        must=_MOST_SENT,
        remark=(
            f"without cuts {needed:.4f} of the film; {again:.1%} stored twice;"
            f" assembled at the desk in {assembled} of {runs} runs,"
            f" after {max(each.turns for each in found)} turns"
        ),
    )


def _line(film_bytes: int) -> Line:
    return Line(film_bytes * _PART_OF_FILM / _WINDOW_S / 125, _RTT_MS, _LOSS)


@contextmanager
def _served(scene: Scene, lines: Mapping[str, Line], seed: int) -> Iterator[Network]:
    """The network, whose clock has begun, with all relays."""
    with network(lines, seed) as net, ExitStack() as stack:
        for number in range(1, _RELAYS + 1):
            stack.enter_context(scene.serving(net, number))
        net.begin()
        yield net


def _uncut(scene: Scene, film_bytes: int) -> float:
    """Bytes sent to one relay that is up all the time, against those of the film's blocks."""
    hosts = [relay_host(number) for number in range(1, _RELAYS + 1)]
    lines = {REPORTER: _line(film_bytes), hosts[0]: Line()}
    lines |= {host: Line(open_s=()) for host in hosts[1:]}
    with _served(scene, lines, 1) as net:
        with started(scene.sync(net), scene.variables):
            seen = _watched(scene, net, _MOST_TURNS * _WINDOW_S)
        if not seen.is_whole:
            raise Failed("the film did not arrive over a line without cuts")
        return seen.sent_bytes / seen.distinct_bytes


def _run(scene: Scene, film_bytes: int, seed: int, note: Callable[[str], None]) -> _Found:
    every_s = _WINDOW_S + _PAUSE_S
    end_s = _MOST_TURNS * every_s
    lines = {REPORTER: _line(film_bytes)}
    hosts = [relay_host(number) for number in range(1, _RELAYS + 1)]
    for place, host in enumerate(hosts):
        starts = [turn * every_s for turn in range(place, _MOST_TURNS, _RELAYS)]
        # In the end all are up, for the desk.
        spans = [*((at, at + _WINDOW_S) for at in starts), (end_s, inf)]
        lines[host] = Line(open_s=tuple(spans))
    lines[DESK] = Line()
    turns, seen = 0, _Seen(0, [])
    with _served(scene, lines, seed) as net:
        while turns < _MOST_TURNS and not seen.is_whole:
            note(f"turn {turns + 1} of at most {_MOST_TURNS}")
            net.wait_until(turns * every_s)
            turns += 1
            with started(scene.sync(net), scene.variables):
                seen = _watched(scene, net, (turns - 1) * every_s + _WINDOW_S)
        note("the desk pulls")
        net.advance_to(end_s)
        with started(scene.pull(net), scene.variables) as pulling:
            has_ended = pulling.ended_well(_PULL_S)
            found = json.loads(pulling.rest() or "{}") if has_ended else {}
    return _Found(
        again=seen.again,
        sent=seen.sent_bytes / max(1, seen.distinct_bytes),
        turns=turns,
        is_assembled=found.get("attachments") == 1,
    )


def _watched(scene: Scene, net: Network, end_s: float) -> _Seen:
    """How it stands at the end of a turn, or when the relays have the film between them: from then
    on the reporter sends second copies, which are meant to be."""
    hosts = [relay_host(number) for number in range(1, _RELAYS + 1)]
    while True:
        # First what was sent, then what has come of it.
        sent_bytes = net.stream_bytes(REPORTER, hosts)
        seen = _Seen(sent_bytes, [scene.stored(number) for number in range(1, _RELAYS + 1)])
        if seen.is_whole or net.now_s() >= end_s:
            return seen
        net.wait_until(min(end_s, net.now_s() + _LOOK_S))
