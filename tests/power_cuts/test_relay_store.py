"""The relay's store after power cuts: whatever it acknowledged is there, whole."""

import asyncio
from pathlib import Path

import pytest
from tests.power_cuts.cutting import Case
from tests.relay.made_parcels import TAG, TODAY, Made, make, part

from qanat_protocol.frames import AckStatus
from qanat_protocol.parcel import Rank
from qanat_relay.store.errors import NotHeld
from qanat_relay.store.interface import Half, State, Store
from qanat_relay.store.limits import StoreLimits
from qanat_relay.store.sqlite import SqliteStore

LATER = 1_000_000
"""A number that no parcel of the recorded run has."""


async def body_of(store: Store, parcel: Made) -> bytes:
    return b"".join(await store.blocks(parcel.parcel_id, range(len(parcel.blocks))))


async def assert_kept(store: Store, word: str, number: int, value: int) -> None:
    if word == "letters":
        for letter in (make(number), make(-number)):
            assert await body_of(store, letter) == letter.body
        return
    parcel = make(number) if word == "purged" else part(number)
    (holding,) = await store.look_up([parcel.header.offer])
    assert holding is not None
    if word == "purged":
        assert holding.state is State.PURGED
    elif holding.state is State.PARTIAL:
        assert word == "partial"
        assert holding.held is not None
        assert holding.held.count() >= value
        # All that was acknowledged can be given on, with what proves it.
        halves = await store.list_halves([TAG], Rank.ORIGINAL, 100)
        assert Half(parcel.header, holding.held) in halves
        assert await store.leaves(parcel.parcel_id, 0, len(parcel.blocks)) == parcel.leaves
        # What was held makes, with the rest, the body that it is a part of.
        rest = [index for index in range(len(parcel.blocks)) if index not in set(holding.held)]
        (outcome,) = await store.write([parcel.put(*rest)], today=TODAY)
        assert outcome.status is AckStatus.STORED
        assert await body_of(store, parcel) == parcel.body
    else:
        assert await body_of(store, parcel) == parcel.body


async def assert_whole(folder: Path, said: list[str]) -> None:
    store = await SqliteStore.open(folder, StoreLimits())
    try:
        for line in said:
            word, number, value = line.split()
            await assert_kept(store, word, int(number), int(value))
        assert [problem async for problem in store.check()] == []
        (outcome,) = await store.write([make(LATER).put()], today=TODAY)
        assert outcome.status is AckStatus.STORED
    finally:
        await store.close()


def check(folder: Path, said: list[str]) -> None:
    asyncio.run(assert_whole(folder, said))


def recorded(place: Path, letters: int, *how: str) -> Case:
    (place / "folder").mkdir()
    return Case.record(
        place, ["-m", "tests.power_cuts.relay_writer", place / "folder", str(letters), *how]
    )


def test_what_a_relay_acknowledged_survives_a_power_cut(tmp_path: Path) -> None:
    case = recorded(tmp_path, letters=4)
    assert {line.split()[0] for line in case.disk.said(case.cuts)} == {
        "letters", "purged", "partial", "original",
    }  # fmt: skip
    case.check(check, case.some_cuts(90, seed=1), seed=1)


def test_a_relay_that_acknowledges_before_it_commits_is_caught(tmp_path: Path) -> None:
    case = recorded(tmp_path, 1, "hasty")
    with pytest.raises((NotHeld, AssertionError)) as caught:
        case.check(check, range(case.cuts + 1), seed=1)
    assert "to have it again" in caught.value.__notes__[0]


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(4))
def test_what_a_relay_acknowledged_survives_a_power_cut_at_any_point(
    tmp_path: Path, seed: int
) -> None:
    case = recorded(tmp_path, letters=12)
    case.check(check, range(case.cuts + 1), seed)
