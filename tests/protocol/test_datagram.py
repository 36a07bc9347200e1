"""A datagram is read as it was written, or refused, and shows nothing to who has no card."""

import hashlib
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tests.protocol.made_datagram_links import KEY
from tests.protocol.samples import parses_or_refuses

from qanat_protocol.channel import ClientChannel
from qanat_protocol.datagram import (
    MAX_DATA_BYTES,
    MAX_DATAGRAM_BYTES,
    MAX_RANGES,
    Acks,
    Datagram,
    Mask,
)
from qanat_protocol.errors import LocalError, Malformed
from qanat_protocol.sealing import SealingSecret

TO_RELAY = Mask(KEY, to_relay=True)
FROM_RELAY = Mask(KEY, to_relay=False)
MOST = (1 << 32) - 1
END = 1 << 48

ACKS = Acks(((40, 50), (20, 30), (7, 7)), 25, 1 << 20)
WHOLE = Datagram(b"connects", 9, ACKS, 3, b"data", is_last=True, closes=True)


def plain(datagram: Datagram) -> bytes:
    """What is below the mask: XOR with what the same mask makes of zeros."""
    return unmasked(TO_RELAY.write(datagram))


def unmasked(written: bytes) -> bytes:
    return TO_RELAY._turn(written[:8], written[8:])


def masked(data: bytes) -> bytes:
    tag = TO_RELAY._tag(data)
    return tag + TO_RELAY._turn(tag, data)


def read(data: bytes) -> Datagram:
    return TO_RELAY.read(masked(data))


HEAD = b"connects" + (9).to_bytes(4, "big")


def ranges_of(numbers: set[int]) -> tuple[tuple[int, int], ...]:
    ranges: list[tuple[int, int]] = []
    for number in sorted(numbers, reverse=True):
        if ranges and ranges[-1][0] == number + 1:
            ranges[-1] = (number, ranges[-1][1])
        else:
            ranges.append((number, number))
    return tuple(ranges[:MAX_RANGES])


acks = st.builds(
    Acks,
    st.sets(st.integers(0, 60) | st.integers(0, MOST), min_size=1).map(ranges_of),
    st.integers(0, 0xFFFF),
    st.integers(0, END - 1),
)
datagrams = st.builds(
    lambda connection, number, acks, data, closes: Datagram(
        connection, number, acks, closes=closes, **data
    ),
    st.binary(min_size=8, max_size=8),
    st.integers(0, MOST),
    st.none() | acks,
    st.just({})
    | st.fixed_dictionaries(
        {
            "offset": st.integers(0, END - 300),
            "data": st.binary(max_size=200),
            "is_last": st.booleans(),
        }
    ),
    st.booleans(),
)


@given(datagrams)
@example(WHOLE)
@example(Datagram(bytes(8), 0))
@example(Datagram(b"\xff" * 8, MOST, Acks(((0, 0),), 0, 0), 0, b"", is_last=True))
@example(Datagram(bytes(8), 1, Acks(((MOST - 65_535, MOST), (0, 65_535)), 65_535, END - 1)))
def test_a_datagram_is_read_as_it_was_written(datagram: Datagram) -> None:
    written = TO_RELAY.write(datagram)
    assert TO_RELAY.read(written) == datagram
    assert len(written) <= MAX_DATAGRAM_BYTES


def test_a_datagram_is_what_the_specification_says() -> None:
    assert plain(WHOLE) == (
        HEAD
        + bytes([15, 3])
        + (25).to_bytes(2, "big")
        + (1 << 20).to_bytes(6, "big")
        + b"".join(
            last.to_bytes(4, "big") + length.to_bytes(2, "big")
            for last, length in ((50, 10), (30, 10), (7, 0))
        )
        + (3).to_bytes(6, "big")
        + b"data"
    )
    assert plain(Datagram(b"connects", 9)) == HEAD + b"\0"
    assert plain(Datagram(b"connects", 9, closes=True)) == HEAD + b"\x08"
    assert plain(Datagram(b"connects", 9, None, 5, b"")) == HEAD + b"\x02" + (5).to_bytes(6, "big")


