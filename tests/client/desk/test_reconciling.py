"""A desk and a relay that find out what either lacks, on real relays: exactly that comes."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections import Counter
from pathlib import Path

import pytest
from tests.client.desk.newsroom import Attached, Made, Newsroom, Writer
from tests.client.desk.test_pull import Relays, desk_on, hand_over, pull_well, pulled, relays
from tests.relay.running_relay import running_relay

from qanat_client.carriers.conversation import Conversation
from qanat_client.desk.exchange import Exchange
from qanat_client.desk.vault import VAULT_NAME
from qanat_protocol.frame_codec import encode_frame
from qanat_protocol.frames import Bisect, Cells, DeskInterest, Frame, HeaderFrame, Lack, Sketch
from qanat_protocol.parcel import parse_header
from qanat_protocol.runs import Run
from qanat_relay.cli import main

__all__ = ["relays"]


class Heard:
    """What desks said and heard in the sessions since `forget`."""

    def __init__(self) -> None:
        self.frames: list[Frame] = []

    def forget(self) -> None:
        self.frames.clear()

    @property
    def given(self) -> Counter[bytes]:
        """Parcel ids, and how often a relay gave each."""
        headers = [frame.header for frame in self.frames if isinstance(frame, HeaderFrame)]
        return Counter(parse_header(header).parcel_id for header in headers)

    def of(self, *kinds: type[Frame]) -> list[Frame]:
        return [frame for frame in self.frames if isinstance(frame, kinds)]

    @property
    def bytes_of_reconciliation(self) -> int:
        frames = self.of(Sketch, Cells, Bisect, Lack)
        estimates = [f.estimate or b"" for f in self.frames if isinstance(f, DeskInterest)]
        return sum(2 + len(encode_frame(frame)) for frame in frames) + sum(map(len, estimates))


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> Heard:
    kept = Heard()
    hear, send = Exchange._hear, Conversation.send

    async def hear_too(self: Exchange, conversation: Conversation, frame: Frame) -> None:
        kept.frames.append(frame)
        await hear(self, conversation, frame)

    async def send_too(self: Conversation, *frames: Frame | Run) -> None:
        # What a desk hands in is nothing that it was given.
        kept.frames += [frame for frame in frames if not isinstance(frame, Run | HeaderFrame)]
        await send(self, *frames)

    monkeypatch.setattr(Exchange, "_hear", hear_too)
    monkeypatch.setattr(Conversation, "send", send_too)
    return kept


def some(writer: Writer, count: int) -> list[Made]:
    return [writer.write(f"Report {os.urandom(4).hex()}")[1][0] for _ in range(count)]


async def test_of_a_relay_restored_from_a_backup_exactly_what_is_missing_comes(
    newsroom: Newsroom, tmp_path: Path, heard: Heard
) -> None:
    async with running_relay(tmp_path / "relay", clock=newsroom.clock) as relay:
        writer = await desk_on(newsroom, relay)
        await hand_over(newsroom, some(writer, 60))
        await pull_well(newsroom)
        backup = str(tmp_path / "relay.backup")
        data = str(tmp_path / "relay")
        assert main(["backup", backup, "--with-keys", "--data", data]) == 0
        lost = some(writer, 5)
        await hand_over(newsroom, lost)
        assert (await pull_well(newsroom))["reports"] == 5
        listen = relay.url.removeprefix("http://")
    shutil.rmtree(tmp_path / "relay")
    assert main(["restore", backup, "--data", data]) == 0
    async with running_relay(tmp_path / "relay", clock=newsroom.clock, listen=(listen,)) as relay:
        new = some(writer, 7)
        await hand_over(newsroom, new)
        heard.forget()
        assert (await pull_well(newsroom))["reports"] == 7
        assert heard.given == Counter(made.parcel_id for made in new)
        # It knows nothing of what it was told since the backup, and is told again.
        assert (await relay.store.stats()).opened == 67
        heard.forget()
        assert (await pull_well(newsroom))["reports"] == 0
        assert not heard.given
        assert not heard.of(Sketch)


async def test_a_set_that_differs_behind_a_good_cursor_is_found_within_a_day_and_healed(
    newsroom: Newsroom, relays: Relays, heard: Heard
) -> None:
    relay = await relays.start("first")
    writer = await desk_on(newsroom, relay)
    await hand_over(newsroom, some(writer, 40))
    await pull_well(newsroom)
    vault = newsroom.home / VAULT_NAME
    before = await asyncio.to_thread(vault.read_bytes)
    _, lost = writer.write("With a film.", [Attached("film", os.urandom(300_000))])
    await hand_over(newsroom, lost)
    assert (await pull_well(newsroom))["reports"] == 1
    desk = newsroom.open()
    (cursor,) = desk.vault.rows("SELECT cursor FROM cursors")[0]
    desk.vault.close()
    # A vault from a backup, whose cursor is from after it.
    await asyncio.to_thread(vault.write_bytes, before)
    desk = newsroom.open()
    desk.vault.run("UPDATE cursors SET cursor = ?", cursor)
    desk.vault.close()
    heard.forget()
    assert (await pull_well(newsroom))["reports"] == 0
    newsroom.clock.pass_days(1)
    done = await pull_well(newsroom)
    assert (done["reports"], done["attachments"]) == (1, 1)
    assert heard.given == Counter(made.parcel_id for made in lost)


async def test_equal_sets_are_compared_once_a_day_in_less_than_a_kilobyte(
    newsroom: Newsroom, relays: Relays, heard: Heard
) -> None:
    relay = await relays.start("first")
    writer = await desk_on(newsroom, relay)
    await hand_over(newsroom, some(writer, 30))
    await pull_well(newsroom)
    newsroom.clock.pass_days(1)
    await hand_over(newsroom, some(writer, 10))
    heard.forget()
    assert (await pull_well(newsroom))["reports"] == 10
    assert len(heard.of(Sketch)) == 1
    assert not heard.of(Cells, Bisect)
    assert heard.bytes_of_reconciliation < 1000
    assert set(heard.given.values()) == {1}
    heard.forget()
    await pull_well(newsroom)
    assert heard.bytes_of_reconciliation == 0


async def test_what_one_relay_never_had_is_found_once_and_is_then_left_out(
    newsroom: Newsroom, relays: Relays, heard: Heard
) -> None:
    first, second = await relays.start("first"), await relays.start("second")
    writer = await desk_on(newsroom, first, second)
    both, only = some(writer, 40), some(writer, 3)
    await hand_over(newsroom, [*both, *only])
    await hand_over(newsroom, both, number=1)
    await pull_well(newsroom)
    for cells_wanted in (True, False):
        newsroom.clock.pass_days(1)
        heard.forget()
        await pull_well(newsroom)
        assert len(heard.of(Sketch)) == 2
        assert bool(heard.of(Cells)) == cells_wanted
        assert not heard.given
    # Then it gets them: they are here, so nothing comes, and it is told that they were opened.
    await hand_over(newsroom, only, number=1)
    assert (await second.store.stats()).opened == 40
    await pull_well(newsroom)
    await pull_well(newsroom)
    assert (await second.store.stats()).opened == 43
    newsroom.clock.pass_days(1)
    heard.forget()
    await pull_well(newsroom)
    assert not heard.given


async def test_what_was_purged_does_not_come_back_and_is_no_difference(
    newsroom: Newsroom, relays: Relays, heard: Heard
) -> None:
    relay = await relays.start("first")
    writer = await desk_on(newsroom, relay)
    await hand_over(newsroom, some(writer, 20))
    await pull_well(newsroom)
    newsroom.clock.pass_days(15)
    await pull_well(newsroom)
    assert (await relay.store.stats()).purged == 20
    newsroom.clock.pass_days(1)
    heard.forget()
    await pull_well(newsroom)
    assert len(heard.of(Sketch)) == 1
    assert not heard.of(Cells, Bisect)
    assert not heard.given


async def test_a_desk_that_lost_its_cursors_is_sent_nothing_that_it_has(
    newsroom: Newsroom, relays: Relays, heard: Heard
) -> None:
    relay = await relays.start("first")
    writer = await desk_on(newsroom, relay)
    await hand_over(newsroom, some(writer, 50))
    await pull_well(newsroom)
    desk = newsroom.open()
    desk.vault.run("DELETE FROM cursors")
    desk.vault.close()
    new = some(writer, 4)
    await hand_over(newsroom, new)
    heard.forget()
    assert (await pull_well(newsroom))["reports"] == 4
    assert heard.given == Counter(made.parcel_id for made in new)
    assert heard.bytes_of_reconciliation < 1100


async def test_two_sets_with_nothing_in_common_are_listed(
    newsroom: Newsroom, relays: Relays, heard: Heard
) -> None:
    first, second = await relays.start("first"), await relays.start("second")
    writer = await desk_on(newsroom, first, second)
    await hand_over(newsroom, some(writer, 10))
    await pulled(newsroom, "--relay", first.url)
    others = some(writer, 12)
    await hand_over(newsroom, others, number=1)
    heard.forget()
    assert (await pull_well(newsroom))["reports"] == 12
    assert heard.given == Counter(made.parcel_id for made in others)
    assert not heard.of(Sketch)
