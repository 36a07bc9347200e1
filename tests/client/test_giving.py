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
from qanat_client.reporter.traffic import Traffic
from qanat_protocol.frames import Ack, AckEntry, AckStatus, Answer, Answers, Block, Offers
from qanat_protocol.limits import MAX_OPEN_TRANSFERS
from qanat_protocol.merkle import block_count
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
    assert sorted(by_one + by_two) == list(range(40))
    # The relay says that it has the first five of what the second one carried, then that breaks.
    two.acks(Ack(1, (AckEntry(0, AckStatus.PARTIAL, 5),)))
    two.over()
    rest = [block.index for block in await blocks(one)]
    assert rest[:15] == by_two[5:]
    assert sorted(by_one + by_two[:5] + rest) == list(range(block_count(header.body_size)))


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
    with session(home, desk) as other:
        await wanted(other)
        (_, *later) = [block.index for block in await blocks(Lane(other))]
    total = block_count(header.body_size)
    assert later[: total - 20] == [index for index in range(total) if index not in sent[:20]]
    assert later[total - 20 :] == sent[:20], "the second copy"
