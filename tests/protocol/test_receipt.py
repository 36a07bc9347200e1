"""A receipt is one relay's word for one day, and one of its parcels can be shown alone."""

import hashlib
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.protocol.samples import (
    BAD_KEYS,
    DAY,
    RELAY,
    STRANGER,
    check_cuts,
    check_types,
    parses_or_refuses,
    with_field,
    with_last_bit_flipped,
    without_last_field,
)

from qanat_protocol import receipt
from qanat_protocol.errors import (
    BadKey,
    BadSignature,
    LocalMalformed,
    LocalTooLarge,
    Malformed,
    RemoteError,
    TooLarge,
    UnknownSuite,
    UnknownVersion,
)
from qanat_protocol.frames import Receipt
from qanat_protocol.receipt import SingleReceipt

IDS = tuple(hashlib.sha256(bytes([number])).digest() for number in range(7))
FRAME = receipt.sign_receipt(RELAY, DAY, IDS)
SINGLES = receipt.single_receipts(RELAY.public, FRAME)


def h(*parts: bytes) -> bytes:
    return hashlib.sha256(b"".join(parts)).digest()


def test_a_receipt_is_what_the_specification_says() -> None:
    seed = bytes(range(16))
    leaves = []
    for index, parcel_id in enumerate(IDS[:3]):
        nonce = h(b"qanat/1/custody-nonce\0", seed, index.to_bytes(4, "big"))[:16]
        leaves.append(h(b"\x00", h(b"qanat/1/custody-leaf\0", parcel_id, nonce)))
    root = h(b"\x01", h(b"\x01", leaves[0], leaves[1]), leaves[2])
    assert receipt.custody_root(IDS[:3], seed) == root
    frame = receipt._sign_receipt(RELAY, DAY, IDS[:3], seed)
    numbers = DAY.to_bytes(4, "big") + (3).to_bytes(4, "big")
    signature = RELAY.sign("custody", b"", RELAY.public + numbers + root)
    assert frame == Receipt(DAY, seed, IDS[:3], signature)


@given(
    st.lists(st.binary(min_size=32, max_size=32), min_size=1, max_size=20),
    st.integers(0, 2**32 - 1),
)
def test_each_parcel_of_a_receipt_can_be_shown_alone(ids: list[bytes], day: int) -> None:
    frame = receipt.sign_receipt(RELAY, day, ids)
    receipt.verify_receipt(RELAY.public, frame)
    shown = [receipt.verify_single(data) for data in receipt.single_receipts(RELAY.public, frame)]
    assert shown == [SingleReceipt(RELAY.public, day, parcel_id) for parcel_id in ids]


@pytest.mark.parametrize("count", [1, 2, 3, 511, 512])
def test_a_receipt_is_over_1_to_512_parcels(count: int) -> None:
    ids = [h(number.to_bytes(4, "big")) for number in range(count)]
    frame = receipt.sign_receipt(RELAY, DAY, ids)
    receipt.verify_receipt(RELAY.public, frame)
    singles = receipt.single_receipts(RELAY.public, frame)
    assert receipt.verify_single(singles[-1]).parcel_id == ids[-1]
    assert max(map(len, singles)) <= 1024


@pytest.mark.parametrize("count", [0, 513])
def test_a_receipt_is_over_no_other_number(count: int) -> None:
    with pytest.raises(LocalTooLarge):
        receipt.sign_receipt(RELAY, DAY, [bytes(32)] * count)


def test_seeds_are_drawn_anew() -> None:
    seeds = {receipt.sign_receipt(RELAY, DAY, IDS).seed for _ in range(2)}
    assert list(map(len, seeds)) == [16, 16]


def test_a_receipt_that_was_changed_is_refused() -> None:
    receipt.verify_receipt(RELAY.public, FRAME)
    for spoilt in (
        replace(FRAME, day=DAY + 1),
        replace(FRAME, seed=bytes(16)),
        replace(FRAME, ids=IDS[:-1]),
        replace(FRAME, ids=IDS[::-1]),
        replace(FRAME, ids=(*IDS, bytes(32))),
        replace(FRAME, ids=()),
        replace(FRAME, signature=with_last_bit_flipped(FRAME.signature)),
    ):
        with pytest.raises(BadSignature):
            receipt.verify_receipt(RELAY.public, spoilt)
    with pytest.raises(BadSignature):
        receipt.verify_receipt(STRANGER.public, FRAME)
    with pytest.raises(BadKey):
        receipt.verify_receipt(bytes(32), FRAME)
    with pytest.raises(UnknownSuite):
        receipt.verify_receipt(RELAY.public, replace(FRAME, signature=b"\x02" + bytes(64)))
    with pytest.raises(Malformed):
        receipt.verify_receipt(RELAY.public, replace(FRAME, day=2**32))


