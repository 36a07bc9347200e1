"""A disk that loses or changes sealed bodies: the desk says so and fetches them again."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
from tests.client.desk.newsroom import Attached, Newsroom, Writer, arrive, open_directly
from tests.client.desk.test_pull import Relays, desk_on, hand_over, pull_well, relays

from qanat_client.desk.faults import BodyDamaged
from qanat_client.desk.inbox import inbox, set_aside
from qanat_client.desk.small_bodies import SMALL_BODIES_NAME, SmallBodies
from qanat_client.desk.spool import Spool
from qanat_client.errors import HomeUnusable

__all__ = ["relays"]


def spoiled(body: bytes, how: str) -> bytes:
    data = bytearray(body)
    data[len(data) // 2] ^= how == "changed"
    return bytes(data[:-1] if how == "shortened" else data)


def spoil(home: Path, parcel_id: bytes, how: str) -> None:
    """What a disk does to one body, wherever it lies."""
    folder = home / "parcels"
    path = folder / parcel_id.hex()
    if path.exists():
        if how == "gone":
            path.unlink()
        else:
            path.write_bytes(spoiled(path.read_bytes(), how))
        return
    bodies = SmallBodies(folder)
    body = bodies.read([parcel_id])[parcel_id]
    if how == "gone":
        bodies.remove([parcel_id])
    else:
        bodies.keep({parcel_id: spoiled(body, how)})


@pytest.mark.parametrize("how", ["gone", "changed", "shortened"])
@pytest.mark.parametrize("which", [0, 1], ids=["letter", "part"])
async def test_what_the_disk_spoiled_before_it_was_opened_is_fetched_again(
    newsroom: Newsroom, relays: Relays, how: str, which: int
) -> None:
    writer = await desk_on(newsroom, await relays.start("one"))
    identity, parcels = writer.write("Text.", [Attached("a.bin", os.urandom(40_000))])
    await hand_over(newsroom, parcels)
    desk = newsroom.open()
    # Taken, and not opened yet: as after a kill between the two.
    arrive(desk, parcels, newsroom.card.relays[0].signing_key)
    desk.vault.close()
    spoil(newsroom.home, parcels[which].parcel_id, how)
    value = await pull_well(newsroom)
    assert (value["damaged"], value["set_aside"]) == (1, 0)
    desk = newsroom.open()
    (item,) = inbox(desk.vault)
    assert (item.report_id, item.state) == (identity, "complete")
    assert set_aside(desk.vault) == []
    desk.vault.close()


async def test_one_body_that_is_gone_keeps_nothing_else_from_being_exported(
    newsroom: Newsroom, tmp_path: Path
) -> None:
    newsroom.settle()
    desk = newsroom.open()
    writer = Writer(desk.card, desk.today)
    parcels = [writer.write("Text.", [Attached(name, b"data")])[1] for name in ("a", "b")]
    await open_directly(desk, [*parcels[0], *parcels[1]])
    desk.vault.close()
    spoil(newsroom.home, parcels[0][1].parcel_id, "gone")
    done = newsroom.do("export", "-o", str(tmp_path / "out"))
    assert (done["reports"], done["files"]) == (2, 1)
    assert "is gone" in done["missing"][0]


def test_what_a_disk_refused_to_write_once_counts_never(
    newsroom: Newsroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    newsroom.settle()
    desk = newsroom.open()
    writer = Writer(desk.card, desk.today)
    spool = arrive(desk, [])
    (made,) = writer.write("Text.")[1]
    spool.write(made.parcel_id, 0, made.body)

    def refuse(_: int) -> None:
        raise OSError(errno.EIO, "input/output error")

    with monkeypatch.context() as disk:
        disk.setattr(os, "fsync", refuse)
        with pytest.raises(HomeUnusable):
            spool.sync()
    # The system tells of the lost write once; the next fsync succeeds.
    with pytest.raises(HomeUnusable):
        spool.sync()
    desk.vault.close()


async def test_a_file_of_small_bodies_that_is_damaged_is_told_of_and_fetched_again_once_it_is_gone(
    newsroom: Newsroom, relays: Relays
) -> None:
    writer = await desk_on(newsroom, await relays.start("one"))
    identity, parcels = writer.write("Text.")
    await hand_over(newsroom, parcels)
    desk = newsroom.open()
    arrive(desk, parcels, newsroom.card.relays[0].signing_key)
    desk.vault.close()
    path = newsroom.home / "parcels" / SMALL_BODIES_NAME
    path.write_bytes(b"no database" * 1000)
    with pytest.raises(HomeUnusable, match="move it away"):
        Spool(newsroom.home).read(parcels[0].parcel_id)
    path.unlink()
    value = await pull_well(newsroom)
    assert (value["reports"], value["damaged"]) == (1, 1)
    desk = newsroom.open()
    assert [item.report_id for item in inbox(desk.vault)] == [identity]
    desk.vault.close()


def test_a_small_body_of_an_older_desk_is_found_in_its_own_file(newsroom: Newsroom) -> None:
    newsroom.settle()
    desk = newsroom.open()
    (made,) = Writer(desk.card, desk.today).write("Text.")[1]
    spool = Spool(desk.home)
    spool.path(made.parcel_id).write_bytes(made.body)
    spool.check(made.header)
    assert spool.read(made.parcel_id) == made.body
    spool.remove(made.parcel_id)
    with pytest.raises(BodyDamaged):
        spool.read(made.parcel_id)
    desk.vault.close()


def test_bodies_are_there_for_other_programs_once_they_are_durable(newsroom: Newsroom) -> None:
    newsroom.settle()
    desk = newsroom.open()
    writer = Writer(desk.card, desk.today)
    mine, other = Spool(desk.home), Spool(desk.home)
    made = [writer.write(f"Text {number}.")[1][0] for number in range(700)]
    for parcel in made:
        mine.write(parcel.parcel_id, 0, parcel.body)
        assert mine.read(parcel.parcel_id) == parcel.body
    ids = [parcel.parcel_id for parcel in made]
    assert other.read_small(ids) == {}
    mine.sync()
    assert other.read_small(ids) == {parcel.parcel_id: parcel.body for parcel in made}
    mine.remove(*ids[1:])
    assert set(other.read_small(ids)) == {ids[0]}
    desk.vault.close()
