"""Locks open with the keys of their own parcel and with nothing else."""

import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qanat_protocol import tombstone
from qanat_protocol.errors import BadKey, BadLock, BadSignature, RemoteError, UnknownSuite
from qanat_protocol.frames import Opened
from qanat_protocol.signing import SigningKey

KEY = bytes(range(32))
PARCEL_ID = hashlib.sha256(b"a parcel").digest()
keys = st.binary(min_size=32, max_size=32)


def test_the_lock_is_what_the_specification_says() -> None:
    purge_key = hmac.digest(KEY, b"qanat/1/purge\0\x01", "sha256")
    opened = hashlib.sha256(b"qanat/1/opened\0" + purge_key).digest()
    lock = hashlib.sha256(b"qanat/1/lock\0" + opened).digest()
    assert tombstone.purge_key(KEY) == purge_key
    assert tombstone.opened_of(purge_key) == opened
    assert tombstone.opened_value(KEY) == opened
    assert tombstone.lock_of(KEY) == lock


@given(keys)
def test_a_parcels_own_keys_open_its_lock(content_key: bytes) -> None:
    lock = tombstone.lock_of(content_key)
    tombstone.check_opened(lock, tombstone.opened_value(content_key))
    tombstone.check_purge(lock, tombstone.purge_key(content_key))


@given(keys, keys)
def test_no_other_value_opens_a_lock(content_key: bytes, other: bytes) -> None:
    lock = tombstone.lock_of(content_key)
    with pytest.raises(BadLock):
        tombstone.check_opened(lock, other)
    with pytest.raises(BadLock):
        tombstone.check_purge(lock, other)


def test_what_opens_does_not_purge() -> None:
    with pytest.raises(BadLock):
        tombstone.check_purge(tombstone.lock_of(KEY), tombstone.opened_value(KEY))
    with pytest.raises(BadLock):
        tombstone.check_opened(tombstone.lock_of(KEY), tombstone.purge_key(KEY))


def signed(key: SigningKey) -> Opened:
    return tombstone.sign_opened(key, PARCEL_ID, tombstone.opened_value(KEY))


def test_opened_is_signed_over_parcel_and_value() -> None:
    key = SigningKey(b"\x05" * 32)
    frame = signed(key)
    assert (frame.parcel_id, frame.opened) == (PARCEL_ID, tombstone.opened_value(KEY))
    assert frame.signing_key == key.public
    assert frame.signature == key.sign("opened-by", b"", PARCEL_ID + frame.opened)
    tombstone.verify_opened(frame)


@pytest.mark.parametrize("name", ["parcel_id", "opened", "signing_key", "signature"])
@given(data=st.data())
def test_opened_with_any_changed_byte_is_refused(name: str, data: st.DataObject) -> None:
    frame = signed(SigningKey(b"\x05" * 32))
    value = bytearray(getattr(frame, name))
    value[data.draw(st.integers(0, len(value) - 1))] ^= data.draw(st.integers(1, 255))
    fields = {part: getattr(frame, part) for part in Opened.__slots__} | {name: bytes(value)}
    with pytest.raises(RemoteError) as refused:
        tombstone.verify_opened(Opened(**fields))
    assert isinstance(refused.value, BadSignature | BadKey | UnknownSuite)
