"""Locks, and what opens them: how a parcel is marked opened or purged (SPEC section 12).

Knows keys and hashes, never who holds which parcel.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from qanat_protocol.errors import BadLock
from qanat_protocol.hashing import expand, sha256
from qanat_protocol.labels import label
from qanat_protocol.signing import SigningKey, verify_signature

if TYPE_CHECKING:
    from qanat_protocol.frames import Opened

__all__ = [
    "check_opened",
    "check_purge",
    "lock_of",
    "opened_of",
    "opened_value",
    "purge_key",
    "sign_opened",
    "verify_opened",
]


def purge_key(content_key: bytes) -> bytes:
    """What the holder of a content key (32 bytes) reveals to free the parcel's space: 32 bytes."""
    return expand(content_key, label("purge"), 32)


def opened_of(revealed: bytes) -> bytes:
    """The opened value (32 bytes) that belongs to a purge key."""
    return sha256(label("opened"), revealed)


def opened_value(content_key: bytes) -> bytes:
    """What only someone who holds the content key could say before the purge key is out."""
    return opened_of(purge_key(content_key))


def lock_of(content_key: bytes) -> bytes:
    """The lock (32 bytes) that stands in the header of a parcel with this content key."""
    return _lock_over(opened_value(content_key))


def check_opened(lock: bytes, opened: bytes) -> None:
    """Raise `BadLock` unless `opened` fits the lock of a header."""
    if _lock_over(opened) != lock:
        raise BadLock("the opened value does not fit the parcel's lock")


def check_purge(lock: bytes, revealed: bytes) -> None:
    """Raise `BadLock` unless a purge key fits the lock of a header."""
    if _lock_over(opened_of(revealed)) != lock:
        raise BadLock("the purge key does not fit the parcel's lock")


def sign_opened(key: SigningKey, parcel_id: bytes, opened: bytes) -> Opened:
    """The desk's word, by one of its signing keys, that it has opened a parcel."""
    # Whoever seals a letter needs locks, and no session's frames.
    from qanat_protocol.frames import Opened

    return Opened(parcel_id, opened, key.public, key.sign("opened-by", parcel_id, opened))


def verify_opened(frame: Opened) -> None:
    """Raise `BadSignature`, `BadKey` or `UnknownSuite` unless the frame's own key signed it.

    Whether that key is the desk's is for whoever knows a statement; the lock is for `check_opened`.
    """
    verify_signature(frame.signing_key, frame.signature, "opened-by", frame.parcel_id, frame.opened)


def _lock_over(opened: bytes) -> bytes:
    return sha256(label("lock"), opened)