VERSION, KEY, ON_DAY, COUNT, INDEX, ID, NONCE, PATH, SIGNATURE = range(9)
SINGLE = SINGLES[3]

REFUSED: list[tuple[int, Any, type[RemoteError]]] = [
    (VERSION, 0, UnknownVersion),
    (VERSION, 2, UnknownVersion),
    (KEY, RELAY.public[:31], Malformed),
    (KEY, STRANGER.public, BadSignature),
    *((KEY, key, BadKey) for key in BAD_KEYS.values()),
    (ON_DAY, DAY - 1, BadSignature),
    (ON_DAY, 2**32, Malformed),
    (COUNT, 0, Malformed),
    (COUNT, 3, Malformed),
    (COUNT, 4, Malformed),
    (COUNT, 8, BadSignature),
    (COUNT, 513, Malformed),
    (INDEX, 2, BadSignature),
    (INDEX, 7, Malformed),
    (INDEX, 2**53 - 1, Malformed),
    (ID, IDS[2], BadSignature),
    (ID, bytes(31), Malformed),
    (NONCE, bytes(16), BadSignature),
    (NONCE, bytes(15), Malformed),
    (PATH, b"", Malformed),
    (PATH, bytes(64), Malformed),
    (PATH, bytes(95), Malformed),
    (PATH, bytes(96), BadSignature),
    (PATH, bytes(97), Malformed),
    (PATH, bytes(128), Malformed),
    (PATH, bytes(320), Malformed),
    (SIGNATURE, bytes(64), Malformed),
    (SIGNATURE, b"\x01" + bytes(64), BadSignature),
    (SIGNATURE, b"\x02" + bytes(64), UnknownSuite),
]


@pytest.mark.parametrize(("at", "value", "error"), REFUSED)
def test_a_single_receipt_that_was_changed_is_refused(
    at: int, value: Any, error: type[RemoteError]
) -> None:
    with pytest.raises(error):
        receipt.verify_single(with_field(SINGLE, [at], value))


def test_a_single_receipt_hides_the_other_parcels() -> None:
    for index, data in enumerate(SINGLES):
        assert [parcel_id in data for parcel_id in IDS] == [at == index for at in range(7)]
        assert FRAME.seed not in data


def test_every_field_has_its_type() -> None:
    types: dict[tuple[int, ...], str] = {(at,): "bin" for at in (KEY, ID, NONCE, PATH, SIGNATURE)}
    types.update({(at,): "int" for at in (VERSION, ON_DAY, COUNT, INDEX)})
    check_types(SINGLE, types, receipt.verify_single)


def test_a_field_that_is_missing_is_malformed_and_one_that_is_new_is_ignored() -> None:
    with pytest.raises(Malformed):
        receipt.verify_single(without_last_field(SINGLE))
    later = with_field(SINGLE, [9], "later")
    assert receipt.verify_single(later) == receipt.verify_single(SINGLE)
    with pytest.raises(TooLarge):
        receipt.verify_single(with_field(SINGLE, [9], bytes(1024)))


def test_a_cut_single_receipt_is_refused_at_every_byte() -> None:
    check_cuts(SINGLE, receipt.verify_single)


@given(st.binary(max_size=500))
def test_any_bytes_are_a_single_receipt_or_refused(data: bytes) -> None:
    parses_or_refuses(receipt.verify_single, data)


@given(st.integers(0, len(SINGLE) - 1), st.integers(1, 255))
def test_one_changed_byte_is_refused(place: int, flip: int) -> None:
    spoilt = bytearray(SINGLE)
    spoilt[place] ^= flip
    with pytest.raises(RemoteError):
        receipt.verify_single(bytes(spoilt))


@pytest.mark.parametrize("day", [-1, 2**32])
def test_no_receipt_is_signed_for_a_day_that_it_cannot_name(day: int) -> None:
    with pytest.raises(LocalMalformed):
        receipt.sign_receipt(RELAY, day, IDS)
