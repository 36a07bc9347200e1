"""Bitmaps of held blocks (SPEC 17, PARTIAL)."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from qanat_protocol.bitmap import Bitmap
from qanat_protocol.errors import LocalMalformed, Malformed

INDICES = st.sets(st.integers(0, 65_535), max_size=40)


@given(INDICES)
def test_a_bitmap_holds_what_it_was_made_from(indices: set[int]) -> None:
    bitmap = Bitmap.from_indices(indices)
    assert list(bitmap) == sorted(indices)
    assert bitmap.count() == len(indices)
    assert all(index in bitmap for index in indices)
    assert Bitmap.from_bytes(bitmap.to_bytes()) == bitmap
    assert Bitmap.from_indices(sorted(indices, reverse=True)) == bitmap


@given(st.sets(st.integers(0, 90)), st.integers(0, 100))
def test_what_is_missing_is_what_is_not_held(indices: set[int], blocks: int) -> None:
    missing = Bitmap.from_indices(indices).missing(blocks)
    assert list(missing) == [index for index in range(blocks) if index not in indices]


@given(st.sets(st.integers(0, 90)), st.integers(0, 100))
def test_what_is_missing_is_counted_without_what_no_block_stands_for(
    indices: set[int], blocks: int
) -> None:
    bitmap = Bitmap.from_indices(indices)
    assert bitmap.count_missing(blocks) == len(list(bitmap.missing(blocks)))


@given(INDICES, INDICES)
@example({1, 200}, {200})
@example(set(), {3})
def test_bitmaps_join_as_sets_do(ours: set[int], theirs: set[int]) -> None:
    one, other = Bitmap.from_indices(ours), Bitmap.from_indices(theirs)
    assert one | other == Bitmap.from_indices(ours | theirs)
    assert one & other == Bitmap.from_indices(ours & theirs)
    assert one - other == Bitmap.from_indices(ours - theirs)


def test_whatever_byte_a_bitmap_ends_in_is_kept_where_bitmaps_join() -> None:
    for byte in range(1, 256):
        bitmap = Bitmap.from_bytes(bytes([0, byte]))
        assert bitmap | Bitmap() == bitmap & bitmap == bitmap - Bitmap() == bitmap


@pytest.mark.parametrize("blocks", [0, 1, 7, 8, 9, 64, 65_536])
def test_the_bitmap_of_a_whole_body_holds_each_block(blocks: int) -> None:
    assert Bitmap.below(blocks) == Bitmap.from_indices(range(blocks))


@pytest.mark.parametrize("blocks", [-1, 262_145])
def test_there_is_no_bitmap_of_more_blocks_than_a_body_has(blocks: int) -> None:
    with pytest.raises(LocalMalformed):
        Bitmap.below(blocks)


def test_bit_seven_of_byte_zero_is_block_zero() -> None:
    assert Bitmap.from_indices([0]).to_bytes() == b"\x80"
    assert Bitmap.from_indices([8, 7]).to_bytes() == b"\x01\x80"
    assert Bitmap().to_bytes() == Bitmap.from_indices([]).to_bytes() == b""


def test_an_index_beyond_the_bitmap_is_not_in_it() -> None:
    bitmap = Bitmap.from_indices([3])
    assert 8 not in bitmap
    assert -5 not in bitmap
    assert 4 not in bitmap


@given(st.binary(max_size=20))
@example(b"\x00")
@example(b"\x01\x00")
@example(b"")
def test_bytes_are_a_bitmap_exactly_if_no_zero_byte_trails(packed: bytes) -> None:
    if packed.endswith(b"\x00"):
        with pytest.raises(Malformed, match="zero bytes"):
            Bitmap.from_bytes(packed)
    else:
        assert Bitmap.from_bytes(packed).to_bytes() == packed


def test_a_bitmap_is_as_long_as_the_largest_body_needs() -> None:
    assert Bitmap.from_bytes(b"\xff" * 8192).count() == 65_536
    with pytest.raises(Malformed, match="at most 8,192"):
        Bitmap.from_bytes(b"\xff" * 8193)


@pytest.mark.parametrize("index", [-1, 65_536])
def test_an_index_that_no_body_has_makes_no_bitmap(index: int) -> None:
    with pytest.raises(LocalMalformed):
        Bitmap.from_indices([index])
