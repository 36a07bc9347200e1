"""One film through three relays, of which only one is up at a time: how much of it is sent twice,
and whether the desk puts it together from what each of them has."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from math import inf
from pathlib import Path
from secrets import token_bytes

from benchmarks.bad_link import Line
from benchmarks.network import Network, network
from benchmarks.windows.programs import started
from benchmarks.windows.rows import Row
from benchmarks.windows.scene import DESK, REPORTER, Scene, Stored, relay_host

__all__ = ["relays_row"]

_RELAYS = 3
_RTT_MS, _LOSS, _WINDOW_S = 100, 0.01, 20.0
_MOST_TURNS = 9
_PAUSE_S = 2.0
_LOOK_S = 0.25
_PULL_S = 180.0
_MOST_SENT = 1.01
_PART_OF_FILM = 0.45
"""What a window could carry of the film, headers and all: three of them are enough, no two are."""


@dataclass(frozen=True, slots=True)
class _Found:
    """again: stored by more than one relay, as a share of the film; sent: bytes of TCP's streams
    against those of the film's blocks that arrived."""

    again: float
    sent: float
    turns: int
    is_assembled: bool


def relays_row(
    folder: Path,
    variables: Mapping[str, str],
    film_bytes: int,
    runs: int,
    note: Callable[[str], None],
) -> Row:
    """Bytes sent against bytes needed."""
    film = folder / "one-film.mp4"
    film.write_bytes(token_bytes(film_bytes))
    scene = Scene(folder / "relays", variables, is_tls=True, relays=_RELAYS)
    scene.make([], [film])
    found = []
    for run in range(1, runs + 1):
        with scene.copy() as copy:
            found.append(_run(copy, film_bytes, run, lambda line: note(f"three relays: {line}")))
    assembled = sum(each.is_assembled for each in found)
    again = max(each.again for each in found)
    return Row(
        f"a film of {film_bytes / 1e6:.0f} MB, three relays in turns: sent / needed",
        "x",
        [each.sent for each in found],
        must=_MOST_SENT,
        remark=(
            f"{again:.1%} stored twice; assembled at the desk in {assembled} of {runs} runs,"
            f" after {max(each.turns for each in found)} turns"
        ),
    )


def _run(scene: Scene, film_bytes: int, seed: int, note: Callable[[str], None]) -> _Found:
    rate_kbit = film_bytes * _PART_OF_FILM / _WINDOW_S / 125
    every_s = _WINDOW_S + _PAUSE_S
    end_s = _MOST_TURNS * every_s
    lines = {REPORTER: Line(rate_kbit, _RTT_MS, _LOSS)}
    hosts = [relay_host(number) for number in range(1, _RELAYS + 1)]
    for place, host in enumerate(hosts):
        starts = [turn * every_s for turn in range(place, _MOST_TURNS, _RELAYS)]
        # In the end all are up, for the desk.
        spans = [*((at, at + _WINDOW_S) for at in starts), (end_s, inf)]
        lines[host] = Line(open_s=tuple(spans))
    lines[DESK] = Line()
    turns = 0
    with network(lines, seed) as net, ExitStack() as stack:
        for number in range(1, _RELAYS + 1):
            stack.enter_context(scene.serving(net, number))
        net.begin()
        while turns < _MOST_TURNS and not _is_whole(scene):
            note(f"turn {turns + 1} of at most {_MOST_TURNS}")
            net.wait_until(turns * every_s)
            turns += 1
            with started(scene.sync(net), scene.variables):
                _wait_until_whole(scene, net, (turns - 1) * every_s + _WINDOW_S)
        sent_bytes = net.stream_bytes(REPORTER, hosts)
        stored = [scene.stored(number) for number in range(1, _RELAYS + 1)]
        note("the desk pulls")
        net.advance_to(end_s)
        with started(scene.pull(net), scene.variables) as pulling:
            has_ended = pulling.ended_well(_PULL_S)
            found = json.loads(pulling.rest() or "{}") if has_ended else {}
    return _Found(
        again=_again(stored),
        sent=sent_bytes / max(1, _distinct_bytes(stored)),
        turns=turns,
        is_assembled=found.get("attachments") == 1,
    )


def _union(stored: list[Stored]) -> dict[bytes, int]:
    return {leaf: size for each in stored for leaf, size in each.blocks.items()}


def _is_whole(scene: Scene) -> bool:
    """Whether the relays have the film between them."""
    stored = [scene.stored(number) for number in range(1, _RELAYS + 1)]
    return 0 < max(each.largest_bytes for each in stored) <= _distinct_bytes(stored)


def _wait_until_whole(scene: Scene, net: Network, end_s: float) -> None:
    """Until the end of a turn, or until the relays have the film: from then on the reporter sends
    second copies, which are meant to be."""
    while net.now_s() < end_s and not _is_whole(scene):
        net.wait_until(min(end_s, net.now_s() + _LOOK_S))


def _distinct_bytes(stored: list[Stored]) -> int:
    return sum(_union(stored).values())


def _again(stored: list[Stored]) -> float:
    every = sum(sum(each.blocks.values()) for each in stored)
    return every / max(1, _distinct_bytes(stored)) - 1
