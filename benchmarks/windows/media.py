"""Hundreds of megabytes over many windows: whether all letters go with the first one, and how much
is sent that was sent before."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from secrets import token_bytes

from benchmarks.bad_link import Line
from benchmarks.desk import TEXT
from benchmarks.network import network
from benchmarks.windows.programs import started
from benchmarks.windows.rows import Row
from benchmarks.windows.scene import REPORTER, Scene, relay_host
from qanat_client.demo.media import make_photo

__all__ = ["Amount", "media_rows"]

_RELAY = relay_host(1)
_RATE_KBIT, _RTT_MS, _LOSS = 20_000, 100, 0.01
_WINDOW_S, _PAUSE_S = 20.0, 4.0
_MOST_SENT = 1.02


@dataclass(frozen=True, slots=True)
class Amount:
    """How much waits: letters, those with a photo and with a film among them, and the bytes of all
    films; windows: how many there are."""

    letters: int
    photos: int
    films: int
    film_bytes: int
    windows: int


def media_rows(
    folder: Path,
    variables: Mapping[str, str],
    amount: Amount,
    note: Callable[[str], None],
) -> list[Row]:
    """Letters of the first window, what was sent against what arrived, and the windows it took."""
    scene = Scene(folder / "media", variables, is_tls=True)
    note("sealing letters, photos and films")
    scene.make(
        [f"{n}. {TEXT}" for n in range(amount.letters - amount.photos - amount.films)],
        _files(folder, amount),
    )
    found = _run(scene, amount, lambda line: note(f"media: {line}"))
    state = "all of it" if found.is_complete else "not all of it"
    arrived = f"{found.arrived_bytes / 1e6:.0f} MB arrived"
    return [
        Row(
            "media: letters durable after the first window",
            "letters",
            [found.letters],
            must=amount.letters,
            remark=f"of {amount.letters}; 20 Mbit/s, 100 ms, 1%",
        ),
        Row(
            "media: bytes sent / bytes needed",
            "x",
            [found.sent_bytes / max(1, found.arrived_bytes)],
            must=_MOST_SENT,
            remark=f"{arrived}, {state}, in {found.windows} windows",
        ),
    ]


def _files(folder: Path, amount: Amount) -> list[Path]:
    photos = [folder / f"photo{number}.jpg" for number in range(amount.photos)]
    for number, photo in enumerate(photos):
        make_photo(photo, seed=number)
    films = [folder / f"film{number}.mp4" for number in range(amount.films)]
    for film in films:
        film.write_bytes(token_bytes(amount.film_bytes // amount.films))
    return [*photos, *films]


@dataclass(frozen=True, slots=True)
class _Found:
    """sent_bytes: of TCP's streams, TLS and all."""

    letters: int
    sent_bytes: int
    arrived_bytes: int
    windows: int
    is_complete: bool


def _run(scene: Scene, amount: Amount, note: Callable[[str], None]) -> _Found:
    every_s = _WINDOW_S + _PAUSE_S
    starts = [number * every_s for number in range(amount.windows)]
    line = Line(_RATE_KBIT, _RTT_MS, _LOSS, open_s=tuple((at, at + _WINDOW_S) for at in starts))
    letters, windows, is_complete = 0, 0, False
    with network({REPORTER: line, _RELAY: Line()}) as net, scene.serving(net) as relay:
        net.begin()
        for start_s in starts:
            windows += 1
            note(f"window {windows} of {amount.windows}")
            net.wait_until(start_s)
            with started(scene.sync(net), scene.variables) as syncing:
                is_complete = syncing.ended_well(start_s + _WINDOW_S - net.now_s())
                net.wait_until(start_s + _WINDOW_S)
            if windows == 1:
                letters = scene.letters()
            if is_complete:
                break
        relay.kill()
        sent_bytes = net.stream_bytes(REPORTER, [_RELAY])
    return _Found(letters, sent_bytes, scene.stored().body_bytes, windows, is_complete)
