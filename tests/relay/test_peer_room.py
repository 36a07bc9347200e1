"""What a relay had no room for it gets from its peers once there is room, and not the next day."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.relay.made_parcels import ORIGINAL_BYTES, TODAY, make, part
from tests.relay.made_peers import all_ended, befriend, hold, reach, states
from tests.relay.running_relay import running_relay

from qanat_relay import deposits
from qanat_relay.peering import talk
from qanat_relay.store.interface import State


@pytest.mark.parametrize("again_s", [0.0, 3600.0])
async def test_what_there_was_no_room_for_comes_when_there_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, again_s: float
) -> None:
    monkeypatch.setattr(talk, "ROOM_AGAIN_S", again_s)
    # How fast a peer is read that brings more than there is room for is not looked at here.
    monkeypatch.setattr(deposits, "DRY_PAUSE_S", 0.0)
    films = [part(number, ORIGINAL_BYTES) for number in range(20)]
    letters = [make(number) for number in range(3)]
    async with (
        running_relay(tmp_path / "large") as large,
        running_relay(
            tmp_path / "small",
            capacity_bytes=2 << 20,
            partial_bytes=1 << 20,
            largest_body_bytes=1 << 19,
        ) as small,
    ):
        befriend(large, small)
        # Once, so that today's look at everything is over.
        await hold(large, letters[0])
        assert await reach(small, large)
        await hold(large, *films)
        assert await reach(small, large)
        await all_ended(large)
        found = await states(small, films)
        kept = [film for film, state in zip(films, found, strict=True) if state is State.HELD]
        assert 2 < len(kept) < len(films)
        await small.store.write([film.purged() for film in kept], today=TODAY)
        await hold(large, *letters[1:])
        assert await reach(small, large)
        await all_ended(large)
        missed = [film for film in films if film not in kept]
        found = await states(small, missed)
        assert await states(small, letters) == [State.HELD] * 3
    # Until it is time it is not asked for.
    assert (State.HELD in found) is (again_s == 0)
