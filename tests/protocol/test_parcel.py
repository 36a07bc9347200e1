"""Headers (SPEC 3)."""

import hashlib
from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qanat_protocol.errors import (
    Expired,
    ExpiryTooFar,
    IllegalFlags,
    IllegalSize,
    LocalError,
    LocalIllegalFlags,
    LocalIllegalSize,
    LocalMalformed,
    Malformed,
    RemoteError,
    UnknownKind,
    UnknownSuite,
    UnknownVersion,
)
from qanat_protocol.parcel import (
    Header,
    Kind,
    Rank,
    bind_of,
    check_expiry,
    parse_header,
    rank_of,
)

LETTER = Header(
    Kind.LETTER,
    urgent=True,
    expiry_day=19_100,
    body_size=4096,
    tag=bytes(range(16)),
    lock=b"L" * 32,
    root=b"R" * 32,
)
PART = replace(LETTER, kind=Kind.PART, urgent=False, body_size=16_384)
ENCODED = LETTER.encode()


def changed(**fields: int) -> bytes:
    """The letter's bytes with header fields set to numbers that `Header` would refuse."""
    places = {
        "version": (0, 1),
        "suite": (1, 1),
        "kind": (2, 1),
        "flags": (3, 1),
        "expiry": (4, 4),
        "size": (8, 8),
    }
    data = bytearray(ENCODED)
    for name, number in fields.items():
        at, width = places[name]
        data[at : at + width] = number.to_bytes(width, "big")
    return bytes(data)


def test_a_header_is_laid_out_as_specified() -> None:
    expected = "0101010100004a9c0000000000001000" + bytes(range(16)).hex()
    assert ENCODED.hex() == expected + (b"L" * 32 + b"R" * 32).hex()
    assert len(ENCODED) == 96


@given(
    st.sampled_from([(kind, urgent) for kind in (Kind.LETTER, Kind.REPLY) for urgent in (0, 1)]),
    st.integers(0, 2**32 - 1),
    st.sampled_from([4096, 8192, 16_384, 262_144]),
    st.binary(min_size=80, max_size=80),
)
def test_a_header_parses_to_itself(
    kind: tuple[Kind, int], expiry_day: int, body_size: int, rest: bytes
) -> None:
    header = Header(
        kind[0], bool(kind[1]), expiry_day, body_size, rest[:16], rest[16:48], rest[48:]
    )
    assert parse_header(header.encode()) == header


def test_the_parcel_id_hashes_the_header_under_its_label() -> None:
    expected = hashlib.sha256(b"qanat/1/parcel\x00" + ENCODED).digest()
    assert LETTER.parcel_id == expected
    assert LETTER.offer == expected[:16]


def test_the_bind_leaves_out_the_root_alone() -> None:
    assert LETTER.bind == b"qanat/1/bind\x00" + ENCODED[:64]
    assert replace(LETTER, root=bytes(32)).bind == LETTER.bind
    assert replace(LETTER, lock=bytes(32)).bind != LETTER.bind
    assert LETTER.bind == bind_of(
        kind=Kind.LETTER,
        urgent=True,
        expiry_day=19_100,
        body_size=4096,
        tag=LETTER.tag,
        lock=LETTER.lock,
    )


@pytest.mark.parametrize("length", [*range(96), 97, 192])
def test_a_header_of_another_length_is_malformed(length: int) -> None:
    with pytest.raises(Malformed):
        parse_header((ENCODED * 2)[:length])


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (changed(version=0), UnknownVersion),
        (changed(version=2, suite=9, kind=9, flags=9, size=0), UnknownVersion),
        (changed(suite=0), UnknownSuite),
        (changed(suite=2, kind=9, flags=9, size=0), UnknownSuite),
        (changed(kind=0), UnknownKind),
        (changed(kind=5, flags=9, size=0), UnknownKind),
        (changed(flags=2), IllegalFlags),
        (changed(flags=0x81), IllegalFlags),
        (changed(flags=2, size=0), IllegalFlags),
        (changed(kind=2, size=16_384), IllegalFlags),
        (changed(kind=3), IllegalFlags),
        (changed(size=0), IllegalSize),
        (changed(size=4095), IllegalSize),
        (changed(kind=2, flags=0), IllegalSize),
        (changed(size=2**64 - 1), IllegalSize),
    ],
)
def test_a_headers_fields_are_checked_in_order(data: bytes, error: type[RemoteError]) -> None:
    with pytest.raises(RemoteError) as refused:
        parse_header(data)
    assert type(refused.value) is error


@given(st.binary(max_size=100) | st.binary(min_size=80, max_size=80).map(ENCODED[:16].__add__))
def test_any_bytes_parse_to_a_header_that_encodes_to_them_or_are_refused(data: bytes) -> None:
    with suppress(RemoteError):
        assert parse_header(data).encode() == data


@given(st.integers(0, 15), st.integers(0, 255))
def test_a_header_with_any_byte_changed_is_another_or_refused(at: int, byte: int) -> None:
    data = bytearray(ENCODED)
    data[at] = byte
    with suppress(RemoteError):
        assert parse_header(bytes(data)).encode() == data


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"kind": Kind.PART, "body_size": 16_384}, LocalIllegalFlags),
        ({"kind": Kind.PUBLIC}, LocalIllegalFlags),
        ({"body_size": 5000}, LocalIllegalSize),
        ({"expiry_day": -1}, LocalMalformed),
        ({"expiry_day": 2**32}, LocalMalformed),
        ({"tag": bytes(15)}, LocalMalformed),
        ({"lock": bytes(31)}, LocalMalformed),
        ({"root": bytes(33)}, LocalMalformed),
    ],
)
def test_what_would_be_refused_is_not_made(
    fields: dict[str, object], error: type[LocalError]
) -> None:
    with pytest.raises(error):
        replace(LETTER, **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize("ahead", [0, 1, 560])
def test_a_parcel_is_taken_until_its_expiry_and_not_too_long_before(ahead: int) -> None:
    check_expiry(LETTER, today=19_100 - ahead)


def test_a_parcel_is_not_taken_when_it_has_expired_or_would_stay_for_years() -> None:
    with pytest.raises(Expired):
        check_expiry(LETTER, today=19_101)
    with pytest.raises(ExpiryTooFar):
        check_expiry(LETTER, today=19_100 - 561)


@pytest.mark.parametrize(
    ("header", "rank"),
    [
        (LETTER, Rank.URGENT),
        (replace(LETTER, urgent=False), Rank.LETTER),
        (replace(LETTER, kind=Kind.REPLY), Rank.URGENT),
        (replace(LETTER, kind=Kind.REPLY, urgent=False, body_size=131_072), Rank.LETTER),
        (replace(PART, kind=Kind.PUBLIC), Rank.LETTER),
        (PART, Rank.THUMBNAIL),
        (replace(PART, body_size=131_072), Rank.PREVIEW),
        (replace(PART, body_size=2**30), Rank.ORIGINAL),
    ],
)
def test_kind_flag_and_size_alone_give_the_order(header: Header, rank: Rank) -> None:
    assert rank_of(header) is rank
