"""The desk's spool and vault after power cuts: a cursor never stands behind what is not held, and
no key that lets a relay drop a parcel was ever given for what is not held, opened and verified."""

import asyncio
from pathlib import Path

import msgpack
import pytest
from tests.client.desk.newsroom import Attached, Writer
from tests.client.desk.test_epochs import decrypted_pages
from tests.power_cuts.cutting import Case, Check
from tests.power_cuts.desk_writer import (
    KEY,
    LATER,
    RELAYS,
    TODAY,
    Bench,
    Parcel,
    cursor_of,
    noon,
    read_mail,
    starred,
)

from qanat_client.desk.card_book import NewDesk, create_desk
from qanat_client.desk.catalogue import catch_up
from qanat_client.desk.decision_log import decision_log
from qanat_client.desk.decisions import decision_id, verify_decision
from qanat_client.desk.epochs import delete_due_secrets, live_epochs
from qanat_client.desk.faults import BodyDamaged
from qanat_client.desk.finding import Wish, count, find
from qanat_client.desk.inbox import inbox
from qanat_client.desk.standing import fold
from qanat_client.desk.tombstones import PURGE_SETTING
from qanat_client.desk.vault import VAULT_NAME
from qanat_protocol.bitmap import Bitmap
from qanat_protocol.frames import Purge
from qanat_protocol.limits import BLOCK_BYTES
from qanat_protocol.parcel import parse_header
from qanat_protocol.part import PartOpener

SHORT, LONG = 4, 12
RAW_KEY = bytes(range(32))


def files_of(number: int) -> list[Attached]:
    """What hangs on a report: nothing, one block with a thumbnail, an original of ten blocks."""
    if number % 3 == 0:
        return []
    data = bytes([number]) * (150_000 if number % 3 == 1 else 1000)
    return [Attached("file", data, thumbnail=b"thumbnail" if number % 3 == 2 else None)]


def make_desk(home: Path, reports: int) -> tuple[list[bytes], list[tuple[bytes, bytes]]]:
    """A desk that purges at once; the seeds of its weeks, and parcels of reports to it.

    Of every other report the parts come before the letter.
    """
    wish = NewDesk("A desk", (), ("kk",), "", grace_days=90, weeks=2, sources=())
    desk = create_desk(home, KEY, wish, noon)
    with desk.vault.transaction():
        desk.vault.set_setting(PURGE_SETTING, "0")
    seeds = [seed for (seed,) in desk.vault.rows("SELECT seed FROM epochs")]
    desk.vault.close()
    writer = Writer(desk.card, TODAY)
    mail = []
    for number in range(1, reports + 1):
        _, parcels = writer.write(f"report {number}", files_of(number))
        mail += parcels[:: 1 if number % 2 else -1]
    return seeds, [(made.header.encode(), made.body) for made in mail]


def recorded(place: Path, reports: int, *how: str) -> tuple[Case, Check]:
    home, mail = place / "folder", place / "mail"
    seeds, parcels = make_desk(home, reports)
    mail.write_bytes(msgpack.packb(parcels))
    case = Case.record(place, ["-m", "tests.power_cuts.desk_writer", home, mail, *how])
    found = read_mail(mail)

    def check(folder: Path, said: list[str]) -> None:
        if "deleted" in said:
            assert_no_seed(folder / VAULT_NAME, seeds)
        bench = Bench(folder)
        try:
            check_held(bench, found, said)
            if len(live_epochs(bench.vault)) == len(seeds):
                take_the_rest(bench, found)
                check_reports(bench, reports)
            else:
                check_reports(bench, reports)
                check_deleted(bench, seeds)
        finally:
            bench.vault.close()

    return case, check


def assert_whole(bench: Bench, parcel: Parcel, *states: str) -> None:
    """A parcel is known to be here, and is."""
    state = bench.vault.value("SELECT state FROM parcels WHERE id = ?", parcel.header.parcel_id)
    assert state in states
    bench.spool.check(parcel.header)
    assert bench.spool.read(parcel.header.parcel_id) == parcel.body


