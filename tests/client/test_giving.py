"""What one session gives: no more than may be open at once, and the rest behind it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from tests.client.made_desk import MadeDesk, today
from tests.client.reporter_runs import parcels, qanat

from qanat_client.reporter.database import connect
from qanat_client.reporter.disk_thread import DiskThread
from qanat_client.reporter.giving import Giving
from qanat_client.reporter.home import Home
from qanat_client.reporter.outbox import Outbox
from qanat_client.reporter.relay_report import RelayReport
from qanat_client.reporter.traffic import Traffic
from qanat_protocol.frames import Ack, AckEntry, AckStatus, Answer, Answers, Block, Offers
from qanat_protocol.limits import MAX_OPEN_TRANSFERS
from qanat_protocol.signing import SigningKey

MORE = MAX_OPEN_TRANSFERS + 6


@pytest.fixture
def giving(home: Path, desk: MadeDesk) -> Iterator[Giving]:
    """A session to a new relay, with more letters than may be open at once."""
    for number in range(MORE):
        assert qanat(home, "send", f"letter {number}", "--no-code").code == 0
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


async def wanted(giving: Giving) -> None:
    """Offer all that is offered, and have the relay want it."""
    for frame in await giving.offers():
        assert isinstance(frame, Offers)
        giving.answers(Answers(frame.first, (Answer.WANT,) * len(frame.offers)))


async def blocks(giving: Giving) -> list[Block]:
    """Everything that goes without another word of the relay."""
    found = []
    while frames := await giving.next():
        assert isinstance(frames[-1], Block)
        found.append(frames[-1])
    return found


async def test_letters_that_wait_for_a_place_keep_the_session_open_and_go_by_age(
    giving: Giving, home: Path
) -> None:
    await wanted(giving)
    first = await blocks(giving)
    assert len(first) == MAX_OPEN_TRANSFERS
    assert giving.waits_for_answers
    giving.acks(Ack(1, tuple(AckEntry(block.handle, AckStatus.STORED, 0) for block in first)))
    assert giving.waits_for_answers is False
    rest = await blocks(giving)
    assert giving.waits_for_answers is False
    assert [block.data for block in first + rest] == [body for _, body in parcels(home)]


async def test_a_letter_that_was_dropped_meanwhile_leaves_no_gap(
    giving: Giving, home: Path
) -> None:
    await wanted(giving)
    assert qanat(home, "outbox", "drop", "1", "--yes").code == 0
    assert [block.handle for block in await blocks(giving)] == list(range(MAX_OPEN_TRANSFERS))
