"""A relay that is promised more than its disk has goes by the disk, and says what the matter is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.relay.made_parcels import TODAY, make
from tests.relay.running_relay import running_relay
from tests.relay.small_disk import small_disk
from tests.relay.test_admission import flood, hand_in, is_fast
from tests.relay.watching.scraped import get

from qanat_protocol.frames import AckStatus
from qanat_protocol.verdicts import Verdict
from qanat_relay.cli import main
from qanat_relay.store.limits import StoreLimits
from qanat_relay.store.sqlite import SqliteStore

__all__ = ["is_fast"]

LETTER_BYTES = 16_384


async def test_one_tag_leaves_others_some_of_a_disk_that_is_smaller_than_the_capacity(
    tmp_path: Path,
) -> None:
    with small_disk(tmp_path / "disk", "24m") as disk:
        store = await SqliteStore.open(disk / "store", StoreLimits(tag_share=4))
        taken = 0
        refused: set[int] = set()
        while not refused:
            letters = [
                make(taken + number, size_bytes=LETTER_BYTES, tag=b"E" * 16) for number in range(25)
            ]
            outcomes = await store.write([letter.put() for letter in letters], today=TODAY)
            refused = {one.value for one in outcomes if one.status is AckStatus.REFUSED}
            taken += sum(one.status is AckStatus.STORED for one in outcomes)
            assert taken < 2000
        assert refused == {Verdict.REFUSED_QUOTA}
        assert taken * LETTER_BYTES > 8 << 20
        (outcome,) = await store.write([make(1).put()], today=TODAY)
        assert outcome.status is AckStatus.STORED
        await store.close()


@pytest.mark.usefixtures("is_fast")
async def test_a_flood_ends_at_a_share_of_what_the_disk_has(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "32m") as disk:
        async with running_relay(disk / "relay") as relay:
            assert 100 < await flood(relay) < 400
            letter = make(1)
            assert (await hand_in(relay, letter, stamped=True))[0].status is AckStatus.STORED


async def test_health_says_that_the_disk_is_full(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with small_disk(tmp_path / "disk", "24m") as disk:
        async with running_relay(disk / "relay") as relay:
            assert await get(f"{relay.url}/health") == (200, "ok\n")
            other = disk / "other"
            # Far from all of it: of an eighth nobody who comes gets anything.
            other.write_bytes(bytes((24 << 20) - (5 << 19)))
            status, words = await get(f"{relay.url}/health")
            assert status == 503
            assert "the disk is full" in words
            assert main(["status", "--data", str(relay.data), "--health"]) == 1
            assert "the disk is full" in capsys.readouterr().err
            (refused,) = await relay.store.write([make(1).put()], today=TODAY)
            assert refused.value == Verdict.REFUSED_FULL
            other.unlink()
            assert await get(f"{relay.url}/health") == (200, "ok\n")
            assert main(["status", "--data", str(relay.data), "--health"]) == 0


async def test_health_says_that_the_capacity_is_used_up(tmp_path: Path) -> None:
    settings: dict[str, Any] = {
        "capacity_bytes": 2 << 20,
        "partial_bytes": 1 << 20,
        "largest_body_bytes": 1 << 20,
    }
    async with running_relay(tmp_path / "relay", **settings, tag_share=1000) as relay:
        letters = [make(number, size_bytes=LETTER_BYTES) for number in range(200)]
        await relay.store.write([letter.put() for letter in letters], today=TODAY)
        for number in range(1000, 1200):
            (outcome,) = await relay.store.write([make(number).put()], today=TODAY)
            if outcome.status is AckStatus.REFUSED:
                break
        status, words = await get(f"{relay.url}/health")
        assert status == 503
        assert "capacity_bytes" in words
        await relay.store.write([letter.purged() for letter in letters], today=TODAY)
        # What was purged makes way.
        assert await get(f"{relay.url}/health") == (200, "ok\n")
