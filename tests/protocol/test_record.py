"""Records: the canonical form and nothing else (SPEC 1)."""

import tracemalloc

import msgpack
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from qanat_protocol.errors import LocalMalformed, Malformed, TooLarge
from qanat_protocol.record import Packable, pack, unpack

ATOMS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(0, 2**53 - 1),
    st.binary(max_size=300),
    st.text(max_size=80),
)
RECORDS = st.lists(
    st.one_of(ATOMS, st.lists(st.one_of(ATOMS, st.lists(ATOMS, max_size=4)), max_size=20)),
    max_size=20,
)


@given(RECORDS)
def test_what_is_packed_unpacks_to_the_same(fields: list[Packable]) -> None:
    packed = pack(fields)
    assert unpack(packed, max_bytes=len(packed)) == fields
    assert packed == msgpack.packb(fields)


@given(RECORDS)
def test_a_record_cut_anywhere_is_malformed(fields: list[Packable]) -> None:
    packed = pack(fields)
    for length in range(len(packed)):
        with pytest.raises(Malformed):
            unpack(packed[:length], max_bytes=100_000)


@given(RECORDS, st.binary(min_size=1, max_size=3))
def test_nothing_may_stand_behind_a_record(fields: list[Packable], tail: bytes) -> None:
    with pytest.raises(Malformed, match="behind the end"):
        unpack(pack(fields) + tail, max_bytes=100_000)


@given(st.binary(max_size=60))
@example(b"\x91\xcf\xff\xff\xff\xff\xff\xff\xff\xff")
@example(b"\x91" * 5)
def test_any_bytes_are_a_record_exactly_if_they_repack_to_themselves(data: bytes) -> None:
    try:
        fields = unpack(data, max_bytes=60)
    except Malformed:
        assert not repacks(data)
    else:
        assert repacks(data)
        assert pack(fields) == data


@given(st.binary(max_size=40).map(lambda tail: b"\x94" + tail))
def test_any_array_is_a_record_exactly_if_it_repacks_to_itself(data: bytes) -> None:
    try:
        unpack(data, max_bytes=60)
    except Malformed:
        assert not repacks(data)
    else:
        assert repacks(data)


def repacks(data: bytes) -> bool:
    """The rule of SPEC 1 by another road: msgpack's own reader, then a look at what came out."""
    try:
        value = msgpack.unpackb(data, raw=False, strict_map_key=False)
    except (ValueError, TypeError, RecursionError):
        return False
    return isinstance(value, list) and allowed(value, 0) and msgpack.packb(value) == data


def allowed(value: object, depth: int) -> bool:
    if isinstance(value, list):
        return depth < 4 and all(allowed(item, depth + 1) for item in value)
    if isinstance(value, int):
        return 0 <= value < 2**53
    return value is None or isinstance(value, bytes | str)


@pytest.mark.parametrize("number", [0, 127, 128, 255, 256, 65535, 65536, 2**31, 2**32, 2**53 - 1])
def test_an_integer_has_one_encoding(number: int) -> None:
    assert unpack(pack([number]), max_bytes=10) == [number]
    for head, width in [(0xCC, 1), (0xCD, 2), (0xCE, 4), (0xCF, 8)]:
        if number < 256**width:
            data = bytes([0x91, head]) + number.to_bytes(width, "big")
            if data == pack([number]):
                assert unpack(data, max_bytes=10) == [number]
            else:
                with pytest.raises(Malformed, match="shortest"):
                    unpack(data, max_bytes=10)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x05",
        b"\xc0",
        b"\xa0",
        b"\x80",
        b"\x91\x80",
        b"\x91\xc1",
        b"\x91\xca\0\0\0\0",
        b"\x91\xcb\0\0\0\0\0\0\0\0",
        b"\x91\xff",
        b"\x91\xd0\x01",
        b"\x91\xd4\x01\x00",
        b"\x91\xd6\xff\0\0\0\0",
        b"\x91\xc7\x01\x01\x00",
        b"\x91\xde\0\0",
        b"\x91\xdf\0\0\0\0",
        b"\x91\xd9\x01a",
        b"\x91\xc5\x00\x01a",
        b"\x91\xdc\x00\x01\x00",
        b"\xdd\x00\x00\x00\x01\x00",
        b"\x91\xcf\x00\x20\x00\x00\x00\x00\x00\x00",
        b"\x91\xa1\xff",
        b"\x91\xa3\xed\xa0\x80",
        b"\x91\xa2\xc0\x80",
        b"\x91\x91\x91\x91\x91",
        b"\x91" * 100_000,
    ],
)
def test_what_a_record_cannot_hold_is_malformed(data: bytes) -> None:
    with pytest.raises(Malformed):
        unpack(data, max_bytes=1_000_000)


