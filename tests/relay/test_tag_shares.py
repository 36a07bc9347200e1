"""What one tag may have of a store: most of it alone, as much as each other that wants more, and
always less than all. Every backend."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.relay.made_parcels import (
    LETTER_BYTES,
    LONG_LETTER_BYTES,
    ORIGINAL_BYTES,
    TODAY,
    Made,
    make,
)
from tests.relay.test_store_conformance import OpenStore, open_store, state_of

from qanat_protocol.frames import AckStatus
from qanat_protocol.parcel import Kind
from qanat_protocol.verdicts import Verdict
from qanat_relay.store.costs import cost_of
from qanat_relay.store.interface import Outcome, State, Store
from qanat_relay.store.limits import StoreLimits

__all__ = ["open_store"]

ROOM_BYTES = 4 << 20
OVER = Outcome(AckStatus.REFUSED, Verdict.REFUSED_QUOTA)


def limits(share: int = 4) -> StoreLimits:
    return StoreLimits(
        max_body_bytes=1 << 20,
        max_partial_bytes=1 << 20,
        max_store_bytes=ROOM_BYTES,
        tag_share=share,
    )


def tag(number: int) -> bytes:
    return bytes([number]) * 16


async def fill(
    store: Store,
    of: bytes,
    kind: Kind = Kind.LETTER,
    size_bytes: int = LONG_LETTER_BYTES,
    *,
    first: int = 0,
) -> list[Made]:
    """Write parcels under a tag until one is refused; those that were taken."""
    taken: list[Made] = []
    for number in range(first, first + 2000):
        made = make(number, kind, size_bytes, tag=of)
        (outcome,) = await store.write([made.put()], today=TODAY)
        if outcome.status is not AckStatus.STORED:
            assert outcome == OVER
            return taken
        taken.append(made)
    raise AssertionError("nothing was refused")


@pytest.mark.parametrize(
    ("kind", "size_bytes"),
    [
        (Kind.LETTER, LETTER_BYTES),
        (Kind.LETTER, LONG_LETTER_BYTES),
        (Kind.PART, ORIGINAL_BYTES),
    ],
)
async def test_one_tag_alone_has_most_of_the_room_and_leaves_some_for_others(
    open_store: OpenStore, kind: Kind, size_bytes: int
) -> None:
    store = await open_store(limits())
    taken = await fill(store, tag(1), kind, size_bytes)
    assert 0.6 * ROOM_BYTES < len(taken) * cost_of(size_bytes) < 0.88 * ROOM_BYTES
    small = make(1, kind, size_bytes, tag=tag(2))
    assert await store.write([small.ask(), small.put()], today=TODAY) == [
        Outcome(AckStatus.PARTIAL, 0),
        Outcome(AckStatus.STORED),
    ]
    # What was acknowledged stays.
    assert all([await state_of(store, made) is State.HELD for made in taken])
    assert [problem async for problem in store.check()] == []


@pytest.mark.parametrize("by", ["opened", "purged"])
async def test_parts_find_the_room_of_what_makes_way_for_them(
    open_store: OpenStore, by: str
) -> None:
    store = await open_store(limits())
    old = await fill(store, tag(1), Kind.PART, ORIGINAL_BYTES)
    over = make(5000, Kind.PART, ORIGINAL_BYTES, tag=tag(1))
    assert await store.write([over.ask(), over.put()], today=TODAY) == [OVER, OVER]
    assert (await store.stats()).yielding_bytes == 0
    for made in old:
        mark = made.opened() if by == "opened" else made.purged()
        assert await store.write([mark], today=TODAY) == [Outcome(AckStatus.STORED)]
    assert (await store.stats()).yielding_bytes == len(old) * ORIGINAL_BYTES
    assert await store.write([over.ask()], today=TODAY) == [Outcome(AckStatus.PARTIAL, 0)]
    new = await fill(store, tag(1), Kind.PART, ORIGINAL_BYTES, first=6000)
    assert len(new) > 0.8 * len(old)
    assert all([await state_of(store, made) is State.HELD for made in new])
    assert (await store.stats()).yielding_bytes < len(old) * ORIGINAL_BYTES // 2
    assert [problem async for problem in store.check()] == []


async def test_two_tags_that_want_more_than_there_is_have_as_much_each(
    open_store: OpenStore,
) -> None:
    store = await open_store(limits(share=1))
    counts = {1: 0, 2: 0}
    for number in range(400):
        for of in counts:
            made = make(number, size_bytes=LONG_LETTER_BYTES, tag=tag(of))
            (outcome,) = await store.write([made.put()], today=TODAY)
            counts[of] += outcome.status is AckStatus.STORED
    assert abs(counts[1] - counts[2]) <= 1
    third = await fill(store, tag(3))
    assert len(third) >= counts[1] // 3


async def test_parts_of_a_tag_take_no_room_from_its_letters(open_store: OpenStore) -> None:
    store = await open_store(limits())
    await fill(store, tag(1), Kind.PART, ORIGINAL_BYTES)
    letter = make(1, tag=tag(1))
    assert await store.write([letter.put()], today=TODAY) == [Outcome(AckStatus.STORED)]


async def test_all_replies_count_as_of_one_tag(open_store: OpenStore) -> None:
    store = await open_store(limits())
    taken = 0
    for number in range(2000):
        made = make(number, Kind.REPLY, tag=number.to_bytes(16, "big"))
        (outcome,) = await store.write([made.put()], today=TODAY)
        if outcome.status is not AckStatus.STORED:
            assert outcome == OVER
            break
        taken += 1
    assert taken * cost_of(LETTER_BYTES) < 0.88 * ROOM_BYTES
    letter = make(1, tag=tag(1))
    assert await store.write([letter.put()], today=TODAY) == [Outcome(AckStatus.STORED)]


async def test_what_is_purged_makes_room_for_its_tag_again(open_store: OpenStore) -> None:
    store = await open_store(limits())
    taken = await fill(store, tag(1))
    await store.write([made.purged() for made in taken[:10]], today=TODAY)
    again = await fill_more(store, tag(1))
    assert again >= 8
    assert [problem async for problem in store.check()] == []


async def fill_more(store: Store, of: bytes) -> int:
    """How many more letters are taken under a tag."""
    for count in range(100):
        made = make(5000 + count, size_bytes=LONG_LETTER_BYTES, tag=of)
        (outcome,) = await store.write([made.put()], today=TODAY)
        if outcome == OVER:
            return count
    raise AssertionError("nothing was refused")


async def test_halves_of_one_tag_leave_others_some_of_their_quota(open_store: OpenStore) -> None:
    store = await open_store(limits())
    begun = 0
    for number in range(200):
        half = make(number, Kind.PART, ORIGINAL_BYTES, tag=tag(1))
        (outcome,) = await store.write([half.put(0)], today=TODAY)
        if outcome == OVER:
            break
        begun += 1
    assert 0.6 * (1 << 20) < begun * 16_384 < 0.85 * (1 << 20)
    other = make(1, Kind.PART, ORIGINAL_BYTES, tag=tag(2))
    assert await store.write([other.put(0)], today=TODAY) == [Outcome(AckStatus.PARTIAL, 1)]
    # A body that comes to its end is always within the share.
    first = make(0, Kind.PART, ORIGINAL_BYTES, tag=tag(1))
    assert await store.write([first.put()], today=TODAY) == [Outcome(AckStatus.STORED)]


async def test_what_is_held_by_tag_is_known_again_after_a_restart(open_store: OpenStore) -> None:
    store = await open_store(limits())
    taken = await fill(store, tag(1))
    store = await open_store(limits())
    assert await fill_more(store, tag(1)) == 0
    assert (await store.stats()).kept_bytes == len(taken) * cost_of(LONG_LETTER_BYTES)


def test_a_share_below_one_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="tag_share"):
        limits(share=0)
