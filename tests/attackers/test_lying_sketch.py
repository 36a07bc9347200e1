"""A relay whose sketch is of nothing: a desk asks it no more than the limits, and takes no harm."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.client.desk.lying_relay import LyingRelay, lying_relay
from tests.client.desk.newsroom import Made, Newsroom, Writer, frames_of

from qanat_protocol.frames import Bisect, Cells, DeskInterest, Lack, Sketch
from qanat_protocol.reconciliation import MAX_QUESTIONS, MAX_TAKEN_CELLS

BOUNDED = (
    "However much it sends, neither phone nor desk keeps more in memory than some tens of MiB above"
    " what an honest relay costs, and one that drips is given up."
)


@pytest.fixture
def newsroom(tmp_path: Path) -> Newsroom:
    return Newsroom(tmp_path / "desk")


@pytest.fixture
async def liar(newsroom: Newsroom) -> AsyncIterator[LyingRelay]:
    async with lying_relay(newsroom.clock.now_s) as relay:
        yield relay


async def desk_with_a_letter(newsroom: Newsroom, liar: LyingRelay) -> Writer:
    card = await asyncio.to_thread(newsroom.init, "--relay", liar.url)
    writer = Writer(card, newsroom.clock.today)

    async def gives(relay: LyingRelay) -> None:
        await relay.hear(DeskInterest)
        await relay.say(*frames_of(writer.write()[1][0], 0))

    liar.script = gives
    assert (await pulled(newsroom))["reports"] == 1
    return writer


async def pulled(newsroom: Newsroom) -> dict[str, Any]:
    value: dict[str, Any] = (await asyncio.to_thread(newsroom.run, "pull")).value
    return value


@pytest.mark.promise(BOUNDED)
@pytest.mark.parametrize("expected", [0, 10, 10**6])
async def test_cells_of_nothing_are_asked_for_no_more_than_the_limits_say(
    newsroom: Newsroom, liar: LyingRelay, expected: int
) -> None:
    writer = await desk_with_a_letter(newsroom, liar)
    letter: Made = writer.write()[1][0]
    asked: list[Bisect] = []

    async def lies(relay: LyingRelay) -> None:
        await relay.hear(DeskInterest)
        await relay.say(Sketch(0, newsroom.clock.today, bytes(16), os.urandom(32), expected, 0))
        while not any(isinstance(frame, Lack) for frame in relay.heard):
            questions = [frame for frame in relay.heard if isinstance(frame, Bisect)]
            for question in questions[len(asked) :]:
                asked.append(question)
                await relay.say(Cells(0, question.first, os.urandom(12 * question.count)))
            await asyncio.sleep(0.001)
        # What is true in between is kept all the same.
        await relay.say(*frames_of(letter, 0))

    liar.script = lies
    done = await pulled(newsroom)
    assert done["reports"] == 1
    assert done["relays"][0]["complete"]
    assert len(asked) <= MAX_QUESTIONS
    assert sum(question.count for question in asked) <= MAX_TAKEN_CELLS


@pytest.mark.promise(BOUNDED)
async def test_cells_that_nobody_asked_for_end_the_session_by_name(
    newsroom: Newsroom, liar: LyingRelay
) -> None:
    await desk_with_a_letter(newsroom, liar)
    sketch = Sketch(0, newsroom.clock.today, bytes(16), os.urandom(32), 10, 24)
    for frames in (
        [Cells(0, 0, bytes(12))],
        [sketch, Cells(0, 24, os.urandom(12))],
        [sketch, Cells(0, 0, os.urandom(12 * 25))],
        [sketch, sketch],
    ):

        async def lies(relay: LyingRelay, frames: list[Any] = frames) -> None:
            await relay.hear(DeskInterest)
            await relay.say(*frames)
            await asyncio.sleep(5)

        liar.script = lies
        (told,) = (await pulled(newsroom))["relays"]
        assert not told["complete"]
        assert any(word in told["complaint"] for word in ("cells", "sketch")), told
