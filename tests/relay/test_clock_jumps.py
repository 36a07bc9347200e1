"""A relay whose clock jumps ahead and back while it serves: what it acknowledged stays, sessions go
on, and honest letters are taken again as soon as the clock is right."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest
from tests.relay.made_parcels import TODAY, Made, make
from tests.relay.made_peers import states
from tests.relay.running_relay import Talk, running_relay, talking, transfer

from qanat_protocol.frames import AckStatus, End
from qanat_relay.store.interface import State
from qanat_relay.sweep import sweep_once

DAY_S = 86_400
YEAR_DAYS = 365
FINAL = (AckStatus.STORED, AckStatus.REFUSED)


async def bring(talk: Talk, handle: int, letter: Made) -> AckStatus:
    await talk.say(*transfer(letter, handle))
    told = (await talk.statuses(handle + 1))[handle]
    assert told.status in FINAL
    return told.status


@pytest.mark.parametrize("jumps", [6, pytest.param(400, marks=pytest.mark.soak)])
@pytest.mark.parametrize("carrier", ["exchange", "websocket"])
async def test_a_clock_that_jumps_both_ways_takes_nothing_away_and_ends_no_session(
    carrier: str, jumps: int, tmp_path: Path
) -> None:
    day = float(TODAY)
    source = Random(jumps)
    async with running_relay(tmp_path, clock=lambda: day * DAY_S) as relay:
        # As each relay does when it starts: by this day later ones are judged.
        await sweep_once(relay.node)
        async with talking(relay, carrier) as talk:
            kept = [make(0)]
            assert await bring(talk, 0, kept[0]) is AckStatus.STORED
            for number in range(1, jumps + 1):
                years = source.choice((-20, -4, 4, 20)) if number > 2 else (20, -20)[number - 1]
                day = TODAY + years * YEAR_DAYS + source.random()
                await sweep_once(relay.node)
                letter = make(number)
                if await bring(talk, number, letter) is AckStatus.STORED:
                    kept.append(letter)
                assert set(await states(relay, kept)) == {State.HELD}
            day = float(TODAY)
            await sweep_once(relay.node)
            last = make(jumps + 1)
            assert await bring(talk, jumps + 1, last) is AckStatus.STORED
            assert isinstance((await talk.end())[-1], End)
        assert set(await states(relay, [*kept, last])) == {State.HELD}
        assert [problem async for problem in relay.store.check()] == []
        # The card never becomes an older one, whatever the clock said meanwhile.
        assert relay.node.card is not None
        serial = relay.node.card.read().serial
        day = float(TODAY - YEAR_DAYS)
        assert relay.node.card.read().serial > serial
