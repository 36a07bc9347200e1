"""Somebody who floods a relay: what was acknowledged stays, and honest letters go on."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.attackers.peak import resident_peak_bytes
from tests.client.made_desk import today
from tests.client.relay_process import RelayProcess
from tests.relay.made_parcels import (
    EDITOR,
    LONG_LETTER_BYTES,
    ORIGINAL_BYTES,
    Made,
    make,
    part,
)
from tests.relay.running_relay import Place, Running, running_relay, talking, transfer

from qanat_protocol.frames import AckStatus, Frame, HeaderFrame, Opened, Purge
from qanat_protocol.tombstone import sign_opened
from qanat_protocol.verdicts import Verdict

STAYS = (
    "A flood costs the flooder: no letter that was acknowledged goes, and parts make way for"
    " letters."
)
NOTHING = (
    "What has no body, fits no lock or never becomes a session leaves nothing on a relay's disk"
    " and little in its memory."
)
GROWTH_BYTES = 24 << 20


@pytest.fixture
async def small(tmp_path: Path) -> AsyncIterator[Running]:
    """A relay with room for a few parts, half of it for what is not whole."""
    async with running_relay(
        tmp_path / "relay",
        capacity_bytes=3 << 20,
        partial_bytes=1 << 20,
        largest_body_bytes=1 << 19,
        # Else it would never be full: what it does then is looked at here.
        stamps=False,
        tag_share=1000,
    ) as relay:
        yield relay


@pytest.fixture
def process(tmp_path: Path) -> Iterator[RelayProcess]:
    relay = RelayProcess(tmp_path / "relay")
    yield relay
    relay.stop()


def place_of(relay: RelayProcess) -> Place:
    return Place(relay.url, relay.card.sealing_key)


def alive(made: Made) -> Made:
    """The same for a relay whose clock is the machine's."""
    return replace(made, header=replace(made.header, expiry_day=today() + 60))


def peak_of(relay: RelayProcess) -> int:
    assert relay._process is not None
    return resident_peak_bytes(relay._process.pid)


async def handed_over(relay: Place, *parcels: Made) -> list[tuple[AckStatus, int]]:
    """What becomes of parcels that somebody hands in."""
    async with talking(relay, "exchange") as talk:
        for handle, made in enumerate(parcels):
            await talk.say(*transfer(made, handle))
        found = await talk.statuses(len(parcels))
        await talk.end()
    return [(found[handle].status, found[handle].value) for handle in range(len(parcels))]


STORED = (AckStatus.STORED, 0)


@pytest.mark.promise(NOTHING)
async def test_headers_without_bodies_are_forgotten_with_their_session(small: Running) -> None:
    for round_ in range(5):
        async with talking(small, "exchange") as talk:
            headers: list[Frame] = []
            for handle in range(64):
                headers.append(HeaderFrame(handle, part(64 * round_ + handle).header.encode()))
            await talk.say(*headers)
            await talk.end()
    stats = await small.store.stats()
    assert (stats.parts, stats.partial, stats.partial_bytes) == (0, 0, 0)
    assert await handed_over(small, make(1)) == [STORED]


@pytest.mark.promise(STAYS)
async def test_bodies_that_are_half_there_fill_their_own_quota_and_make_way_for_a_letter(
    small: Running,
) -> None:
    acknowledged = make(1)
    assert await handed_over(small, acknowledged) == [STORED]
    refused = 0
    for round_ in range(3):
        async with talking(small, "exchange") as talk:
            for handle in range(40):
                await talk.say(*transfer(part(40 * round_ + handle), handle, 0, 1))
            await talk.end()
            refused += sum(
                entry.value == Verdict.REFUSED_QUOTA
                for ack in talk.heard
                for entry in getattr(ack, "entries", ())
            )
    assert refused > 0
    assert (await small.store.stats()).partial_bytes <= 1 << 20
    letter = make(2, size_bytes=LONG_LETTER_BYTES, tag=os.urandom(16))
    assert await handed_over(small, letter) == [STORED]
    held = await small.store.look_up([made.header.offer for made in (acknowledged, letter)])
    assert [found is not None and found.state.value for found in held] == ["held", "held"]


