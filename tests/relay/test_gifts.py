"""Which of the parcels that a session is to be given goes next."""

from __future__ import annotations

from tests.relay.made_parcels import (
    LONG_LETTER_BYTES,
    PREVIEW_BYTES,
    TODAY,
    Made,
    make,
    part,
)

from qanat_protocol.bitmap import Bitmap
from qanat_protocol.limits import BLOCK_BYTES, MAX_OPEN_TRANSFERS
from qanat_protocol.parcel import Kind
from qanat_protocol.schedule import AGING_DAYS
from qanat_relay.gift import SLICE_BLOCKS, Gift
from qanat_relay.gifts import MAX_OPEN_PARTS, Gifts

LONGEST_LETTER_BYTES = 245_760
"""Fifteen blocks: two turns."""

NOTHING = Bitmap()


def add(
    gifts: Gifts,
    made: Made,
    *,
    taken_day: int | None = TODAY,
    wanted: bool = False,
    held: Bitmap = NOTHING,
) -> Gift:
    gift, _ = gifts.add(made.header, held=held, taken_day=taken_day, today=TODAY, wanted=wanted)
    return gift


def first(gifts: Gifts) -> Gift:
    gift = gifts.first()
    assert gift is not None
    return gift


async def test_what_was_asked_for_by_id_goes_first_of_its_class_though_it_waited_before() -> None:
    gifts = Gifts()
    add(gifts, part(1))
    wanted = add(gifts, part(2))
    assert add(gifts, part(2), wanted=True) is wanted
    preview = add(gifts, part(3, PREVIEW_BYTES))
    assert first(gifts) is preview
    gifts.end(preview)
    assert first(gifts) is wanted


async def test_what_waited_for_a_week_counts_one_class_better() -> None:
    gifts = Gifts()
    preview = add(gifts, part(1, PREVIEW_BYTES))
    old = add(gifts, part(2), taken_day=TODAY - AGING_DAYS)
    assert first(gifts) is preview
    gifts.sent(preview, BLOCK_BYTES)
    assert first(gifts) is old


async def test_replies_go_in_their_order_though_each_has_a_tag_of_its_own() -> None:
    gifts = Gifts()
    replies = [
        add(gifts, make(n, Kind.REPLY, LONG_LETTER_BYTES, tag=n.to_bytes(16))) for n in range(3)
    ]
    gifts.sent(replies[0], BLOCK_BYTES)
    assert first(gifts) is replies[0]


async def test_small_ones_go_together_up_to_a_slice_and_never_past_what_goes_before_them() -> None:
    gifts = Gifts()
    letters = [add(gifts, make(number, size_bytes=16_384)) for number in range(SLICE_BLOCKS + 1)]
    assert gifts.take_small() == letters[:SLICE_BLOCKS]
    urgent = add(gifts, make(99, size_bytes=LONG_LETTER_BYTES, urgent=True))
    assert gifts.take_small() == []
    gifts.end(urgent)
    assert gifts.take_small() == letters[SLICE_BLOCKS:]
    assert not gifts


async def test_blocks_that_the_other_side_has_are_not_left() -> None:
    gifts = Gifts()
    for indices in ([0], [10], range(11), [0, 10, 11, 200]):
        held = Bitmap.from_indices(indices)
        gift = add(gifts, part(1), held=held)
        sizes = [len(block.data) for block in part(1).blocks if block.index not in held]
        assert gift.left_bytes == sum(sizes)
        gifts.end(gift)


async def test_what_is_there_already_still_goes_once() -> None:
    gifts = Gifts()
    gift = add(gifts, part(1), held=Bitmap.from_indices(range(11)))
    assert first(gifts) is gift
    assert not gifts.sent(gift, 0)
    gifts.end(gift)


async def test_letters_can_open_transfers_where_parts_have_to_wait() -> None:
    gifts = Gifts()
    parts = [
        add(gifts, part(number, tag=number.to_bytes(16)))  # type: ignore[arg-type]
        for number in range(MAX_OPEN_PARTS + 1)
    ]
    for handle in range(MAX_OPEN_PARTS):
        gift = first(gifts)
        assert gift is parts[handle]
        open_with(gifts, gift, handle)
    assert first(gifts) is parts[0]
    letters = [
        add(gifts, make(number, size_bytes=LONGEST_LETTER_BYTES, tag=number.to_bytes(16)))
        for number in range(MAX_OPEN_TRANSFERS)
    ]
    for handle in range(MAX_OPEN_PARTS, MAX_OPEN_TRANSFERS):
        gift = first(gifts)
        assert gift is letters[handle - MAX_OPEN_PARTS]
        open_with(gifts, gift, handle)
    assert first(gifts) is letters[0]
    small = add(gifts, make(5000, urgent=True))
    assert first(gifts) is small


def open_with(gifts: Gifts, gift: Gift, handle: int) -> None:
    gifts.opened(gift, handle)
    assert gifts.by_handle(handle) is gift
    assert gifts.sent(gift, SLICE_BLOCKS * BLOCK_BYTES)
