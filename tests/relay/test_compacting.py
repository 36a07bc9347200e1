"""Space that is given back to the disk, and what a small disk does to a relay."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path

import pytest
from tests.relay.made_parcels import EXPIRY, TODAY, Made, make
from tests.relay.made_peers import hold, states
from tests.relay.running_relay import running_relay
from tests.relay.small_disk import small_disk

from qanat_protocol.frames import AckStatus
from qanat_protocol.verdicts import Verdict
from qanat_relay.cli import main
from qanat_relay.store.errors import StoreFull
from qanat_relay.store.files import DATABASE
from qanat_relay.store.interface import Outcome, State
from qanat_relay.store.limits import StoreLimits
from qanat_relay.store.sqlite import SqliteStore

Told = pytest.CaptureFixture[str]


async def fill(data: Path, *, gone: int = 400, kept: int = 50) -> bytes:
    """A relay of which most has expired; its store's incarnation."""
    assert main(["init", "--data", str(data)]) == 0
    store = await SqliteStore.open(data / "store", StoreLimits())
    letters = [make(number, expiry_day=TODAY + 1) for number in range(gone)]
    letters += [make(number) for number in range(gone, gone + kept)]
    for at in range(0, len(letters), 50):
        await store.write([each.put() for each in letters[at : at + 50]], today=TODAY)
    await store.sweep(TODAY)
    await store.sweep(TODAY + 2)
    await store.close()
    return store.incarnation


async def test_what_is_unused_is_given_back_and_nothing_else_changes(
    tmp_path: Path, capsys: Told
) -> None:
    data = tmp_path / "relay"
    incarnation = await fill(data)
    path = data / "store" / DATABASE
    before = path.stat().st_size
    assert main(["compact", "--data", str(data)]) == 0
    told = capsys.readouterr().out
    assert "are unused" in told
    assert "beside it" in told
    assert path.stat().st_size < before / 4
    store = await SqliteStore.open(data / "store", StoreLimits())
    # Every cursor into it still counts.
    assert store.incarnation == incarnation
    found = await store.look_up([make(number).header.offer for number in range(400, 450)])
    assert {each and each.state for each in found} == {State.HELD}
    assert [problem async for problem in store.check()] == []
    await store.close()
    assert main(["compact", "--data", str(data)]) == 0
    assert "0 B given back" in capsys.readouterr().out


async def test_a_relay_that_runs_is_not_compacted(tmp_path: Path, capsys: Told) -> None:
    async with running_relay(tmp_path / "relay") as relay:
        assert main(["compact", "--data", str(relay.data)]) == 1
    assert "Stop it first" in capsys.readouterr().err


async def test_compacting_says_what_it_needs_and_refuses_where_that_is_not_there(
    tmp_path: Path, capsys: Told
) -> None:
    with small_disk(tmp_path / "disk", "30m") as disk:
        await fill(disk / "relay")
        path = disk / "relay" / "store" / DATABASE
        before = path.read_bytes()
        assert main(["compact", "--data", str(disk / "relay")]) == 1
        said = capsys.readouterr()
        assert "This takes" in said.out
        assert "are needed" in said.err
        assert path.read_bytes() == before


# A disk that is full


async def test_a_full_disk_loses_nothing_acknowledged_and_is_swept_all_the_same(
    tmp_path: Path,
) -> None:
    with small_disk(tmp_path / "disk", "48m") as disk:
        store = await SqliteStore.open(disk / "store", StoreLimits())
        kept: list[Made] = []
        letters: list[Made] = []
        full = Outcome(AckStatus.REFUSED, Verdict.REFUSED_FULL)
        refused = False
        while not refused:
            letters = [make(len(kept) + each, size_bytes=16_384) for each in range(100)]
            outcomes = await store.write([each.put() for each in letters], today=TODAY)
            assert set(outcomes) <= {Outcome(AckStatus.STORED), full}
            refused = full in outcomes
            stored = [each for each, told in zip(letters, outcomes, strict=True) if told != full]
            kept += stored
            found = await store.look_up([each.header.offer for each in letters])
            assert [each is not None for each in found] == [told != full for told in outcomes]
        assert len(kept) > 1000
        bodies = await store.bodies([each.parcel_id for each in kept])
        assert bodies == [each.body for each in kept]
        # The disk is as full as it gets, and the sweep makes room on it by itself.
        expired = [(await store.sweep(day)).expired for day in range(TODAY, EXPIRY + 4, 3)]
        assert sum(expired) == len(kept)
        new = [make(-number) for number in range(1, 100)]
        outcomes = await store.write(
            [each.put() for each in letters if each not in kept] + [each.put() for each in new],
            today=TODAY + 10,
        )
        assert set(outcomes[-99:]) == {Outcome(AckStatus.STORED)}
        assert [problem async for problem in store.check()] == []
        await store.close()


async def test_a_disk_that_others_fill_refuses_by_name_and_passes_by_itself(
    tmp_path: Path,
) -> None:
    with small_disk(tmp_path / "disk", "8m") as disk:
        async with running_relay(disk / "relay") as relay:
            await hold(relay, make(1))
            filler = disk / "filler"
            with filler.open("wb", buffering=0) as file, suppress(OSError):
                while file.write(bytes(4096)):
                    pass
            letters = [make(number) for number in range(10, 20)]
            results = await asyncio.gather(
                *(relay.store.write([each.put()], today=TODAY) for each in letters),
                return_exceptions=True,
            )
            full = [Outcome(AckStatus.REFUSED, Verdict.REFUSED_FULL)]
            assert all(result == full or isinstance(result, StoreFull) for result in results)
            assert set(await states(relay, letters)) == {None}
            assert await states(relay, [make(1)]) == [State.HELD]
            filler.unlink()
            await hold(relay, *letters)
            assert set(await states(relay, letters)) == {State.HELD}
            assert [problem async for problem in relay.store.check()] == []
