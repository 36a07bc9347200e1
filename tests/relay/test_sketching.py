"""What a relay keeps for sketches is what its store knows, whatever happened to it since."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from pathlib import Path

import pytest
from tests.relay.made_parcels import EXPIRY, TODAY, Made, make

from qanat_protocol.estimate import balance_of
from qanat_protocol.sketch import Sketched, pack_cells, sum_cells
from qanat_relay import sketching
from qanat_relay.sketching import Sketches, View
from qanat_relay.store.limits import StoreLimits
from qanat_relay.store.sqlite import SqliteStore

TAG, OTHER_TAG = b"a" * 16, b"b" * 16


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    opened = await SqliteStore.open(tmp_path / "store", StoreLimits())
    yield opened
    await opened.close()


def letters(first: int, end: int, tag: bytes = TAG) -> list[Made]:
    return [make(number, tag=tag) for number in range(first, end)]


async def put(store: SqliteStore, made: Iterable[Made], today: int = TODAY) -> None:
    await store.write([one.put() for one in made], today=today)


def is_of(view: View, made: Iterable[Made]) -> bool:
    ids = b"".join(one.parcel_id for one in made)
    keyed = Sketched(view.key, ids)
    same = len(view) == len(ids) // 32 and view.fingerprint == keyed.fingerprint
    cells = pack_cells(sum_cells(keyed.short_ids, 300))
    return same and pack_cells(view.cells(0, 0, 300)) == cells


async def seen(sketches: Sketches, *tags: bytes) -> View:
    found = await sketches.view(tags or (TAG,))
    assert found is not None
    return found[0]


async def test_a_sketch_is_of_what_is_known_under_some_tags(store: SqliteStore) -> None:
    mine, others = letters(0, 300), letters(300, 400, OTHER_TAG)
    await put(store, [*mine, *others])
    sketches = Sketches(store, lambda: TODAY)
    found = await sketches.view((TAG,))
    assert found is not None
    assert is_of(found[0], mine)
    assert (found[1] == balance_of(b"".join(one.parcel_id for one in mine))).all()
    assert is_of(await seen(sketches, TAG, OTHER_TAG, TAG, bytes(16)), [*mine, *others])
    assert len(await seen(sketches, bytes(16))) == 0


async def test_what_comes_later_is_added_and_a_view_stays_as_it_was(store: SqliteStore) -> None:
    first, later = letters(0, 50), letters(50, 80)
    await put(store, first)
    sketches = Sketches(store, lambda: TODAY)
    before = await seen(sketches)
    assert is_of(before, first)
    await put(store, later)
    assert is_of(await seen(sketches), [*first, *later])
    assert is_of(before, first)


async def test_what_was_purged_stays_known(store: SqliteStore) -> None:
    made = letters(0, 20)
    await put(store, made)
    await store.write([one.purged() for one in made[:7]], today=TODAY)
    sketches = Sketches(store, lambda: TODAY)
    assert is_of(await seen(sketches), made)
    await store.write([one.purged() for one in made[7:]], today=TODAY)
    assert is_of(await seen(sketches), made)


async def test_numbers_that_are_dealt_anew_bring_nothing_twice(store: SqliteStore) -> None:
    made = letters(0, 100)
    sketches = Sketches(store, lambda: TODAY)
    for at in range(0, 100, 20):
        await put(store, made[at : at + 20])
        assert is_of(await seen(sketches), made[: at + 20])
        await store.sweep(TODAY)
    assert is_of(await seen(sketches), made)


async def test_another_day_has_another_key_and_what_expired_is_gone(store: SqliteStore) -> None:
    short, long = (
        letters(0, 10),
        [make(number, tag=TAG, expiry_day=EXPIRY + 7) for number in range(9)],
    )
    await put(store, [*short, *long])
    day = [TODAY]
    sketches = Sketches(store, lambda: day[0])
    first = await seen(sketches)
    assert is_of(first, [*short, *long])
    assert (await seen(sketches)).key == first.key
    day[0] = EXPIRY + 1
    second = await seen(sketches)
    assert second.key != first.key
    assert is_of(second, long)


async def test_what_is_too_much_to_keep_is_not_kept(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    await put(store, [*letters(0, 30), *letters(30, 40, OTHER_TAG)])
    sketches = Sketches(store, lambda: TODAY)
    monkeypatch.setattr(sketching, "MAX_SKETCHED", 20)
    assert await sketches.view((TAG, OTHER_TAG)) is None
    monkeypatch.setattr(sketching, "MAX_SKETCHED", 35)
    assert len(await seen(sketches)) == 30
    assert len(await seen(sketches, OTHER_TAG)) == 10
    assert len(await seen(sketches)) == 30


async def test_tags_that_were_asked_for_long_ago_are_read_again(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sketching, "MAX_TAGS", 1)
    mine, others = letters(0, 30), letters(30, 40, OTHER_TAG)
    await put(store, [*mine, *others])
    sketches = Sketches(store, lambda: TODAY)
    for _ in range(2):
        assert is_of(await seen(sketches), mine)
        assert is_of(await seen(sketches, OTHER_TAG), others)


async def test_a_session_that_ends_meanwhile_leaves_nothing_half_done(store: SqliteStore) -> None:
    made = letters(0, 200)
    await put(store, made)
    sketches = Sketches(store, lambda: TODAY)
    for _ in range(20):
        task = asyncio.create_task(sketches.view((TAG,)))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert is_of(await seen(sketches), made)


async def test_parcels_are_found_by_prefix_and_by_the_head_of_their_short_id(
    store: SqliteStore,
) -> None:
    made = letters(0, 200)
    await put(store, made)
    sketches = Sketches(store, lambda: TODAY)
    view = await seen(sketches)
    ids = [one.parcel_id for one in made]
    begin = {one[:16] for one in ids if one[0] >> 7}
    assert set(view.begin_with(1, 1 << 31, 1000)) == begin
    assert len(view.begin_with(1, 1 << 31, 3)) == 3
    chosen = b"".join(one for one in ids if one[0] >> 7)
    cells = pack_cells(sum_cells(Sketched(view.key, chosen).short_ids, 40))
    assert pack_cells(view.cells(1, 1 << 31, 40)) == cells
    short_ids = Sketched(view.key, b"".join(ids[:5])).short_ids.astype(">u8").tobytes()
    heads = [short_ids[at : at + 5] for at in range(0, 40, 8)]
    assert set(view.with_heads(heads)) == {one[:16] for one in ids[:5]}
    assert view.with_heads([]) == []
