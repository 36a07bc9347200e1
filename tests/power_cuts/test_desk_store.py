"""The desk's spool and vault after power cuts: a cursor never stands behind what is not held, and
no relay is ever told to drop what is not."""

from pathlib import Path

import pytest
from tests.power_cuts.cutting import Case
from tests.power_cuts.desk_writer import RELAYS, cursor_of, make_desk, open_vault, parcel
from tests.relay.made_parcels import TODAY

from qanat_client.desk.arrivals import Arrivals
from qanat_client.desk.spool import Spool
from qanat_client.desk.tombstones import Tombstones
from qanat_client.desk.vault import Vault
from qanat_protocol.bitmap import Bitmap
from qanat_protocol.frames import Purge
from qanat_protocol.limits import BLOCK_BYTES
from qanat_protocol.signing import SigningKey

SHORT, LONG = 9, 24


def assert_held(vault: Vault, spool: Spool, number: int) -> None:
    """A parcel is known to be whole, and is."""
    made = parcel(number)
    (state,) = vault.row("SELECT state FROM parcels WHERE id = ?", made.parcel_id) or (None,)
    assert state == "whole"
    spool.check(made.header)
    assert spool.read(made.parcel_id) == made.body


def assert_blocks_held(vault: Vault, spool: Spool, number: int) -> None:
    """Each block that the vault counts is on disk."""
    made = parcel(number)
    row = vault.row("SELECT bitmap FROM parcels WHERE id = ?", made.parcel_id)
    if row is None:
        return
    body = spool.read(made.parcel_id)
    for index in Bitmap.from_bytes(row[0]):
        at = index * BLOCK_BYTES
        assert body[at : at + BLOCK_BYTES] == made.blocks[index].data


def take_the_rest(vault: Vault, spool: Spool, last: int) -> None:
    """The next pull brings what the relays still offer, and then all of it is there."""
    arrivals = Arrivals(vault, spool, lambda: TODAY * 86_400.0)
    for number in range(1, last + 1):
        made = parcel(number)
        incoming = arrivals.begin(made.header, RELAYS[0])
        if incoming is not None:
            for block in made.blocks:
                arrivals.take(incoming, block.index, block.data)
    arrivals.flush(RELAYS[0])
    for number in range(1, last + 1):
        assert_held(vault, spool, number)


def check(folder: Path, said: list[str]) -> None:
    vault, spool = open_vault(folder), Spool(folder)
    try:
        assert vault.rows("PRAGMA cipher_integrity_check") == []
        assert vault.value("PRAGMA integrity_check") == "ok"
        for line in said:
            word, *values = line.split()
            if word == "cursor":
                assert cursor_of(vault, RELAYS[int(values[0])]) >= int(values[1])
            else:
                assert_held(vault, spool, int(values[0]))
        newest = 1
        for relay in RELAYS:
            skipped = Arrivals(vault, spool, lambda: 0.0).skipped(relay)
            newest = max(newest, cursor_of(vault, relay))
            for number in range(1, cursor_of(vault, relay) + 1):
                if parcel(number).header.offer not in skipped:
                    assert_held(vault, spool, number)
        numbers = {parcel(number).parcel_id: number for number in range(1, LONG + 1)}
        for frame in Tombstones(vault, SigningKey(bytes(32))).untold(b"a third relay", TODAY):
            if isinstance(frame, Purge):
                assert_held(vault, spool, numbers[frame.parcel_id])
        for number in numbers.values():
            assert_blocks_held(vault, spool, number)
        take_the_rest(vault, spool, newest)
    finally:
        vault.close()


def recorded(place: Path, parcels: int) -> Case:
    make_desk(place / "folder")
    return Case.record(
        place, ["-m", "tests.power_cuts.desk_writer", place / "folder", str(parcels)]
    )


def test_what_a_desk_counts_on_survives_a_power_cut(tmp_path: Path) -> None:
    case = recorded(tmp_path, SHORT)
    said = {line for line in case.disk.said(case.cuts) if not line.startswith("cursor")}
    assert said == {f"{word} {n}" for word in ("whole", "purging") for n in range(1, SHORT + 1)}
    case.check(check, case.some_cuts(100, seed=3), seed=3)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(4))
def test_what_a_desk_counts_on_survives_a_power_cut_at_any_point(tmp_path: Path, seed: int) -> None:
    case = recorded(tmp_path, LONG)
    case.check(check, range(case.cuts + 1), seed)
