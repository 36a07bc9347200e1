"""Sketches over a real socket: what a relay tells of its set, and to what it says no."""

from __future__ import annotations

import os
from collections.abc import Sequence

import pytest
from tests.relay.made_parcels import TODAY, Made, make
from tests.relay.running_relay import Desk, Running, Talk, talking
from tests.relay.test_server_giving import carrier, desk, given, interest, relay

from qanat_protocol.estimate import balance_of, pack_balance
from qanat_protocol.frames import (
    Answer,
    Answers,
    Bisect,
    Cells,
    Cursor,
    End,
    Error,
    Frame,
    Idle,
    Lack,
    Offers,
    Sketch,
)
from qanat_protocol.reconciliation import MAX_QUESTIONS, MAX_TAKEN_CELLS
from qanat_protocol.sketch import Sketched, pack_cells, sum_cells
from qanat_protocol.verdicts import Verdict

__all__ = ["carrier", "desk", "relay"]


@pytest.mark.parametrize(
    "asked", [Cells(0, 0, bytes(12)), Bisect(0, 0, bytes(4), 0, 8), Lack(0, ()), Lack(1, ())]
)
async def test_who_was_told_no_sketch_cannot_ask_about_one(
    relay: Running, carrier: str, desk: Desk, asked: Frame
) -> None:
    await filled(relay, desk)
    async with talking(relay, carrier) as talk:
        await talk.say(interest(talk, desk), asked)
        frames = await talk.rest()
    assert isinstance(frames[-1], Error)
    assert frames[-1].verdict == Verdict.UNEXPECTED_FRAME
    assert not talk.all(Sketch)


async def filled(relay: Running, desk: Desk) -> list[Made]:
    letters = [make(number, tag=desk.tag) for number in range(300)]
    await relay.store.write([letter.put() for letter in letters], today=TODAY)
    return letters


async def sketched(talk: Talk, desk: Desk, letters: Sequence[Made]) -> Sketch:
    """Ask as a desk that has these letters and some that the relay has not."""
    ids = b"".join(letter.parcel_id for letter in letters) + os.urandom(32 * 10)
    await talk.say(interest(talk, desk, estimate=pack_balance(balance_of(ids))))
    return (await talk.until(Sketch))[0]


@pytest.mark.parametrize(
    "asked",
    [
        [Bisect(0, 0, bytes(4), MAX_TAKEN_CELLS - 1, 2)],
        [Bisect(0, 16, bytes(4), 0, 1)] * (MAX_QUESTIONS + 1),
        [Lack(0, (bytes(5),) * 4096)] * (MAX_TAKEN_CELLS // 4096 + 1),
    ],
    ids=["cells", "questions", "parcels"],
)
async def test_a_desk_that_asks_without_end_is_told_so(
    relay: Running, carrier: str, desk: Desk, asked: list[Frame]
) -> None:
    letters = await filled(relay, desk)
    async with talking(relay, carrier) as talk:
        await sketched(talk, desk, letters)
        await talk.say(*asked)
        frames = await talk.rest()
    assert isinstance(frames[-1], Error)
    assert frames[-1].verdict == Verdict.TOO_LARGE


async def test_a_session_may_end_in_the_middle_of_a_sketch(
    relay: Running, carrier: str, desk: Desk
) -> None:
    letters = await filled(relay, desk)
    async with talking(relay, carrier) as talk:
        await sketched(talk, desk, letters)
        frames = await talk.end()
    assert isinstance(frames[-1], End)
    assert not talk.all(Cursor)


async def test_a_sketch_is_answered_question_by_question(
    relay: Running, carrier: str, desk: Desk
) -> None:
    letters = await filled(relay, desk)
    async with talking(relay, carrier) as talk:
        sketch = await sketched(talk, desk, letters[4:])
        keyed = Sketched(sketch.key, b"".join(letter.parcel_id for letter in letters))
        assert sketch.fingerprint == keyed.fingerprint
        first = await talk.until(Cells)
        assert [len(cells.cells) for cells in first] == [12 * sketch.cells]
        await talk.say(
            Bisect(0, 0, bytes(4), 100, 50),
            Bisect(0, 1, b"\x80\0\0\0", 0, 20),
            Bisect(0, 5, b"\x80\0\0\0", 7, 20),
        )
        cells = (await talk.until(Cells, len(first) + 2))[len(first) :]
        whole = pack_cells(sum_cells(keyed.short_ids, 150))
        assert (cells[0].first, cells[0].cells) == (100, whole[12 * 100 :])
        (listed,) = await talk.until(Offers)
        begin = {o.header.offer for o in letters if o.parcel_id[0] >> 3 == 0x80 >> 3}
        assert set(listed.offers) == begin
        await talk.say(Answers(0, (Answer.HAVE,) * len(begin)))
        assert (await talk.until(Cells, len(first) + 3))[-1].first == 7
        heads = [int(number).to_bytes(8)[:5] for number in keyed.short_ids[:4]]
        await talk.say(Lack(0, tuple(heads)))
        await talk.until(Idle)
        frames = await talk.end()
    assert sorted(given(frames)) == sorted(letter.parcel_id for letter in letters[:4])
    assert talk.all(Cursor)
