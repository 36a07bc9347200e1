"""How long what matters most takes: from a window's opening to the first letter on the relay's
disk, and to a photo's thumbnail in the desk's vault."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.bad_link import Line
from benchmarks.desk import TEXT
from benchmarks.metered import Failed
from benchmarks.network import Network, network
from benchmarks.windows.links import slow_line
from benchmarks.windows.programs import Program, started
from benchmarks.windows.rows import Row
from benchmarks.windows.scene import DESK, REPORTER, Scene, relay_host
from qanat_client.demo.media import make_photo

__all__ = ["first_letter_rows", "thumbnail_row"]

_RELAY = relay_host(1)
_LETTERS = 20
_RTT_S = 0.6
_LOSS = 0.02
_MOST_RTT = {True: 3.5, False: 2.5}
_THUMBNAIL_S = 6.0
_GIVEN_UP_S = 60.0
"""What did not come by then counts as having taken so long."""
_LOOK_S = 0.005
_START_S = 60.0


@dataclass(slots=True)
class _Times:
    """In RTTs, a value a run: from the opening, from the first packet, and with a --watch."""

    opening: list[float] = field(default_factory=list)
    packet: list[float] = field(default_factory=list)
    watch: list[float] = field(default_factory=list)


def first_letter_rows(
    folder: Path, variables: Mapping[str, str], runs: int, note: Callable[[str], None]
) -> list[Row]:
    """With TLS and without: a process that starts when the window opens, what of that is the
    network's part, and a `--watch` whose network comes."""
    rows = []
    for is_tls in (True, False):
        words = "TLS" if is_tls else "plain http"
        scene = Scene(folder / f"letters-{is_tls}", variables, is_tls)
        scene.make([f"{number}. {TEXT}" for number in range(_LETTERS)])
        times = _Times()
        for run in range(1, runs + 1):
            note(f"first letter, {words}, run {run} of {runs}")
            _started_at_opening(scene, run, times)
            note(f"first letter, {words}, a --watch, run {run} of {runs}")
            times.watch.append(_watching(scene, run))
        name, most = f"first letter durable, {words}", _MOST_RTT[is_tls]
        rows += [
            Row(f"{name}: from opening", "RTT", times.opening, most, remark="the process starts"),
            Row(f"{name}: from first packet", "RTT", times.packet, most, remark="without Python"),
            Row(f"{name}: --watch", "RTT", times.watch, most, remark="the network comes"),
        ]
    return rows


def _started_at_opening(scene: Scene, seed: int, times: _Times) -> None:
    lines = {REPORTER: slow_line(0.0, opens=True), _RELAY: Line()}
    with scene.copy() as copy, network(lines, seed) as net, copy.serving(net):
        net.begin()
        with started(copy.sync(net), copy.variables):
            durable_s = _first_letter_s(copy, net)
            first_s = net.first_sent_s(REPORTER) or 0.0
    times.opening.append(durable_s / _RTT_S)
    times.packet.append((durable_s - first_s) / _RTT_S)


def _watching(scene: Scene, seed: int) -> float:
    lines = {REPORTER: slow_line(0.0, opens=True), _RELAY: Line()}
    with scene.copy() as copy, network(lines, seed) as net, copy.serving(net):
        net.namespace(REPORTER).disconnect()
        with started(copy.sync(net, "--watch"), copy.variables) as program:
            if _result(program, _START_S) is None:
                raise Failed(f"qanat sync --watch: {program.said()}")
            net.begin()
            net.namespace(REPORTER).connect()
            return _first_letter_s(copy, net) / _RTT_S


def _first_letter_s(scene: Scene, net: Network) -> float:
    while net.now_s() < _GIVEN_UP_S:
        if scene.letters():
            return net.now_s()
        time.sleep(_LOOK_S)
    return _GIVEN_UP_S


def thumbnail_row(
    folder: Path, variables: Mapping[str, str], runs: int, note: Callable[[str], None]
) -> Row:
    """A photo's thumbnail, opened and verified, with reporter and desk each behind a slow line; the
    desk pulls again and again."""
    photo = folder / "photo.jpg"
    make_photo(photo, seed=1)
    scene = Scene(folder / "photo", variables, is_tls=True)
    scene.make([], [photo])
    values = []
    for run in range(1, runs + 1):
        note(f"thumbnail, run {run} of {runs}")
        values.append(_thumbnail_s(scene, run))
    missed = sum(value >= _GIVEN_UP_S for value in values)
    return Row(
        "thumbnail verified at the desk, 2% on both sides",
        "s",
        values,
        must=_THUMBNAIL_S,
        remark=f"{missed} runs took longer than {_GIVEN_UP_S:.0f} s" if missed else "",
    )


def _thumbnail_s(scene: Scene, seed: int) -> float:
    lines = {
        REPORTER: slow_line(_LOSS, opens=True),
        _RELAY: Line(),
        DESK: slow_line(_LOSS, opens=False),
    }
    with (
        scene.copy() as copy,
        network(lines, seed) as net,
        copy.serving(net),
        started(copy.pull(net, "--watch", "--every", "1"), copy.variables) as pulling,
    ):
        if _result(pulling, _START_S) is None:
            raise Failed(f"qanat-desk pull --watch: {pulling.said()}")
        net.begin()
        with started(copy.sync(net), copy.variables):
            while (left_s := _GIVEN_UP_S - net.now_s()) > 0:
                found = _result(pulling, left_s)
                if found is not None and found["attachments"]:
                    return net.now_s()
    return _GIVEN_UP_S


def _result(program: Program, timeout_s: float) -> dict[str, Any] | None:
    """The next JSON document that it prints, one a line; None if none comes in time."""
    line = program.line(timeout_s)
    return json.loads(line) if line else None