def test_of_a_long_range_the_last_and_of_a_long_delay_the_most_are_told() -> None:
    told = read(plain(Datagram(bytes(8), 1, Acks(((0, 65_536),), 65_536, 0))))
    assert told.acks == Acks(((1, 65_536),), 65_535, 0)


# What a datagram has no place for


@pytest.mark.parametrize(
    "changes",
    [
        {"connection": bytes(7)},
        {"connection": bytes(9)},
        {"number": -1},
        {"number": 1 << 32},
        {"offset": -1},
        {"offset": END - 4},
        {"data": None},
        {"data": bytes(MAX_DATA_BYTES)},
        {"acks": replace(ACKS, delay_ms=-1)},
        {"acks": replace(ACKS, limit=-1)},
        {"acks": replace(ACKS, limit=END)},
        {"acks": replace(ACKS, ranges=())},
        {"acks": replace(ACKS, ranges=tuple((n, n) for n in range(34, 0, -2)))},
        {"acks": replace(ACKS, ranges=((5, 4),))},
        {"acks": replace(ACKS, ranges=((-1, 4),))},
        {"acks": replace(ACKS, ranges=((4, 1 << 32),))},
        {"acks": replace(ACKS, ranges=((4, 5), (4, 5)))},
        {"acks": replace(ACKS, ranges=((4, 5), (2, 3)))},
        {"acks": replace(ACKS, ranges=((4, 5), (8, 9)))},
    ],
)
def test_what_has_no_place_in_a_datagram_is_our_own_error(changes: dict[str, Any]) -> None:
    with pytest.raises(LocalError):
        TO_RELAY.write(replace(WHOLE, **changes))


def test_a_datagram_is_as_long_as_it_may_be_and_no_longer() -> None:
    bare = Datagram(bytes(8), 1, None, END - 1 - MAX_DATA_BYTES, bytes(MAX_DATA_BYTES))
    written = TO_RELAY.write(bare)
    assert len(written) == MAX_DATAGRAM_BYTES == 1350
    assert TO_RELAY.read(written) == bare
    with pytest.raises(LocalError):
        TO_RELAY.write(replace(bare, offset=0, data=bytes(MAX_DATA_BYTES + 1)))
    with pytest.raises(Malformed):
        TO_RELAY.read(masked(plain(replace(bare, offset=0)) + b"!"))


def test_sixteen_ranges_are_as_many_as_there_may_be() -> None:
    ranges = tuple((n, n) for n in range(30, -2, -2))
    datagram = Datagram(bytes(8), 1, Acks(ranges, 0, 0))
    assert len(ranges) == 16
    assert read(plain(datagram)) == datagram


# What nobody writes


RANGE = (50).to_bytes(4, "big") + (10).to_bytes(2, "big")
ACKS_HEAD = bytes(8)


@pytest.mark.parametrize(
    "behind",
    [
        bytes([16]),
        bytes([128]),
        bytes([255]),
        # What stands behind a head without data.
        bytes([0]) + b"!",
        bytes([8]) + b"!",
        bytes([1, 1]) + ACKS_HEAD + RANGE + b"!",
        # Last without data.
        bytes([4]),
        bytes([12]),
        bytes([5, 1]) + ACKS_HEAD + RANGE,
        # Too short for the offset.
        bytes([2]),
        bytes([2]) + bytes(5),
        bytes([3, 1]) + ACKS_HEAD + RANGE + bytes(5),
        # Acknowledgements of nothing, too many, cut.
        bytes([1]),
        bytes([1, 0]) + ACKS_HEAD,
        bytes([3, 0]) + ACKS_HEAD + bytes(6),
        bytes([1, 17]) + ACKS_HEAD + b"".join(
            (200 - 2 * n).to_bytes(4, "big") + bytes(2) for n in range(17)
        ),
        bytes([1, 2]) + ACKS_HEAD + RANGE,
        bytes([1, 1]) + ACKS_HEAD + RANGE[:-1],
        # A range that begins below 0, one that touches, overlaps or is above the one before.
        bytes([1, 1]) + ACKS_HEAD + (50).to_bytes(4, "big") + (51).to_bytes(2, "big"),
        bytes([1, 2]) + ACKS_HEAD + RANGE + (39).to_bytes(4, "big") + bytes(2),
        bytes([1, 2]) + ACKS_HEAD + RANGE + (45).to_bytes(4, "big") + bytes(2),
        bytes([1, 2]) + ACKS_HEAD + RANGE + RANGE,
        bytes([1, 2]) + ACKS_HEAD + RANGE + (60).to_bytes(4, "big") + bytes(2),
        # Nothing can be below 0, nor apart from it.
        bytes([1, 2]) + ACKS_HEAD + bytes(12),
        bytes([1, 2]) + ACKS_HEAD + (1).to_bytes(4, "big") + bytes(8),
        # Beyond 2^48.
        bytes([2]) + b"\xff" * 6 + b"!",
    ],
)  # fmt: skip
def test_what_nobody_writes_is_malformed(behind: bytes) -> None:
    with pytest.raises(Malformed):
        read(HEAD + behind)


