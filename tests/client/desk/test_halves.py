"""One film from several relays, none of which ever had the whole: each block once, and then all is
as if one relay had brought it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence

from tests.client.desk.newsroom import Attached, Made, Newsroom, frames_of
from tests.client.desk.test_pull import (
    Relays,
    desk_on,
    entry_of,
    hand_over,
    pull_well,
    pulled,
    relays,
)
from tests.relay.running_relay import Running

from qanat_client.carriers.conversation import Conversation, Roads, converse
from qanat_client.carriers.settings import CarrierSettings
from qanat_protocol.card import RelayEntry
from qanat_protocol.frames import Ack, AckEntry, AckStatus
from qanat_protocol.limits import BLOCK_BYTES
from qanat_relay.store.interface import State

__all__ = ["relays"]

FILM_BYTES = 9_000_000
"""Two pages of leaves."""


def film(size_bytes: int = FILM_BYTES) -> Attached:
    return Attached("film.mp4", os.urandom(size_bytes), "video/mp4")


async def hand_over_some(
    newsroom: Newsroom, made: Made, indices: Iterable[int], number: int
) -> AckEntry:
    """Hand some blocks of a parcel to a relay, as a reporter does who spreads it over several."""
    entry: RelayEntry = entry_of(newsroom, number)

    async def talk(conversation: Conversation) -> AckEntry:
        await conversation.open()
        await conversation.send(*frames_of(made, 0, list(indices)))
        await conversation.end()
        told = [frame async for frame in conversation.frames() if isinstance(frame, Ack)]
        return told[-1].entries[-1]

    return await converse(entry, talk, settings=CarrierSettings(), roads=Roads())


async def spread(newsroom: Newsroom, made: Made, shares: Sequence[Iterable[int]]) -> None:
    """Hand each relay its share."""
    for number, share in enumerate(shares):
        indices = list(share)
        said = await hand_over_some(newsroom, made, indices, number)
        assert (said.status, said.value) == (AckStatus.PARTIAL, len(indices))


def thirds(made: Made) -> list[range]:
    """Every third block, so that each relay has some of every page."""
    return [range(first, len(made.blocks), 3) for first in range(3)]


async def three(newsroom: Newsroom, relays: Relays) -> list[Running]:
    return [await relays.start(name) for name in ("one", "two", "three")]


def taken(value: dict[str, list[dict[str, int]]]) -> list[int]:
    return [relay["size_bytes"] for relay in value["relays"]]


async def state_at(relay: Running, made: Made) -> State | None:
    (holding,) = await relay.store.look_up([made.header.offer])
    return None if holding is None else holding.state


async def test_a_film_of_which_three_relays_have_a_third_each_arrives_in_one_pull(
    newsroom: Newsroom, relays: Relays
) -> None:
    running = await three(newsroom, relays)
    writer = await desk_on(newsroom, *running)
    identity, (letter, whole_film) = writer.write("Text.", [film(60_000_000)])
    await hand_over(newsroom, [letter])
    await spread(newsroom, whole_film, thirds(whole_film))
    value = await pull_well(newsroom)
    assert (value["reports"], value["attachments"], value["set_aside"]) == (1, 1, 0)
    size_bytes = whole_film.header.body_size
    letters = letter.header.body_size
    # Not one block twice.
    assert sum(taken(value)) == size_bytes + letters
    # Each relay bore a third of it.
    assert all(abs(each - size_bytes / 3) < 0.01 * size_bytes for each in taken(value))
    (report,) = newsroom.do("list")["reports"]
    assert (report["id"], report["state"]) == (identity.hex(), "complete")


async def test_a_film_arrives_over_three_relays_each_up_at_another_time(
    newsroom: Newsroom, relays: Relays
) -> None:
    running = await three(newsroom, relays)
    writer = await desk_on(newsroom, *running)
    identity, (letter, whole_film) = writer.write("Text.", [film()])
    await hand_over(newsroom, [letter], 1)
    # Neighbours overlap: a reporter who was cut does not know what the last window brought.
    count = len(whole_film.blocks)
    shares = [range(200), range(150, 520), range(500, count)]
    await spread(newsroom, whole_film, shares)
    travelled = 0
    for number, relay in enumerate(running):
        done = await pulled(newsroom, "--relay", relay.url)
        assert done.code == 0, done.err
        travelled += sum(taken(done.value))
        assert done.value["attachments"] == (number == 2)
    body_bytes = whole_film.header.body_size
    assert travelled == body_bytes + letter.header.body_size
    (report,) = newsroom.do("list")["reports"]
    assert (report["id"], report["state"]) == (identity.hex(), "complete")
    folder = newsroom.home.parent / "out"
    newsroom.do("export", "-o", str(folder))
    (exported,) = folder.rglob("film*.mp4")
    assert exported.stat().st_size == FILM_BYTES


async def test_what_several_relays_have_is_asked_of_one(newsroom: Newsroom, relays: Relays) -> None:
    running = await three(newsroom, relays)
    writer = await desk_on(newsroom, *running)
    _, (letter, whole_film) = writer.write("Text.", [film()])
    await hand_over(newsroom, [letter])
    count = len(whole_film.blocks)
    # Two thirds each: every block is at two relays.
    shares = [[i for i in range(count) if i % 3 != lacks] for lacks in range(3)]
    await spread(newsroom, whole_film, shares)
    value = await pull_well(newsroom)
    assert value["attachments"] == 1
    body_bytes = whole_film.header.body_size
    assert sum(taken(value)) == body_bytes + letter.header.body_size
    # None of them never had the whole: nothing travels again, and all hear that it was opened.
    value = await pull_well(newsroom)
    assert sum(taken(value)) == 0
    newsroom.do("set", "purge-after-days", "0")
    await pull_well(newsroom)
    for relay in running:
        assert await state_at(relay, whole_film) is State.PURGED
        assert (await relay.store.stats()).partial_bytes == 0


async def test_a_half_and_a_whole_are_not_fetched_twice(newsroom: Newsroom, relays: Relays) -> None:
    running = await three(newsroom, relays)
    writer = await desk_on(newsroom, *running)
    _, (letter, whole_film) = writer.write("Text.", [film()])
    await spread(newsroom, whole_film, [range(400)])
    await hand_over(newsroom, [letter, whole_film], 1)
    await hand_over(newsroom, [whole_film], 2)
    value = await pull_well(newsroom)
    assert value["attachments"] == 1
    assert sum(taken(value)) == whole_film.header.body_size + letter.header.body_size


async def test_a_half_grows_at_the_relay_from_pull_to_pull(
    newsroom: Newsroom, relays: Relays
) -> None:
    (one,) = [await relays.start("one")]
    writer = await desk_on(newsroom, one)
    _, (letter, whole_film) = writer.write("Text.", [film()])
    await hand_over(newsroom, [letter])
    count, travelled = len(whole_film.blocks), 0
    for share in (range(100), range(100, 530)):
        await hand_over_some(newsroom, whole_film, share, 0)
        travelled += sum(taken(await pull_well(newsroom)))
        assert await state_at(one, whole_film) is State.PARTIAL
    said = await hand_over_some(newsroom, whole_film, range(530, count), 0)
    assert said.status is AckStatus.STORED
    value = await pull_well(newsroom)
    assert value["attachments"] == 1
    travelled += sum(taken(value))
    assert travelled == whole_film.header.body_size + letter.header.body_size


async def test_a_letter_in_part_is_told_too(newsroom: Newsroom, relays: Relays) -> None:
    one, two = await relays.start("one"), await relays.start("two")
    writer = await desk_on(newsroom, one, two)
    identity, (letter,) = writer.write(os.urandom(60_000).hex()[:60_000])
    assert len(letter.blocks) > 2
    await spread(newsroom, letter, [[0, 1], range(2, len(letter.blocks))])
    value = await pull_well(newsroom)
    assert value["reports"] == 1
    assert newsroom.do("list")["reports"][0]["id"] == identity.hex()
    assert sum(taken(value)) == letter.header.body_size < 10 * BLOCK_BYTES


async def test_a_body_that_the_disk_damaged_is_asked_of_all_who_had_some_of_it(
    newsroom: Newsroom, relays: Relays
) -> None:
    running = await three(newsroom, relays)
    writer = await desk_on(newsroom, *running)
    _, (letter, whole_film) = writer.write("Text.", [film()])
    await spread(newsroom, whole_film, thirds(whole_film))
    await pull_well(newsroom)
    body = newsroom.home / "parcels" / whole_film.header.parcel_id.hex()
    with body.open("r+b") as file:
        file.write(bytes(1000))
    await hand_over(newsroom, [letter])
    done = await pulled(newsroom)
    assert done.value["damaged"] == 1
    value = done.value if done.value["attachments"] else await pull_well(newsroom)
    assert value["attachments"] == 1
