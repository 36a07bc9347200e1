"""A week whose keys the desk has deleted: a parcel that somebody saved stays closed for good."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from pathlib import Path

import pytest
from tests.end_to_end.abroad import Abroad
from tests.end_to_end.commands import in_days, qanat, queue_in

from qanat_client.desk.desk import open_desk
from qanat_protocol.errors import CannotOpen
from qanat_protocol.letter import OpenLetter, open_letter
from qanat_protocol.parcel import Header, parse_header
from qanat_protocol.sealing import SealingSecret

LATER_DAYS = 7 + 90 + 7 + 1
"""The week, the grace and the days until deletion are over."""


def saved_letter(home: Path) -> tuple[Header, bytes]:
    with contextlib.closing(sqlite3.connect(home / "qanat.db")) as database:
        ((key, header),) = database.execute("SELECT key, header FROM parcel").fetchall()
        rows = database.execute("SELECT data FROM block WHERE parcel = ? ORDER BY number", (key,))
        return parse_header(header), b"".join(data for (data,) in rows)


def opened_with_all_keys(abroad: Abroad, letter: tuple[Header, bytes]) -> OpenLetter | None:
    """The letter, opened with any of the seeds in the desk's vault."""
    passphrase = abroad.desk.passphrase_file.read_text().strip()
    desk = open_desk(abroad.desk.home, passphrase, time.time)
    try:
        seeds = [row[0] for row in desk.vault.rows("SELECT seed FROM epochs WHERE seed NOTNULL")]
        seeds += [row[0] for row in desk.vault.rows("SELECT seed FROM signing_keys")]
    finally:
        desk.vault.close()
    for seed in seeds:
        with contextlib.suppress(CannotOpen):
            return open_letter(*letter, SealingSecret(seed))
    return None


async def test_what_was_sealed_to_a_week_that_is_deleted_is_closed_for_good_and_told(
    abroad: Abroad, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = await abroad.home()
    await queue_in(home, "It never left in time.")
    letter = saved_letter(home)
    assert opened_with_all_keys(abroad, letter) is not None

    await abroad.relay.stop()
    later = in_days(LATER_DAYS)
    for name, value in later.items():
        monkeypatch.setenv(name, value)
    await abroad.serve()
    pulled = await abroad.ask_desk("pull", variables=later)
    assert pulled.code == 0, pulled.said
    assert pulled.result["deleted_epochs"], pulled.result
    monkeypatch.undo()
    assert opened_with_all_keys(abroad, letter) is None

    late = await qanat(home, "sync", variables=later)
    assert late.code == 4, late.said
    (line,) = (await qanat(home, "outbox", variables=later)).result
    assert (line["state"], line["urgency"]) == ("queued", "past")