def test_data_may_end_at_the_last_offset() -> None:
    assert read(HEAD + bytes([2]) + b"\xff" * 6).offset == END - 1
    assert read(HEAD + bytes([2]) + b"\xff" * 5 + b"\xfe!").data == b"!"


def test_a_datagram_that_is_cut_within_its_head_is_malformed() -> None:
    written = TO_RELAY.write(replace(WHOLE, data=b""))
    for cut in range(len(written)):
        with pytest.raises(Malformed):
            TO_RELAY.read(written[:cut])


def test_what_stands_behind_a_datagram_is_its_data() -> None:
    written = TO_RELAY.write(replace(WHOLE, data=b""))
    longer = masked(unmasked(written) + b"more")
    assert TO_RELAY.read(longer) == replace(WHOLE, data=b"more")


@given(st.binary(max_size=1360) | st.binary(max_size=150).map(lambda data: masked(HEAD + data)))
def test_any_bytes_are_a_datagram_or_malformed_and_a_datagram_is_written_the_same(
    data: bytes,
) -> None:
    datagram = parses_or_refuses(TO_RELAY.read, data)
    if datagram is not None:
        assert plain(datagram) == unmasked(data)


# The mask


def test_tag_and_mask_are_what_the_specification_says() -> None:
    seed = hashlib.sha256(KEY).digest() + b"\x01"
    below = plain(WHOLE)
    tag = hashlib.shake_128(b"qanat/1/datagram-tag\0" + seed + below).digest(8)
    stream = hashlib.shake_128(b"qanat/1/datagram\0" + seed + tag).digest(len(below))
    assert TO_RELAY.write(WHOLE) == tag + bytes(a ^ b for a, b in zip(below, stream, strict=True))


@pytest.mark.parametrize("mask", [FROM_RELAY, Mask(bytes(1216), to_relay=True)])
def test_under_another_key_or_direction_a_datagram_is_none(mask: Mask) -> None:
    with pytest.raises(Malformed):
        mask.read(TO_RELAY.write(WHOLE))


def test_a_datagram_that_is_changed_anywhere_on_its_way_is_none() -> None:
    written = TO_RELAY.write(WHOLE)
    for bit in range(8 * len(written)):
        changed = bytearray(written)
        changed[bit // 8] ^= 1 << bit % 8
        with pytest.raises(Malformed):
            TO_RELAY.read(bytes(changed))


def test_datagrams_that_differ_in_their_number_alone_have_nothing_in_common() -> None:
    written = [TO_RELAY.write(replace(WHOLE, number=number)) for number in range(64)]
    assert len({each[:8] for each in written}) == 64
    for place in zip(*written, strict=True):
        assert len(set(place)) > 32


def test_nothing_in_the_datagrams_of_a_session_is_constant() -> None:
    relay = SealingSecret(bytes(32)).public
    mask = Mask(relay, to_relay=True)
    written = []
    for _ in range(64):
        client = ClientChannel(relay)
        data = client.preamble + client.seal(bytes(90))
        written.append(mask.write(Datagram(b"connects", 9, None, 0, data[:1290])))
    # Each bit of each byte is 0 in some and 1 in others: by chance one bit of a session in
    # 2^63 is not.
    for place in zip(*written, strict=True):
        ones = zeros = 0
        for value in place:
            ones |= value
            zeros |= ~value & 0xFF
        assert ones == zeros == 0xFF
