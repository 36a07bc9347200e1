"""Sessions that hold a relay's places and do nothing with them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path

import pytest
from tests.relay.made_parcels import Made, make
from tests.relay.running_relay import Talk, raw_talk, running_relay, talking, transfer

from qanat_protocol.errors import BadChannel
from qanat_protocol.frames import AckStatus, End, Idle, Welcome
from qanat_protocol.session import HELLO
from qanat_relay import pace

MAKES_WAY = (
    "Where all places of a relay are taken, a session that hardly moves makes way for the next."
)
PLACES = 3


async def said(talk: Talk, made: Made) -> AckStatus | None:
    """What becomes of a letter; None where the relay has no place for the session."""
    try:
        await talk.send_raw(talk.session.start())
        await talk.say(HELLO)
        await talk.until(Welcome)
    except BadChannel:
        # It answers by a status, in words.
        assert talk.status == 503
        return None
    await talk.say(*transfer(made, 0))
    status = (await talk.statuses(1))[0].status
    await talk.end()
    return status


async def keep_on(act: Callable[[], Awaitable[None]], pause_s: float) -> None:
    while True:
        await act()
        await asyncio.sleep(pause_s)


@pytest.mark.promise(MAKES_WAY)
async def test_sessions_that_drip_hold_no_place_that_others_wait_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pace, "CROWDED_S", 0.2)
    async with (
        running_relay(tmp_path / "small", sessions_max=PLACES) as relay,
        AsyncExitStack() as held,
    ):
        drips = []
        for carrier in ("exchange", "websocket", "exchange"):
            talk = await held.enter_async_context(talking(relay, carrier))
            drips.append(asyncio.create_task(keep_on(partial(talk.say, Idle()), 0.05)))
        # A session is judged by what it did; until then it has its place.
        for number in range(2):
            status = None
            while status is None:
                async with raw_talk(relay, "exchange") as talk:
                    status = await said(talk, make(number))
            assert status is AckStatus.STORED
        for task in drips:
            task.cancel()
        await asyncio.gather(*drips, return_exceptions=True)


@pytest.mark.promise(MAKES_WAY)
async def test_a_session_that_moves_keeps_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pace, "CROWDED_S", 0.2)
    async with (
        running_relay(tmp_path / "small", sessions_max=1) as relay,
        talking(relay, "exchange") as talk,
    ):
        letters = iter(range(10_000))

        async def works() -> None:
            handle = next(letters)
            await talk.say(*transfer(make(handle), handle))

        working = asyncio.create_task(keep_on(works, 0.01))
        for number in range(40):
            async with raw_talk(relay, "exchange") as other:
                assert await said(other, make(20_000 + number)) is None
            await asyncio.sleep(0.02)
        working.cancel()
        await asyncio.wait({working})
        assert isinstance((await talk.end())[-1], End)


@pytest.mark.promise(MAKES_WAY)
@pytest.mark.parametrize("carrier", ["exchange", "websocket"])
async def test_a_session_that_drips_is_ended(tmp_path: Path, carrier: str) -> None:
    async with (
        running_relay(tmp_path / "short", idle_s=1) as relay,
        talking(relay, carrier) as talk,
    ):
        dripping = asyncio.create_task(keep_on(partial(talk.say, Idle()), 0.1))
        frames = await talk.rest()
        dripping.cancel()
        await asyncio.gather(dripping, return_exceptions=True)
    assert not any(isinstance(frame, End) for frame in frames)
