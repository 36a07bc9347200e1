"""Pictures that look alike are found, whatever became of their bytes; others are not."""

from __future__ import annotations

import os

import numpy as np
import pytest
from PIL import Image, ImageEnhance
from tests.client.desk.media.developed import developed
from tests.client.desk.media.samples import photo, recording, saved, scene
from tests.client.desk.newsroom import Attached, Newsroom, Writer, open_directly

from qanat_client.desk.desk import Desk
from qanat_client.desk.media.asking import Form
from qanat_client.desk.media.darkroom import Darkroom
from qanat_client.desk.media.near import near_pictures, next_unlooked, store_likeness, unlooked
from qanat_client.desk.media.told import parse_print

pytest.importorskip("pdqhash", reason="it is compiled: make near")


def print_of(darkroom: Darkroom, data: bytes) -> tuple[bytes, int]:
    return parse_print(developed(darkroom, Form.PRINT, data).data)


def distance(one: bytes, other: bytes) -> int:
    return (int.from_bytes(one, "big") ^ int.from_bytes(other, "big")).bit_count()


def test_a_picture_that_was_made_smaller_and_worse_is_near(darkroom: Darkroom) -> None:
    own, quality = print_of(darkroom, saved(scene(900, 700), "PNG"))
    assert quality >= 50
    small = scene(900, 700).resize((320, 249))
    brighter = ImageEnhance.Brightness(scene(900, 700)).enhance(1.2)
    for changed in (saved(small, "JPEG", quality=30), saved(brighter, "WEBP")):
        assert distance(own, print_of(darkroom, changed)[0]) <= 31


def test_other_pictures_are_far(darkroom: Darkroom) -> None:
    prints = [print_of(darkroom, saved(scene(seed=seed), "PNG"))[0] for seed in range(6)]
    assert min(distance(a, b) for a in prints for b in prints if a != b) > 60


def test_a_film_looks_like_its_first_picture(darkroom: Darkroom) -> None:
    film = recording(size=(320, 240), of=3, pictures=5)
    still = saved(scene(seed=3), "PNG")
    assert distance(print_of(darkroom, film)[0], print_of(darkroom, still)[0]) <= 31


def test_an_empty_wall_has_too_little_to_be_compared(darkroom: Darkroom) -> None:
    assert print_of(darkroom, saved(Image.new("RGB", (300, 300), "grey"), "PNG"))[1] < 50


async def desk_with(newsroom: Newsroom, *files: bytes) -> tuple[Desk, list[bytes]]:
    """A desk with a report for each file."""
    newsroom.init()
    desk = newsroom.open()
    writer = Writer(desk.card, desk.today)
    reports = []
    for data in files:
        report_id, parcels = writer.write(files=[Attached("p.jpg", data, thumbnail=data[:9])])
        await open_directly(desk, parcels)
        reports.append(report_id)
    return desk, reports


def store(desk: Desk, report_id: bytes, value: bytes | None, quality: int = 100) -> None:
    with desk.vault.transaction():
        store_likeness(desk.vault, (report_id, 0, 3), value, quality)


async def test_near_pictures_of_other_reports_come_the_nearest_first(newsroom: Newsroom) -> None:
    desk, (own, near, nearer, far, poor) = await desk_with(newsroom, *[photo()] * 5)
    value = int.from_bytes(os.urandom(32), "big")
    for report_id, flips, quality in (
        (own, 0, 100), (near, 31, 50), (nearer, 2, 100), (far, 32, 100), (poor, 0, 49),
    ):  # fmt: skip
        store(desk, report_id, (value ^ ((1 << flips) - 1)).to_bytes(32, "big"), quality)
    assert near_pictures(desk.vault, own) == [(nearer, 0, 2), (near, 0, 31)]
    assert near_pictures(desk.vault, poor) == []
    assert near_pictures(desk.vault, b"x" * 32) == []
    desk.vault.close()


async def test_what_is_stored_later_is_found_too(newsroom: Newsroom) -> None:
    desk, (own, later) = await desk_with(newsroom, photo(), photo())
    store(desk, own, b"a" * 32)
    assert near_pictures(desk.vault, own) == []
    store(desk, later, b"a" * 32)
    assert near_pictures(desk.vault, own) == [(later, 0, 0)]
    assert near_pictures(desk.vault, later) == [(own, 0, 0)]
    desk.vault.close()


async def test_a_flood_of_one_picture_is_told_by_its_first_few(newsroom: Newsroom) -> None:
    desk, reports = await desk_with(newsroom, *[photo()] * 53)
    for report_id in reports:
        store(desk, report_id, b"a" * 32)
    assert len(near_pictures(desk.vault, reports[0])) == 50
    desk.vault.close()


async def test_each_verified_part_is_looked_at_once(newsroom: Newsroom) -> None:
    desk, (report_id,) = await desk_with(newsroom, photo())
    assert next_unlooked(desk.vault, 9) == [(report_id, 0, 1), (report_id, 0, 3)]
    store(desk, report_id, None, 0)
    assert next_unlooked(desk.vault, 9) == [(report_id, 0, 1)]
    assert unlooked(desk.vault) == 1
    assert near_pictures(desk.vault, report_id) == []
    desk.vault.close()


async def test_near_pictures_are_those_that_a_plain_search_finds(newsroom: Newsroom) -> None:
    desk, reports = await desk_with(newsroom, *[photo()] * 12)
    rng = np.random.default_rng(8)
    base = rng.integers(0, 256, 32, np.uint8)
    hashes = {}
    for report_id in reports:
        flips = np.zeros(256, np.uint8)
        flips[rng.choice(256, int(rng.integers(0, 40)), replace=False)] = 1
        hashes[report_id] = (base ^ np.packbits(flips)).tobytes()
        store(desk, report_id, hashes[report_id])
    for own in reports:
        found = {other: bits for other, _, bits in near_pictures(desk.vault, own)}
        plain = {
            other: distance(hashes[own], value)
            for other, value in hashes.items()
            if other != own and distance(hashes[own], value) <= 31
        }
        assert found == plain
    desk.vault.close()
