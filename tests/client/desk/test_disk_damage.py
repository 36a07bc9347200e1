"""A disk that loses or changes sealed bodies: the desk says so and fetches them again."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
from tests.client.desk.newsroom import Attached, Newsroom, Writer, arrive, open_directly
from tests.client.desk.test_pull import Relays, desk_on, hand_over, pull_well, relays

from qanat_client.desk.inbox import inbox, set_aside
from qanat_client.errors import HomeUnusable

__all__ = ["relays"]


def spoil(path: Path, how: str) -> None:
    if how == "gone":
        path.unlink()
        return
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= how == "changed"
    path.write_bytes(data[:-1] if how == "shortened" else data)


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
    spoil(newsroom.home / "parcels" / parcels[which].parcel_id.hex(), how)
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
    spoil(newsroom.home / "parcels" / parcels[0][1].parcel_id.hex(), "gone")
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
