"""A relay that lies about what it holds in part: the others bring the film in the same pull."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.attackers.peak import measured
from tests.client.desk.lying_relay import LyingRelay, lying_relay
from tests.client.desk.newsroom import Attached, Clock, Made, Newsroom, Writer, frames_of
from tests.client.desk.test_halves import spread
from tests.client.desk.test_pull import Relays, hand_over, pulled

from qanat_protocol.bitmap import Bitmap
from qanat_protocol.frames import Answers, Block, DeskInterest, HeaderFrame, Offers, Partial

GOES_ON = (
    "Whatever it says or leaves unsaid, the other relays of the card go on, and nothing is deleted"
    " on its word."
)
BOUNDED = (
    "However much it sends, neither phone nor desk keeps more in memory than some tens of MiB above"
    " what an honest relay costs, and one that drips is given up."
)
MARGIN_BYTES = 24 << 20
PARCELS = 1_000_000
AT_ONCE = 500

Lie = Callable[[LyingRelay, Made], Awaitable[None]]


async def claim(liar: LyingRelay, film: Made, *indices: int) -> Answers:
    """Say that these blocks are here; what the desk answers."""
    await liar.hear(DeskInterest)
    held = Bitmap.from_indices(indices or range(len(film.blocks)))
    await liar.say(Partial(film.parcel_id, held.to_bytes()), Offers(0, (film.header.offer,)))
    return await liar.hear(Answers)


async def gives_nothing(liar: LyingRelay, film: Made) -> None:
    await claim(liar, film)


async def gives_a_header_alone(liar: LyingRelay, film: Made) -> None:
    await claim(liar, film)
    await liar.say(*frames_of(film, 0, []))


async def gives_others_blocks(liar: LyingRelay, film: Made) -> None:
    await claim(liar, film)
    frames = frames_of(film, 0)
    wrong = [
        replace(frame, data=os.urandom(len(frame.data))) if isinstance(frame, Block) else frame
        for frame in frames
    ]
    await liar.say(*wrong)


async def gives_some_and_breaks_off(liar: LyingRelay, film: Made) -> None:
    await claim(liar, film)
    await liar.say(*frames_of(film, 0, range(4)))
    await asyncio.sleep(0.1)
    await liar.cut()


async def claims_blocks_that_no_such_film_has(liar: LyingRelay, film: Made) -> None:
    await liar.hear(DeskInterest)
    beyond = Bitmap.from_indices(range(len(film.blocks) + 1, len(film.blocks) + 9))
    await liar.say(Partial(film.parcel_id, beyond.to_bytes()), Offers(0, (film.header.offer,)))
    await liar.hear(Answers)
    for handle in range(100):
        await liar.say(HeaderFrame(handle, film.header.encode()))


async def claims_the_same_again_and_again(liar: LyingRelay, film: Made) -> None:
    await liar.hear(DeskInterest)
    held = Bitmap.from_indices(range(len(film.blocks))).to_bytes()
    for number in range(1000):
        await liar.say(Partial(film.parcel_id, held), Offers(number, (film.header.offer,)))


async def calls_a_twin_its_half(liar: LyingRelay, film: Made) -> None:
    await liar.hear(DeskInterest)
    twin = film.parcel_id[:16] + bytes(16)
    await liar.say(Partial(twin, b"\xff" * 8), Offers(0, (film.header.offer,)))
    await liar.hear(Answers)
    await liar.say(*frames_of(film, 0, [0]))


LIES: tuple[Lie, ...] = (
    gives_nothing,
    gives_a_header_alone,
    gives_others_blocks,
    gives_some_and_breaks_off,
    claims_blocks_that_no_such_film_has,
    claims_the_same_again_and_again,
    calls_a_twin_its_half,
)


@pytest.fixture
async def relays(newsroom: Newsroom, tmp_path: Path) -> AsyncIterator[Relays]:
    async with AsyncExitStack() as stack:
        yield Relays(stack, tmp_path, newsroom.clock)


async def desk_with(newsroom: Newsroom, *urls: str) -> Writer:
    named = [part for url in urls for part in ("--relay", url)]
    return Writer(await asyncio.to_thread(newsroom.init, *named), newsroom.clock.today)


@pytest.mark.promise(GOES_ON)
@pytest.mark.parametrize("lie", LIES, ids=lambda lie: lie.__name__)
async def test_a_relay_that_lies_about_its_half_keeps_no_film_from_the_desk(
    newsroom: Newsroom, relays: Relays, lie: Lie
) -> None:
    one, two = await relays.start("one"), await relays.start("two")
    async with lying_relay(newsroom.clock.now_s) as liar:
        writer = await desk_with(newsroom, one.url, two.url, liar.url)
        _, (letter, film) = writer.write("Text.", [Attached("film", os.urandom(600_000))])
        await hand_over(newsroom, [letter])
        count = len(film.blocks)
        await spread(newsroom, film, [range(count // 2), range(count // 2, count)])

        async def script(relay: LyingRelay) -> None:
            await lie(relay, film)

        liar.script = script
        done = await pulled(newsroom)
    assert done.code == 0, done.err
    assert done.value["attachments"] == 1
    honest = done.value["relays"][:2]
    assert [relay["complaint"] for relay in honest] == ["", ""]
    assert sum(relay["size_bytes"] for relay in honest) <= (
        film.header.body_size + letter.header.body_size
    )
    assert newsroom.do("list")["reports"][0]["state"] == "complete"


@pytest.mark.promise(BOUNDED)
async def test_a_relay_that_has_a_million_halves_to_tell_of_is_cut_short(tmp_path: Path) -> None:
    newsroom = Newsroom(tmp_path / "desk", Clock(time.time()))
    async with lying_relay(newsroom.clock.now_s) as liar:
        await desk_with(newsroom, liar.url)
        secret = tmp_path / "desk.passphrase"
        pull = (
            "qanat-desk",
            "--json",
            "--home",
            newsroom.home,
            "--passphrase-file",
            secret,
            "pull",
        )
        usual = await measured(*pull)

        async def script(relay: LyingRelay) -> None:
            await relay.hear(DeskInterest)
            for number in range(0, PARCELS, AT_ONCE):
                ids = [os.urandom(32) for _ in range(AT_ONCE)]
                offers = tuple(each[:16] for each in ids)
                await relay.say(
                    *(Partial(each, b"\xff" * 9) for each in ids), Offers(number, offers)
                )

        liar.script = script
        done = await measured(*pull)
        relay: dict[str, Any] = done.json["relays"][0]
        assert "PARTIAL frames of more than 1,048,576 bytes" in relay["complaint"]
    assert done.peak_bytes - usual.peak_bytes < MARGIN_BYTES
    desk = newsroom.open()
    # Nothing of it is remembered: no cursor stands behind a half.
    for table in ("skipped", "parcels"):
        assert desk.vault.value(f"SELECT count(*) FROM {table}") == 0  # noqa: S608
    desk.vault.close()
