"""A desk that pulls from a relay with reports for it; both are copied for every cut, and talk by
the code that runs in the field."""

from __future__ import annotations

import random
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tests.client.desk.newsroom import Attached, Clock, Made, Writer
from tests.cuts.line import Line
from tests.cuts.relay_side import body_in, entry_of, held_blocks, put, relay_in
from tests.power_cuts.desk_writer import KEY

from qanat_client.carriers.conversation import Roads
from qanat_client.carriers.settings import CarrierSettings
from qanat_client.desk.bulletins import queue_card
from qanat_client.desk.card_book import NewDesk, create_desk
from qanat_client.desk.desk import Desk, open_desk
from qanat_client.desk.inbox import inbox
from qanat_client.desk.outgoing import STATUS_HELD, Outbox
from qanat_client.desk.pull import PullResult, pull, workbench_of
from qanat_client.desk.spool import Spool
from qanat_protocol.parcel import parse_header
from qanat_protocol.tags import desk_tag
from qanat_relay.node import Node

__all__ = ["PreparedDesk", "desk_survives", "prepare_desk"]

CLOCK = Clock()
WEEKS = 26
"""So many that a pull makes no new card; it hands the first one to the relay."""

FILE_BYTES = 20_000
"""An attachment of two blocks."""

REST_BYTES = 8192
"""What a session gives besides blocks: cursors, offers, receipts, headers."""


@dataclass(frozen=True)
class PreparedDesk:
    """The folders that are copied for each cut, and what lies at the relay."""

    folder: Path
    made: list[Made]

    def copy(self, folder: Path) -> Path:
        """Both sides as they were before they met."""
        shutil.rmtree(folder, ignore_errors=True)
        for name in ("desk", "relay"):
            shutil.copytree(self.folder / name, folder / name)
        return folder


async def _pull(desk: Desk, line: Line) -> PullResult:
    def advance(_: int) -> None:
        return

    bench = replace(workbench_of(desk, advance), roads=Roads(open_link=line.open_link))
    return await pull(desk, desk.card.relays, CarrierSettings(), advance, bench=bench)


def _taken_bytes(pulled: PullResult) -> int:
    return sum(result.size_bytes for result in pulled.relays.values())


async def _assert_true(desk: Desk, node: Node, made: list[Made]) -> int:
    """What either side counts on is on the other's disk; the bytes that the desk still lacks."""
    relay, spool, lacking = desk.card.relays[0].signing_key, Spool(desk.home), 0
    outbox = Outbox(desk.vault)
    for waiting in outbox.waiting():
        (row,) = desk.vault.rows(
            "SELECT header, body FROM outgoing WHERE id = ?", waiting.parcel_id
        )
        handed = [status for _, status, _, _ in outbox.handed(waiting.parcel_id)]
        if STATUS_HELD in handed:
            assert await body_in(node, parse_header(row[0])) == row[1]
    tags = [desk_tag(desk.card.desk_id, desk.card.epoch_for(desk.today))]
    known_there = {frame.parcel_id for _, frame in await node.store.list_tombstones(tags, 0, 100)}
    told = {row[0] for row in desk.vault.rows("SELECT parcel_id FROM told WHERE relay = ?", relay)}
    assert told <= known_there
    for parcel in made:
        rows = desk.vault.rows("SELECT state FROM parcels WHERE id = ?", parcel.parcel_id)
        state = rows[0][0] if rows else "partial"
        if parcel.parcel_id in known_there:
            assert state == "opened", "the relay is told of an opening that the desk lost"
        if state == "partial":
            lacking += len(parcel.body)
        else:
            spool.check(parcel.header)
    return lacking


async def desk_survives(prepared: PreparedDesk, folder: Path, **cut: Any) -> Line:
    """Cut a pull, let another one finish; the line of the first. Raises AssertionError."""
    prepared.copy(folder)
    total = sum(len(made.body) for made in prepared.made)
    async with relay_in(folder / "relay", CLOCK) as node:
        desk = open_desk(folder / "desk", KEY, CLOCK)
        try:
            line, whole = Line(node, **cut), Line(node, is_slow=False)
            first = await _pull(desk, line)
            lacking = await _assert_true(desk, node, prepared.made)
        finally:
            desk.vault.close()
        # As after a restart.
        desk = open_desk(folder / "desk", KEY, CLOCK)
        try:
            second = await _pull(desk, whole)
            assert await _assert_true(desk, node, prepared.made) == 0
            for result in second.relays.values():
                assert not result.failed
                assert (result.complaint, result.alarms) == ("", [])
            taken = [_taken_bytes(pulled) for pulled in (first, second)]
            assert sum(taken) == total, "a block was taken twice, or never"
            assert whole.back.carried_bytes <= total - taken[0] + REST_BYTES, "sent again"
            assert lacking >= taken[1]
            _assert_read(desk, prepared.made)
            await held_blocks(node, [made.header for made in prepared.made])
        finally:
            desk.vault.close()
    return line


def _assert_read(desk: Desk, made: list[Made]) -> None:
    """Every report is opened once, every attachment verified, and the relay was told."""
    items = inbox(desk.vault)
    assert sorted(item.report.text for item in items) == ["Nothing attached.", "With a file."]
    assert desk.vault.value("SELECT count(*) FROM parts WHERE state = 'verified'") == 1
    assert desk.vault.value("SELECT count(*) FROM told") == len(made)
    assert desk.vault.value("SELECT count(*) FROM handed WHERE status = ?", STATUS_HELD) == 1


async def prepare_desk(folder: Path) -> PreparedDesk:
    """A desk whose card the relay does not have yet, and two reports, one with a file."""
    folder.mkdir(exist_ok=True)
    entry = entry_of(folder / "relay")
    wish = NewDesk("A desk", (entry,), ("kk",), "", grace_days=90, weeks=WEEKS, sources=())
    desk = create_desk(folder / "desk", KEY, wish, CLOCK)
    queue_card(desk)
    writer = Writer(desk.card, desk.today)
    file = Attached("film", random.Random(2).randbytes(FILE_BYTES))
    made = writer.write("Nothing attached.")[1] + writer.write("With a file.", [file])[1]
    async with relay_in(folder / "relay", CLOCK) as node:
        node.desks.take(desk.card)
        await node.store.write([put(one.header, one.body) for one in made], today=desk.today)
    desk.vault.close()
    return PreparedDesk(folder, made)