@pytest.mark.promise(STAYS)
async def test_a_relay_full_of_parts_takes_an_urgent_letter_for_another_desk(
    small: Running,
) -> None:
    first = make(1)
    assert await handed_over(small, first) == [STORED]
    answers = []
    for number in range(24):
        answers += await handed_over(small, part(number, ORIGINAL_BYTES))
    assert (AckStatus.REFUSED, Verdict.REFUSED_FULL) in answers
    assert await handed_over(small, make(2, tag=os.urandom(16), urgent=True)) == [STORED]
    assert await handed_over(small, first) == [(AckStatus.HAVE, 0)]


@pytest.mark.promise(STAYS)
async def test_letters_until_a_relay_is_full_push_out_none_that_was_acknowledged(
    small: Running,
) -> None:
    taken: list[Made] = []
    for number in range(1000):
        made = make(number, size_bytes=LONG_LETTER_BYTES)
        (answer,) = await handed_over(small, made)
        if answer != STORED:
            assert answer == (AckStatus.REFUSED, Verdict.REFUSED_FULL)
            break
        taken.append(made)
    assert 10 < len(taken) < 1000
    # As the threat model says: this relay is full for everybody, and the others are not.
    assert await handed_over(
        small, make(2000, tag=os.urandom(16), size_bytes=LONG_LETTER_BYTES)
    ) == [(AckStatus.REFUSED, Verdict.REFUSED_FULL)]
    held = await small.store.look_up([made.header.offer for made in taken])
    assert all(found is not None and found.state.value == "held" for found in held)


@pytest.mark.promise(NOTHING)
async def test_tombstones_that_match_nothing_leave_nothing(process: RelayProcess) -> None:
    relay = place_of(process)
    letter = alive(make(1))
    assert await handed_over(relay, letter) == [STORED]
    database = process.data / "store"
    before_bytes = sum(path.stat().st_size for path in database.iterdir())
    before_peak = peak_of(process)
    async with talking(relay, "exchange") as talk:
        for _ in range(10):
            await talk.say(*(Purge(os.urandom(32), os.urandom(32)) for _ in range(1000)))
            await talk.say(*(Purge(letter.parcel_id, os.urandom(32)) for _ in range(100)))
        await talk.say(
            *(sign_opened(EDITOR, letter.parcel_id, os.urandom(32)) for _ in range(200)),
            *(Opened(os.urandom(32), bytes(32), bytes(32), bytes(65)) for _ in range(200)),
        )
        await talk.end()
    grown = sum(path.stat().st_size for path in database.iterdir()) - before_bytes
    assert grown < 1 << 20
    assert peak_of(process) - before_peak < GROWTH_BYTES
    # The letter is still there, and a true key still purges it.
    assert await handed_over(relay, letter) == [(AckStatus.HAVE, 0)]
    async with talking(relay, "exchange") as talk:
        await talk.say(letter.purge_frame())
        await talk.end()
    assert await handed_over(relay, letter) == [(AckStatus.TOMBSTONED, 0)]


@pytest.mark.promise(NOTHING)
async def test_five_hundred_connections_that_drip_keep_no_letter_out(
    process: RelayProcess,
) -> None:
    relay = place_of(process)
    assert await handed_over(relay, alive(make(1))) == [STORED]
    before = peak_of(process)
    host, port = relay.url.removeprefix("http://").split(":")
    lines = [await asyncio.open_connection(host, int(port)) for _ in range(500)]
    try:
        for piece in (b"P", b"OST /v1/exch", b"ange HTTP/1.1\r\nHost: "):
            for _, writer in lines:
                writer.write(piece)
            await asyncio.sleep(0.01)
        assert await handed_over(relay, alive(make(2))) == [STORED]
    finally:
        for _, writer in lines:
            writer.close()
    assert peak_of(process) - before < GROWTH_BYTES
