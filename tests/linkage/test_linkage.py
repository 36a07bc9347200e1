"""What one who holds every relay's disk can tell of which reports came from one source.

Whatever is not named here tells no more than chance; what is named stands in the threat model.
"""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from tests.linkage.chance import Advantage
from tests.linkage.people import BUSY, EXPIRY_DAY, MONDAY, QUIET, Crowd, Tell, Week
from tests.linkage.questions import ALL, Evidence
from tests.linkage.relays import Clock, Handed, Lived, live, running
from tests.relay.made_parcels import make

pytestmark = pytest.mark.timeout(900)

LAST_DAY = MONDAY + 6
"""The day on which the disks are taken. What came before it was given to the desks and mixed."""

WATCHED = 60
CHANCE_DEVIATIONS = 4.5
CHANCE_AUC = 0.08
"""Beyond both of these something tells more than chance."""

SINCE_THE_LAST_VISIT = 0.75
"""The most that anything may tell of the last day too, of which the newest hours are in order."""

NAMED_OF_FILES = ("block", "log", "tombstone", "parcel.opened", "parcel_evictable.opened", ALL)
"""What may tell of attachments of one report: long bodies stay where they were written, so those
that came together lie together; and with their letter they are opened on one day."""


def beyond_chance(answer: dict[str, Advantage]) -> dict[str, Advantage]:
    """What of an answer tells more than chance."""
    return {
        name: told
        for name, told in answer.items()
        if told.deviations > CHANCE_DEVIATIONS and told.auc > 0.5 + CHANCE_AUC
    }


async def three_letters_each(folder: Path, sources: int) -> tuple[Lived, Lived]:
    """One relay; each source hands in three letters in a session, one after another. Its disk
    before a sweep, and after it."""
    tells, handed = [], {}
    async with running(folder / "relay", Clock()) as node:
        for number in range(sources * 3):
            source = number // 3
            letter = make(number * 7919, expiry_day=EXPIRY_DAY)
            tells.append(Tell(source, float(number), letter, ()))
            handed[letter.parcel_id] = [Handed(source, 0, MONDAY)]
            await node.store.write([letter.put()], today=node.today())
        shutil.copytree(folder / "relay", folder / "before")
        await node.store.sweep(node.today())
        shutil.copytree(folder / "relay", folder / "after")
    week = Week(tuple(tells), ())
    return Lived(week, handed, [folder / "before"]), Lived(week, handed, [folder / "after"])


async def test_a_sweep_takes_from_a_disk_what_it_showed_before(tmp_path: Path) -> None:
    before, after = (Evidence(lived, 50) for lived in await three_letters_each(tmp_path, 50))
    shown = before.answer(before.reports_of_a_session())
    for name in ("parcel: rowid", "parcel: overflow pages", "log: commits", ALL):
        assert shown[name].auc > 0.95, name
        assert shown[name].precision > 20 * shown[name].base, name
    assert beyond_chance(after.answer(after.reports_of_a_session())) == {}


async def test_whatever_is_added_to_a_store_is_looked_at(tmp_path: Path) -> None:
    _, after = await three_letters_each(tmp_path, 40)
    with closing(sqlite3.connect(after.folders[0] / "store" / "store.db")) as connection:
        connection.execute("CREATE TABLE visit (parcel BLOB, at_s INTEGER)")
        connection.executemany(
            "INSERT INTO visit VALUES (?, ?)",
            sorted((name, handed[0].going * 60) for name, handed in after.handed.items()),
        )
        connection.commit()
    evidence = Evidence(after, 40)
    told = beyond_chance(evidence.answer(evidence.reports_of_a_session()))
    assert told["visit.at_s"].precision > 0.9
    assert set(told) <= {"visit.at_s", ALL}


def test_a_quiet_week_is_not_linked_and_the_hours_since_the_desks_last_visit_a_little(
    tmp_path: Path,
) -> None:
    lived = asyncio.run(live(tmp_path, QUIET, seed=3))
    settled = Evidence(lived, WATCHED, LAST_DAY)
    for question in (
        settled.reports_of_a_session(),
        settled.parts_of_a_letter(),
        settled.reports_of_a_source(),
    ):
        assert question.together
        assert beyond_chance(settled.answer(question)) == {}
    everything = Evidence(lived, WATCHED)
    told = beyond_chance(everything.answer(everything.reports_of_a_session()))
    assert all(advantage.auc < SINCE_THE_LAST_VISIT for advantage in told.values()), told


@pytest.mark.soak
@pytest.mark.parametrize("crowd", [QUIET, BUSY], ids=["quiet", "busy"])
@pytest.mark.parametrize("seed", range(4))
def test_in_other_weeks_nothing_else_is_linked(tmp_path: Path, crowd: Crowd, seed: int) -> None:
    lived = asyncio.run(live(tmp_path, crowd, seed))
    settled = Evidence(lived, WATCHED, LAST_DAY)
    for question in (
        settled.reports_of_a_session(),
        settled.parts_of_a_letter(),
        settled.reports_of_a_source(),
    ):
        assert beyond_chance(settled.answer(question)) == {}
    told = beyond_chance(settled.answer(settled.parts_of_a_report()))
    assert all(name.startswith(NAMED_OF_FILES) for name in told), told
    everything = Evidence(lived, WATCHED)
    for question in (
        everything.reports_of_a_session(),
        everything.parts_of_a_letter(),
        everything.reports_of_a_source(),
    ):
        told = beyond_chance(everything.answer(question))
        assert all(advantage.auc < SINCE_THE_LAST_VISIT for advantage in told.values()), told