@pytest.mark.parametrize(
    ("data", "fields"),
    [
        (b"\x90", []),
        (b"\x93\xc0\xc2\xc3", [None, False, True]),
        (b"\x92\xa0\xa1a", ["", "a"]),
        (b"\x91\xd9\x20" + b"a" * 32, ["a" * 32]),
        (b"\x91\xda\x01\x00" + b"a" * 256, ["a" * 256]),
        (b"\x91\xdb\x00\x01\x00\x00" + b"a" * 65_536, ["a" * 65_536]),
        (b"\x91\xc4\x00", [b""]),
        (b"\x91\xc5\x01\x00" + b"a" * 256, [b"a" * 256]),
        (b"\x91\xc6\x00\x01\x00\x00" + b"a" * 65_536, [b"a" * 65_536]),
        (b"\xdc\x00\x10" + bytes(16), [0] * 16),
        (b"\xdc\x10\x00" + bytes(4096), [0] * 4096),
    ],
    ids=lambda value: value[:8].hex() if isinstance(value, bytes) else "",
)
def test_every_length_has_one_encoding(data: bytes, fields: list[Packable]) -> None:
    assert unpack(data, max_bytes=70_000) == fields
    assert pack(fields) == data


@pytest.mark.parametrize(
    "data", [b"\x91", b"\x92\xa1a", b"\x91\xcd\x01", b"\x91\xa2a", b"\x91\xc4"]
)
def test_a_value_that_ends_too_early_is_malformed(data: bytes) -> None:
    with pytest.raises(Malformed):
        unpack(data, max_bytes=10)


@pytest.mark.parametrize("data", [b"\x91\xa2a", b"\x91\xc4\x02a", b"\x91\x92\x01"])
def test_what_claims_more_than_is_left_is_told_how_much(data: bytes) -> None:
    with pytest.raises(Malformed, match="2 claimed where 1 bytes are left"):
        unpack(data, max_bytes=10)


def test_arrays_nest_four_deep_and_no_deeper() -> None:
    assert unpack(b"\x91\x91\x91\x90", max_bytes=10) == [[[[]]]]
    with pytest.raises(Malformed, match="deeper than 4"):
        unpack(b"\x91\x91\x91\x91\x90", max_bytes=10)
    with pytest.raises(LocalMalformed, match="deeper than 4"):
        pack([[[[[]]]]])


def test_arrays_with_a_length_nest_no_deeper_than_short_ones() -> None:
    four = b"\x00"
    for _ in range(4):
        four = b"\xdc\x00\x10" + four + bytes(15)
    assert len(unpack(four, max_bytes=100)) == 16
    with pytest.raises(Malformed, match="deeper than 4"):
        unpack(b"\xdc\x00\x10" + four + bytes(15), max_bytes=100)


@pytest.mark.parametrize(
    "bomb",
    [
        b"\xdd\xff\xff\xff\xff",
        b"\x91\xdb\xff\xff\xff\xffa",
        b"\x91\xc6\xff\xff\xff\xffa",
        b"\xdc\xff\xff" * 21_000,
        b"\xdd\x00\x00\xf0\x00" * 13_000,
        b"\xdd\x00\x01\x80\x00" + b"\x90" * 98_304,
        b"\xdc\xff\xff" + b"\x90" * 65_535,
    ],
)
def test_a_claimed_length_allocates_nothing(bomb: bytes) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(Malformed):
            unpack(bomb, max_bytes=100_000)
        assert tracemalloc.get_traced_memory()[1] < 20_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("fields", "more"),
    [
        ([0] * 4096, [0] * 4097),
        ([[0] * 4094, []], [[0] * 4094, [], 0]),
        ([[[[0]] * 16] * 120], [[[[0]] * 16] * 120] * 2),
        ([[[0, 0]] * 1364, 0, 0, 0], [[[0, 0]] * 1364, 0, 0, [0]]),
    ],
    ids=["flat", "in an array", "deep", "in rows"],
)
def test_the_arrays_of_a_record_hold_4096_values_together_and_no_more(
    fields: list[Packable], more: list[Packable]
) -> None:
    assert unpack(pack(fields), max_bytes=100_000) == fields
    with pytest.raises(Malformed, match="more than 4,096 values"):
        unpack(msgpack.packb(more), max_bytes=100_000)
    with pytest.raises(LocalMalformed, match="at most 4,096"):
        pack(more)


def test_a_record_over_its_limit_is_too_large() -> None:
    with pytest.raises(TooLarge, match="11 bytes; at most 10"):
        unpack(pack([bytes(8)]), max_bytes=10)


def test_a_record_is_read_from_any_buffer() -> None:
    packed = pack([b"ab", "c", [1]])
    for buffer in (bytearray(packed), memoryview(packed)):
        assert unpack(buffer, max_bytes=20) == [b"ab", "c", [1]]


@pytest.mark.parametrize("buffer", [b"ab", bytearray(b"ab"), memoryview(b"ab")])
def test_a_binary_is_packed_from_any_buffer(buffer: Packable) -> None:
    assert pack([buffer, (1, 2)]) == b"\x92\xc4\x02ab\x92\x01\x02"


@pytest.mark.parametrize("value", [-1, 2**53, 1.5, "\ud800", {"a": 1}, {1}, object()])
def test_what_a_record_cannot_hold_is_not_packed(value: Packable) -> None:
    for fields in ([value], [None, b"", value], [[1], value]):
        with pytest.raises(LocalMalformed):
            pack(fields)
