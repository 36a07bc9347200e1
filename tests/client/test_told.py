"""What desks opened is told once: a relay is asked for what came since it told all."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from tests.client.made_desk import MadeDesk, today, write_card
from tests.client.reporter_runs import parcels, qanat
from tests.client.tap import Tap
from tests.cuts.line import Line
from tests.relay.made_parcels import Made, make
from tests.relay.running_relay import Running, running_relay

from qanat_client.carriers.conversation import Roads
from qanat_client.carriers.settings import CarrierSettings
from qanat_client.reporter.database import connect
from qanat_client.reporter.home import Home
from qanat_client.reporter.openings import Openings
from qanat_client.reporter.relay_report import RelayReport
from qanat_client.reporter.rounds import sync_round
from qanat_client.reporter.stamper import Stamper
from qanat_client.terminal import Terminal
from qanat_protocol.card import RelayEntry
from qanat_protocol.frames import OpenedInterest
from qanat_protocol.signing import SigningKey
from qanat_protocol.tombstone import opened_value, sign_opened
from qanat_relay.store.interface import MarkOpened

OTHERS = 40
"""Parcels of others that the desk opened."""


@dataclass
class Place:
    """A reporter's home and the relay that it syncs with."""

    home: Path
    desk: MadeDesk
    relay: Running
    heard: list[int] = field(default_factory=list)
    """How many OPENED came, by round."""

    async def sync(self, line: Line | None = None) -> tuple[RelayReport, list[int]]:
        """A round, and since when it was asked for openings."""
        tap = Tap(line or Line(self.relay.node), self.relay.keys.sealing)
        self.heard.append(0)
        (report,) = await sync_round(
            Home(self.home),
            relays=[],
            carrier=CarrierSettings(),
            mailboxes=(),
            roads=Roads(open_link=tap.open_link),
            terminal=Terminal(),
            stamper=Stamper(Home(self.home), 0),
        )
        said = [frame for frames in tap.said for frame in frames]
        return report, [frame.since for frame in said if isinstance(frame, OpenedInterest)]

    async def open(self, key: SigningKey | None = None) -> None:
        """The desk opens the first report, and the relay hears of it; signed with this key."""
        header, body = parcels(self.home)[0]
        letter, _ = self.desk.open(header, body)
        frame = sign_opened(
            key or self.desk.signing, header.parcel_id, opened_value(letter.content_key)
        )
        await self.relay.store.write([MarkOpened(frame)], today=today())

    def told(self) -> list[tuple[Any, ...]]:
        with closing(connect(Home(self.home))) as connection:
            return connection.execute("SELECT desk, day FROM told").fetchall()


@pytest.fixture
async def place(
    tmp_path: Path, desk: MadeDesk, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Place]:
    async with running_relay(tmp_path / "relay", clock=lambda: today() * 86_400.0) as relay:
        others = [make(number, expiry_day=today() + 30) for number in range(OTHERS)]
        for day, half in ((today() - 9, others[: OTHERS // 2]), (today(), others[OTHERS // 2 :])):
            await relay.store.write([each.put() for each in half], today=day)
            await relay.store.write([each.opened() for each in half], today=day)
        home = tmp_path / "home"
        entry = RelayEntry((relay.url,), relay.keys.signing.public, relay.keys.sealing.public)
        card = write_card(desk.card(relays=[entry]), tmp_path)
        assert qanat(home, "desk", "add", card, "--yes").code == 0
        made = Place(home, desk, relay)

        def heard(openings: Openings, parcel_id: bytes) -> bool:
            made.heard[-1] += 1
            return count(openings, parcel_id)

        count = Openings.heard
        monkeypatch.setattr(Openings, "heard", heard)
        yield made


async def test_what_was_opened_is_told_once_and_then_only_what_came_since(place: Place) -> None:
    assert qanat(place.home, "send", "The first.", "--no-code").code == 0
    report, since = await place.sync()
    assert (report.taken, since) == (1, [0])
    assert place.told() == [(place.desk.desk_id, today())]
    _, since = await place.sync()
    assert since == [today() - 2]
    assert place.heard == [OTHERS, OTHERS // 2]
    # A new report goes by the same day: nobody can have opened it before it was written.
    assert qanat(place.home, "send", "The second.", "--no-code").code == 0
    _, since = await place.sync()
    assert since == [today() - 2]
    await place.open()
    report, _ = await place.sync()
    assert report.opened == 1


async def test_a_parcel_that_came_by_another_way_is_asked_about_too(place: Place) -> None:
    assert qanat(place.home, "send", "By courier.", "--no-code").code == 0
    header, body = parcels(place.home)[0]
    handed = Made(header, body, bytes(32))
    await place.relay.store.write([handed.put()], today=today() - 5)
    await place.open()
    report, since = await place.sync()
    assert (report.opened, since) == (1, [0])


async def test_of_a_session_that_was_cut_nothing_is_kept_before_the_relay_has_told_all(
    place: Place,
) -> None:
    assert qanat(place.home, "send", "A report.", "--no-code").code == 0
    whole = Line(place.relay.node)
    await place.sync(whole)
    assert place.told() != []
    for back_bytes in range(0, whole.back.carried_bytes, 500):
        with closing(connect(Home(place.home))) as connection:
            connection.execute("DELETE FROM told")
        await place.sync(Line(place.relay.node, back_bytes=back_bytes))
        assert place.told() == [] or place.heard[-1] == OTHERS


async def test_an_opening_that_is_not_believed_yet_is_asked_for_again(place: Place) -> None:
    assert qanat(place.home, "send", "A report.", "--no-code").code == 0
    await place.sync()
    yesterday = place.desk.desk_id, today() - 1
    with closing(connect(Home(place.home))) as connection:
        connection.execute("UPDATE told SET day = ?", (yesterday[1],))
    await place.open(SigningKey.generate())
    report, since = await place.sync()
    assert (report.opened, since) == (0, [today() - 3])
    assert any("untrue" in line for line in report.lines())
    # Once the desk's newer word on its keys is here it may be true.
    assert place.told() == [yesterday]
    await place.open()
    report, since = await place.sync()
    assert (report.opened, since) == (1, [today() - 3])


async def test_until_when_a_relay_told_is_forgotten_with_the_last_that_waits(place: Place) -> None:
    assert qanat(place.home, "send", "The first.", "--no-code").code == 0
    assert qanat(place.home, "send", "The second.", "--no-code").code == 0
    await place.sync()
    await place.open()
    assert (await place.sync())[0].opened == 1
    assert place.told() != []
    assert qanat(place.home, "outbox", "drop", "2", "--yes").code == 0
    assert place.told() == []
    # Nor does it come back where nothing waits.
    assert (await place.sync())[1] == []
    assert place.told() == []
