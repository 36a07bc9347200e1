"""Tags are what the specification says, and prefixes match bit by bit."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qanat_protocol import tags
from qanat_protocol.errors import LocalMalformed

SECRET = bytes(range(32))


def h(*parts: bytes) -> bytes:
    return hashlib.sha256(b"".join(parts)).digest()


def test_tags_are_what_the_specification_says() -> None:
    epoch = bytes.fromhex("00000a98")
    assert tags.desk_tag(SECRET, 0xA98) == h(b"qanat/1/desk-tag\0", SECRET, epoch)[:16]
    assert tags.public_tag(SECRET) == h(b"qanat/1/public-tag\0", SECRET)[:16]
    prefix = h(b"qanat/1/mailbox-prefix\0", SECRET, epoch)[:4]
    assert tags.mailbox_prefix(SECRET, 0xA98) == prefix
    rest = h(b"qanat/1/mailbox-tag\0", SECRET, epoch, bytes.fromhex("00000102"))[:12]
    assert tags.reply_tag(SECRET, 0xA98, 0x102) == prefix + rest


def test_replies_of_one_week_share_a_prefix_and_nothing_else() -> None:
    found = {tags.reply_tag(SECRET, 2712, number) for number in range(100)}
    assert len({tag[4:] for tag in found}) == 100
    assert {tag[:4] for tag in found} == {tags.mailbox_prefix(SECRET, 2712)}
    assert tags.mailbox_prefix(SECRET, 2713) != tags.mailbox_prefix(SECRET, 2712)


@given(st.binary(min_size=16, max_size=32), st.binary(min_size=4, max_size=4), st.integers(0, 32))
def test_a_prefix_matches_where_its_bits_are_the_same(tag: bytes, prefix: bytes, bits: int) -> None:
    def binary(data: bytes) -> str:
        return "".join(f"{byte:08b}" for byte in data[:4])[:bits]

    assert tags.prefix_matches(tag, prefix, bits) == (binary(tag) == binary(prefix))


@given(st.binary(min_size=16, max_size=32), st.integers(0, 31))
def test_one_other_bit_within_the_prefix_does_not_match(tag: bytes, bit: int) -> None:
    prefix = (int.from_bytes(tag[:4], "big") ^ 1 << 31 - bit).to_bytes(4, "big")
    assert tags.prefix_matches(tag, prefix, bit)
    assert not tags.prefix_matches(tag, prefix, bit + 1)


@pytest.mark.parametrize("bits", range(33))
def test_every_tag_matches_its_own_prefix(bits: int) -> None:
    tag = tags.reply_tag(SECRET, 2712, 7)
    assert tags.prefix_matches(tag, tags.mailbox_prefix(SECRET, 2712), bits)


@pytest.mark.parametrize("number", [-1, 2**32, 2**53 - 1])
def test_no_tag_is_made_of_a_number_that_does_not_fit(number: int) -> None:
    with pytest.raises(LocalMalformed):
        tags.desk_tag(SECRET, number)
    with pytest.raises(LocalMalformed):
        tags.mailbox_prefix(SECRET, number)
    with pytest.raises(LocalMalformed):
        tags.reply_tag(SECRET, 2712, number)
    assert tags.reply_tag(SECRET, 2**32 - 1, 2**32 - 1) != tags.reply_tag(SECRET, 2**32 - 1, 0)
