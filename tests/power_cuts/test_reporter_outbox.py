"""The reporter's outbox after power cuts: a report that was said to be queued is there, with all
its files, and no half of one ever goes out."""

import re
from contextlib import closing
from pathlib import Path

import pytest
from tests.client.made_desk import MadeDesk, write_card
from tests.client.reporter_runs import qanat
from tests.power_cuts.cutting import Case, Check
from tests.power_cuts.reporter_writer import files_of

from qanat_client.reporter.database import connect
from qanat_client.reporter.home import Home
from qanat_client.reporter.outbox import Outbox, StoredParcel
from qanat_client.reporter.sealing_room import SealingRoom
from qanat_protocol.merkle import block_count


def numbers(pattern: str, said: list[str]) -> set[int]:
    return {int(found[1]) for line in said if (found := re.match(pattern, line))}


def body_of(outbox: Outbox, parcel: StoredParcel) -> bytes:
    pieces = [
        outbox.piece(parcel, index, page=None, with_roots=False)
        for index in range(block_count(parcel.header.body_size))
    ]
    return b"".join(piece.data for piece in pieces if piece is not None)


def assert_whole(desk: MadeDesk, outbox: Outbox, number: int, sent: list[StoredParcel]) -> None:
    letter, *parts = sent
    _, report = desk.open(letter.header, body_of(outbox, letter))
    assert report.text == f"report {number}"
    assert [ref.parcel_id for ref in report.parts] == [part.id for part in parts]
    opened = [
        MadeDesk.open_part(part.header, body_of(outbox, part), ref)
        for part, ref in zip(parts, report.parts, strict=True)
    ]
    assert opened == files_of(number)


def checking(desk: MadeDesk) -> Check:
    def check(folder: Path, said: list[str]) -> None:
        queued, going = numbers(r"report number (\d+), safely", said), numbers(r"going (\d+)", said)
        home = Home(folder)
        with closing(connect(home)) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            SealingRoom(home, connection).clear_abandoned()
            outbox = Outbox(home, connection)
            waiting: dict[int, list[StoredParcel]] = {}
            for parcel in outbox.waiting():
                waiting.setdefault(parcel.item, []).append(parcel)
            assert waiting.keys() >= queued - going
            for number in waiting.keys() - going:
                assert_whole(desk, outbox, number, waiting[number])
            rows = connection.execute("SELECT count(*) FROM parcel WHERE item IS NULL").fetchone()
            assert rows == (0,)

    return check


def recorded(place: Path, desk: MadeDesk, reports: int) -> Case:
    home = place / "folder"
    assert qanat(home, "desk", "add", write_card(desk.card(), place), "--yes").code == 0
    return Case.record(place, ["-m", "tests.power_cuts.reporter_writer", home, str(reports)])


def test_a_report_that_was_queued_survives_a_power_cut(tmp_path: Path) -> None:
    desk = MadeDesk()
    case = recorded(tmp_path, desk, 4)
    said = case.disk.said(case.cuts)
    assert numbers(r"report number (\d+), safely queued", said) == {1, 2, 3, 4}
    assert numbers(r"going (\d+)", said) == {2, 3}
    case.check(checking(desk), case.some_cuts(120, seed=2), seed=2)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(4))
def test_a_report_that_was_queued_survives_a_power_cut_at_any_point(
    tmp_path: Path, seed: int
) -> None:
    desk = MadeDesk()
    case = recorded(tmp_path, desk, 8)
    case.check(checking(desk), range(case.cuts + 1), seed)
