"""What one session gives: no more than may be open at once, and the rest behind it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from tests.client.made_desk import MadeDesk, today
from tests.client.reporter_runs import attaching, parcels, qanat

from qanat_client.reporter.database import connect
from qanat_client.reporter.disk_thread import DiskThread
from qanat_client.reporter.giving import Giving
from qanat_client.reporter.home import Home
from qanat_client.reporter.lane import Lane
from qanat_client.reporter.outbox import Outbox
from qanat_client.reporter.relay_report import RelayReport
from qanat_client.reporter.stamper import Stamper
from qanat_client.reporter.traffic import Traffic
from qanat_protocol.frames import (
    Ack,
    AckEntry,
    AckStatus,
    Answer,
    Answers,
    Block,
    HeaderFrame,
    Offers,
)
from qanat_protocol.limits import MAX_OPEN_TRANSFERS, PAGE_LEAVES
from qanat_protocol.merkle import block_count
from qanat_protocol.parcel import parse_header
from qanat_protocol.signing import SigningKey

MORE = MAX_OPEN_TRANSFERS + 6


@contextmanager
def session(home: Path, desk: MadeDesk) -> Iterator[Giving]:
    """A session to a new relay."""
    place, disk = Home(home), DiskThread()
    with closing(connect(place)) as connection:
        yield Giving(
            SigningKey.generate().public,
            outbox=Outbox(place, connection),
            disk=disk,
            traffic=Traffic(today(), 2),
            report=RelayReport("http://relay", ""),
            desks=frozenset([desk.desk_id]),
            stamper=Stamper(place, 0),
        )
        disk.close()


@pytest.fixture
def giving(home: Path, desk: MadeDesk) -> Iterator[Giving]:
    """A session to a new relay, with more letters than may be open at once."""
    for number in range(MORE):
        assert qanat(home, "send", f"letter {number}", "--no-code").code == 0
    with session(home, desk) as giving:
        yield giving


@pytest.fixture
def film(home: Path, desk: MadeDesk, tmp_path: Path) -> Iterator[Giving]:
    """A session to a new relay, with one film of two pages whose letter has gone."""
    (tmp_path / "film.mp4").write_bytes(bytes(9 << 20))
    assert qanat(home, "send", "see", "--no-code", *attaching(tmp_path / "film.mp4")).code == 0
    with session(home, desk) as giving:
        yield giving


async def wanted(giving: Giving) -> None:
    """Offer all that is offered, and have the relay want it."""
    for frame in await giving.offers():
        assert isinstance(frame, Offers)
        giving.answers(Answers(frame.first, (Answer.WANT,) * len(frame.offers)))


async def blocks(lane: Lane) -> list[Block]:
    """Everything that goes without another word of the relay."""
    found = []
    while frames := await lane.next():
        assert isinstance(frames[-1], Block)
        found.append(frames[-1])
    return found


async def test_letters_that_wait_for_a_place_keep_the_session_open_and_go_by_age(
    giving: Giving, home: Path
) -> None:
    lane = Lane(giving)
    await wanted(giving)
    first = await blocks(lane)
    assert len(first) == MAX_OPEN_TRANSFERS
    assert giving.waits(lane)
    lane.acks(Ack(1, tuple(AckEntry(block.handle, AckStatus.STORED, 0) for block in first)))
    assert giving.waits(lane) is False
    rest = await blocks(lane)
    assert giving.waits(lane) is False
    assert [block.data for block in first + rest] == [body for _, body in parcels(home)]


async def test_a_letter_that_was_dropped_meanwhile_leaves_no_gap(
    giving: Giving, home: Path
) -> None:
    await wanted(giving)
    assert qanat(home, "outbox", "drop", "1", "--yes").code == 0
    assert [block.handle for block in await blocks(Lane(giving))] == list(range(MAX_OPEN_TRANSFERS))


async def test_a_block_goes_by_one_connection_alone_and_by_another_when_that_one_breaks(
    film: Giving, home: Path
) -> None:
    _, (header, _) = parcels(home)
    one, two = Lane(film), Lane(film)
    await wanted(film)
    assert len(await one.next()) == 2, "the letter"
    by_one: list[int] = []
    by_two: list[int] = []
    for _ in range(20):
        by_one += [frame.index for frame in await one.next() if isinstance(frame, Block)]
        by_two += [frame.index for frame in await two.next() if isinstance(frame, Block)]
    # Each tells the list of a page of its own, and no page is told twice while others are left.
    assert by_one == list(range(20))
    assert by_two == list(range(PAGE_LEAVES, PAGE_LEAVES + 20))
    # The relay says that it has the first five of what the second one carried, then that breaks.
    two.acks(Ack(1, (AckEntry(0, AckStatus.PARTIAL, 5),)))
    two.over()
    rest = [block.index for block in await blocks(one)]
    assert [index for index in rest if index in by_two] == by_two[5:]
    assert sorted(by_one + by_two[:5] + rest) == list(range(block_count(header.body_size)))


async def test_the_other_connections_carry_what_is_small_before_a_film_too(
    home: Path, desk: MadeDesk, tmp_path: Path
) -> None:
    for name, size_bytes in (("film.mp4", 3 << 20), ("notes.pdf", 100_000)):
        (tmp_path / name).write_bytes(bytes(size_bytes))
        assert qanat(home, "send", name, "--no-code", *attaching(tmp_path / name)).code == 0
    with session(home, desk) as giving:
        lanes = [Lane(giving) for _ in range(3)]
        await wanted(giving)
        bodies: list[int] = []
        for turn in range(12):
            for frame in await lanes[turn % 3].next():
                if isinstance(frame, HeaderFrame):
                    bodies.append(parse_header(frame.header).body_size)
    # Two letters, seven blocks by three connections, and only then the film.
    assert [size for size in bodies if size < 3 << 20] == bodies[:5]
    assert len(bodies) == 8


async def test_what_a_relay_confirmed_of_a_film_is_left_out_for_others_until_each_block_went_once(
    film: Giving, home: Path, desk: MadeDesk
) -> None:
    _, (header, _) = parcels(home)
    lane = Lane(film)
    await wanted(film)
    await lane.next()
    sent: list[int] = []
    for _ in range(30):
        sent += [frame.index for frame in await lane.next() if isinstance(frame, Block)]
    words = lane.acks(Ack(1, (AckEntry(1, AckStatus.PARTIAL, 20),)))
    with closing(connect(Home(home))) as connection:
        Outbox(Home(home), connection).note(film.relay, today(), words)
    lane.over()
    film.over()
    total = block_count(header.body_size)
    with session(home, desk) as other:
        await wanted(other)
        lane = Lane(other)
        (_, *later) = [block.index for block in await blocks(lane)]
        # Last, and the last of it first, what may have been on its way when the line was cut.
        doubted = [*sent[20:], *range(len(sent), len(sent) + 16)]
        never = [index for index in range(total) if index not in sent and index not in doubted]
        assert later == never + doubted[::-1]
        # The second copy waits for the word that the first ones are there, and the session for it.
        assert other.waits(lane)
        # A transfer's pages go in their order, so what belongs to one that has passed is another.
        lane.acks(Ack(1, (AckEntry(1, AckStatus.PARTIAL, len(never)),)))
        lane.acks(Ack(2, (AckEntry(2, AckStatus.PARTIAL, len(doubted) - 1),)))
        assert await lane.next() == []
        lane.acks(Ack(3, (AckEntry(2, AckStatus.PARTIAL, len(doubted)),)))
        assert [block.index for block in await blocks(lane)] == sent[:20]
        assert not other.waits(lane)
