"""Likenesses of what came while nobody served: caught up with, told, and not tried for ever."""

from __future__ import annotations

import pytest
from tests.client.desk.media.samples import photo, saved, scene
from tests.client.desk.newsroom import Attached, Newsroom, Writer, open_directly
from tests.client.desk.serve.window import Window, until, window_on

from qanat_client.desk.media import alike
from qanat_client.desk.media.near import MOST_TRIES, near_pictures, next_unlooked, unlooked

pytest.importorskip("pdqhash", reason="it is compiled: make near")

COLOURED = saved(scene(600, 500, seed=4), "PNG")
SMALLER = saved(scene(600, 500, seed=4).resize((300, 250)), "JPEG")


async def pulled(newsroom: Newsroom, *files: bytes) -> list[bytes]:
    """Reports that came while nobody served."""
    newsroom.settle()
    desk = newsroom.open()
    ids = []
    for data in files:
        identity, parcels = Writer(desk.card, desk.today).write(files=[Attached("p.jpg", data)])
        await open_directly(desk, parcels)
        ids.append(identity)
    desk.vault.close()
    return ids


async def all_seen(window: Window) -> None:
    async def is_done() -> bool:
        return bool((await window.get("/api/desk"))["counts"]["unlooked"] == 0)

    await until(is_done)


async def test_what_came_by_a_pull_before_is_looked_at_while_windows_are_open(
    newsroom: Newsroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    own, near, other, none = await pulled(newsroom, COLOURED, SMALLER, photo(), b"no picture")
    monkeypatch.setattr(alike, "BETWEEN_S", 0.05)
    async with window_on(newsroom) as window:
        assert (await window.get("/api/desk"))["counts"]["unlooked"] > 0
        await all_seen(window)
        assert [each[0] for each in near_pictures(window.desk.vault, own)] == [near]
        assert near_pictures(window.desk.vault, other) == []
        assert near_pictures(window.desk.vault, none) == []
        found = await window.get(f"/api/reports/{own.hex()}/related")
        reasons = found["suggestions"][0]["reasons"]
        assert "near_picture" in {reason["kind"] for reason in reasons}


async def test_the_look_goes_on_where_it_was_cut_and_is_no_faster_than_it_may_be(
    newsroom: Newsroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    await pulled(newsroom, *[saved(scene(seed=seed), "PNG") for seed in range(6)])
    monkeypatch.setattr(alike, "BETWEEN_S", 0.5)
    async with window_on(newsroom) as window:
        await until(lambda: unlooked(window.desk.vault) < 6)
    desk = newsroom.open()
    assert 0 < unlooked(desk.vault) < 6
    desk.vault.close()
    async with window_on(newsroom) as window:
        await all_seen(window)
        rows = window.desk.vault.rows("SELECT hash FROM likenesses WHERE hash IS NOT NULL")
        assert len(rows) == 6


async def test_what_ends_the_program_each_time_is_left_alone_after_a_few_tries(
    newsroom: Newsroom,
) -> None:
    await pulled(newsroom, photo())
    desk = newsroom.open()
    for _ in range(MOST_TRIES):
        with desk.vault.transaction():
            assert len(next_unlooked(desk.vault, 9)) == 1
    with desk.vault.transaction():
        assert next_unlooked(desk.vault, 9) == []
    assert unlooked(desk.vault) == 0
    desk.vault.close()
