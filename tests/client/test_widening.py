"""Several connections of one session: what they share, and what breaks with one of them."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.client.made_desk import MadeDesk, write_card
from tests.client.relay_process import RelayProcess
from tests.client.reporter_runs import parcels, qanat

from qanat_client.carriers import wire
from qanat_client.reporter.spares import AT_ONCE, LEAST_BYTES, spares_for
from qanat_client.reporter.widening import Connections, widen


def test_a_film_goes_by_several_connections_each_block_once(
    desk: MadeDesk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wire, "LONG_S", 0.0)
    relay = RelayProcess(tmp_path / "relay")
    home = tmp_path / "sender"
    card = desk.card(relays=[relay.entry])
    assert qanat(home, "desk", "add", write_card(card, tmp_path), "--yes").code == 0
    film = tmp_path / "film.mp4"
    film.write_bytes(random.Random(5).randbytes(20_000_000))
    assert qanat(home, "send", "see", "--no-code", "--attach", film).code == 0
    done = qanat(home, "sync", "--json")
    (told,) = done.json["relays"]
    assert told["taken"] == 2
    assert told["sent_bytes"] == sum(header.body_size for header, _ in parcels(home))
    assert qanat(home, "sync", "--json").json["relays"][0]["taken"] == 0
    relay.stop()


class LongLine:
    """A conversation on a long and wide line, with room for more beside it."""

    is_wide = True

    def __init__(self, lines: list[LongLine]) -> None:
        self._lines = lines
        lines.append(self)

    def path(self) -> wire.Path:
        return wire.Path(0.6, 0.6, 1.2, 0, 0, 0)

    @contextlib.asynccontextmanager
    async def beside(self) -> AsyncIterator[LongLine]:
        await asyncio.sleep(0.01)
        yield LongLine(self._lines)


class Film:
    """A session that has a film to give."""

    def __init__(self) -> None:
        self.ended = asyncio.Event()

    def has_left(self, size_bytes: int) -> bool:
        return True


@pytest.mark.parametrize("relays", [1, 2, 3, 5])
async def test_sessions_with_several_relays_share_what_a_line_is_filled_with(relays: int) -> None:
    lines: list[LongLine] = []
    connections, film, all_there = Connections(), Film(), asyncio.Barrier(relays)

    async def serve(_: LongLine) -> None:
        await film.ended.wait()

    async def hold_session() -> None:
        talk = LongLine(lines)
        with connections.first(talk):  # type: ignore[arg-type]
            await all_there.wait()
            await widen(talk, film, serve, connections)  # type: ignore[arg-type]

    async with asyncio.TaskGroup() as group:
        for _ in range(relays):
            group.create_task(hold_session())
        await asyncio.sleep(0.2)
        assert len(lines) == max(relays, 1 + AT_ONCE)
        film.ended.set()
    assert connections.beside == -1, "all were counted out"


def test_what_is_begun_at_once_is_no_more_than_what_a_line_is_filled_with() -> None:
    assert [spares_for(LEAST_BYTES, sessions) for sessions in (1, 2, 3, 5)] == [2, 1, 0, 0]
    assert spares_for(LEAST_BYTES - 1, 1) == 0
