"""The relay's store, made from no folder at all and swept, after power cuts: what has not expired
is there, and what was swept does not come back."""

import asyncio
from pathlib import Path

import pytest
from tests.power_cuts.cutting import Case
from tests.power_cuts.relay_sweeper import DAYS, expiry_of
from tests.relay.made_parcels import make

from qanat_relay.store.interface import State
from qanat_relay.store.limits import StoreLimits
from qanat_relay.store.sqlite import SqliteStore

STORE = Path("new", "store")


async def assert_swept(folder: Path, said: list[str]) -> None:
    letters, sweeping, swept = (
        [int(line.split()[1]) for line in said if line.startswith(f"{word} ")]
        for word in ("letter", "sweeping", "swept")
    )
    store = await SqliteStore.open(folder / STORE, StoreLimits())
    try:
        # A sweep that had begun may have come far.
        begun, ended = max(sweeping, default=0), max(swept, default=0)
        for number in letters:
            letter = make(number, expiry_day=expiry_of(number))
            (holding,) = await store.look_up([letter.header.offer])
            if expiry_of(number) >= begun:
                assert holding is not None
                if number % 7 or holding.state is State.HELD:
                    assert await store.blocks(letter.parcel_id, [0]) == [letter.body]
            elif expiry_of(number) < ended:
                assert holding is None or holding.state is not State.HELD
        assert [problem async for problem in store.check()] == []
        await store.sweep(DAYS[-1])
        assert [problem async for problem in store.check()] == []
    finally:
        await store.close()


def check(folder: Path, said: list[str]) -> None:
    asyncio.run(assert_swept(folder, said))


def recorded(place: Path) -> Case:
    (place / "folder").mkdir()
    return Case.record(place, ["-m", "tests.power_cuts.relay_sweeper", place / "folder" / STORE])


def test_what_a_relay_sweeps_and_what_it_keeps_survive_a_power_cut(tmp_path: Path) -> None:
    case = recorded(tmp_path)
    case.check(check, case.some_cuts(60, seed=8), seed=8)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(4))
def test_what_a_relay_sweeps_and_keeps_survives_a_power_cut_at_any_point(
    tmp_path: Path, seed: int
) -> None:
    case = recorded(tmp_path)
    case.check(check, range(case.cuts + 1), seed)