def check_held(bench: Bench, parcels: list[Parcel], said: list[str]) -> None:
    """Whatever was said, and whatever the vault counts on, is so."""
    vault = bench.vault
    assert vault.rows("PRAGMA cipher_integrity_check") == []
    assert vault.value("PRAGMA integrity_check") == "ok"
    for line in said:
        word, *values = line.split()
        if word == "cursor":
            assert cursor_of(vault, RELAYS[int(values[0])]) >= int(values[1])
        elif word == "decided":
            assert decision_log(bench.desk).standing().of(starred(int(values[0]))).is_starred
        elif word == "catalogued":
            assert count(vault, Wish()) >= int(values[0])
        else:
            for number in values:
                states = ("opened",) if word == "purging" else ("opened", "whole")
                assert_whole(bench, parcels[int(number) - 1], *states)
    check_decided(bench)
    for relay in RELAYS:
        skipped = bench.arrivals.skipped(relay)
        for parcel in parcels[: cursor_of(vault, relay)]:
            if parcel.header.offer not in skipped:
                assert_whole(bench, parcel, "opened", "whole")
    by_id = {parcel.header.parcel_id: parcel for parcel in parcels}
    for frame in bench.tombstones.untold(b"a third relay", TODAY):
        if isinstance(frame, Purge):
            assert_whole(bench, by_id[frame.parcel_id], "opened")
    for parcel_id, bitmap in vault.rows("SELECT id, bitmap FROM parcels"):
        body = bench.spool.read(parcel_id)
        for index in Bitmap.from_bytes(bitmap):
            at = index * BLOCK_BYTES
            assert body[at : at + BLOCK_BYTES] == by_id[parcel_id].blocks[index]


def check_decided(bench: Bench) -> None:
    """What is in force is what all that was decided folds to, and each of it is signed."""
    log = decision_log(bench.desk)
    desk_id, editors = bench.desk.card.desk_id, log.editors()
    kept = [
        (
            decision_id(content),
            verify_decision(content, signature, desk_id=desk_id, editors=editors),
        )
        for content, signature in log.all()
    ]
    assert log.standing() == fold(kept)


def take_the_rest(bench: Bench, parcels: list[Parcel]) -> None:
    """The next pull brings what the relays still offer, and opens it."""
    for parcel in parcels:
        bench.bring(parcel, RELAYS[0])
    bench.arrivals.flush(RELAYS[0])
    asyncio.run(bench.opener.open_all())


def check_reports(bench: Bench, reports: int) -> None:
    """Every report is in the inbox, and what hangs on it is verified and opens."""
    items = {item.report.text: item for item in inbox(bench.vault)}
    catch_up(bench.vault)
    assert set(find(bench.vault, Wish(words="report"))) == {
        item.report_id for item in items.values()
    }
    assert items.keys() == {f"report {number}" for number in range(1, reports + 1)}
    for number in range(1, reports + 1):
        plain = []
        for state in items[f"report {number}"].parts:
            assert state.state == "verified"
            ref = state.part
            header = bench.vault.value("SELECT header FROM parcels WHERE id = ?", ref.parcel_id)
            opener = PartOpener(parse_header(header), ref.content_key, ref.length, ref.sha256)
            plain.append(b"".join(opener.data(bench.spool.blocks(ref.parcel_id))))
        attached = files_of(number)
        thumbnails = [file.thumbnail for file in attached if file.thumbnail]
        assert plain == [*thumbnails, *(file.data for file in attached)]


def check_deleted(bench: Bench, seeds: list[bytes]) -> None:
    """A deletion that was cut is all done by the next pull."""
    delete_due_secrets(bench.vault, LATER)
    assert live_epochs(bench.vault) == []
    assert_no_seed(bench.vault.path, seeds)


def assert_no_seed(vault: Path, seeds: list[bytes]) -> None:
    plain = decrypted_pages(vault, RAW_KEY)
    assert not any(seed in plain for seed in seeds)


def test_what_a_desk_counts_on_survives_a_power_cut(tmp_path: Path) -> None:
    case, check = recorded(tmp_path, SHORT)
    said = case.disk.said(case.cuts)
    purged = {number for line in said if "purging" in line for number in line.split()[1:]}
    assert len(purged) == len(read_mail(tmp_path / "mail"))
    # The secrets are deleted at the end.
    case.check(check, [*case.some_cuts(30, seed=3), *range(case.cuts - 8, case.cuts)], seed=3)


def test_a_desk_that_does_not_wait_for_its_spool_is_caught(tmp_path: Path) -> None:
    case, check = recorded(tmp_path, 2, "careless")
    with pytest.raises((AssertionError, BodyDamaged)):
        case.check(check, range(case.cuts, 0, -1), seed=3)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(4))
def test_what_a_desk_counts_on_survives_a_power_cut_at_any_point(tmp_path: Path, seed: int) -> None:
    case, check = recorded(tmp_path, LONG)
    case.check(check, range(case.cuts + 1), seed)
