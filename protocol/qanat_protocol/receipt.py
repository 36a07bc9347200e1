"""Custody receipts: a relay's signed word that it held parcels on a day (SPEC section 13).

A receipt covers a session's parcels; a single receipt shows one of them and hides the others.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from secrets import token_bytes

from qanat_protocol.errors import LocalTooLarge, Malformed
from qanat_protocol.fields import binary, row, uint, version
from qanat_protocol.frames import Receipt
from qanat_protocol.hashing import u32
from qanat_protocol.labels import label
from qanat_protocol.limits import (
    HASH_BYTES,
    MAX_RECEIPT_IDS,
    SIGNATURE_BYTES,
    SIGNING_KEY_BYTES,
)
from qanat_protocol.merkle import inclusion_paths, leaf_hash, root_by_path, root_of
from qanat_protocol.record import pack, unpack
from qanat_protocol.signing import SigningKey, verify_signature

__all__ = [
    "MAX_RECEIPT_IDS",
    "SingleReceipt",
    "custody_root",
    "sign_receipt",
    "single_receipts",
    "verify_receipt",
    "verify_single",
]

_SEED_BYTES = 16
_NONCE_BYTES = 16
_MAX_U32 = 2**32 - 1
_MAX_PATH_HASHES = 9
_MAX_SINGLE_BYTES = 1024
_FIELDS = row(
    version(),
    binary(SIGNING_KEY_BYTES),
    uint(most=_MAX_U32),
    uint(1, MAX_RECEIPT_IDS),
    uint(),
    binary(HASH_BYTES),
    binary(_NONCE_BYTES),
    binary(most=_MAX_PATH_HASHES * HASH_BYTES),
    binary(SIGNATURE_BYTES),
)


@dataclass(frozen=True, slots=True)
class SingleReceipt:
    """One relay's word that it held this parcel on this day. `relay_key` is its signing key."""

    relay_key: bytes
    day: int
    parcel_id: bytes


def custody_root(ids: Sequence[bytes], seed: bytes) -> bytes:
    """The root (32 bytes) over parcel ids in this order, each hidden by a nonce from the seed."""
    return root_of(_leaves(ids, _nonces(seed, len(ids))))


def sign_receipt(key: SigningKey, day: int, ids: Sequence[bytes]) -> Receipt:
    """A relay's receipt over 1 to 512 parcel ids, by its own day. Draws a seed.

    Raises `LocalTooLarge` for another number of ids.
    """
    return _sign_receipt(key, day, ids, token_bytes(_SEED_BYTES))


def _sign_receipt(key: SigningKey, day: int, ids: Sequence[bytes], seed: bytes) -> Receipt:
    if not 1 <= len(ids) <= MAX_RECEIPT_IDS:
        raise LocalTooLarge(f"a receipt is over 1 to {MAX_RECEIPT_IDS} parcels, not {len(ids)}")
    context = _context(key.public, day, len(ids))
    signature = key.sign("custody", context, custody_root(ids, seed))
    return Receipt(day, seed, tuple(ids), signature)


def verify_receipt(relay_key: bytes, frame: Receipt) -> None:
    """Raise a `RemoteError` unless the relay with this signing key signed the receipt."""
    uint(most=_MAX_U32)(frame.day)
    context = _context(relay_key, frame.day, len(frame.ids))
    root = custody_root(frame.ids, frame.seed)
    verify_signature(relay_key, frame.signature, "custody", context, root)


def single_receipts(relay_key: bytes, frame: Receipt) -> list[bytes]:
    """A single receipt (a record) for each id of a receipt, in its order."""
    nonces = _nonces(frame.seed, len(frame.ids))
    leaves = _leaves(frame.ids, nonces)
    return [
        pack(
            [
                1,
                relay_key,
                frame.day,
                len(leaves),
                index,
                parcel_id,
                nonce,
                b"".join(path),
                frame.signature,
            ]
        )
        for index, (parcel_id, nonce, path) in enumerate(
            zip(frame.ids, nonces, inclusion_paths(leaves), strict=True)
        )
    ]


def verify_single(data: bytes) -> SingleReceipt:
    """What a single receipt says, its path and the relay's signature verified.

    Raises a `RemoteError`: `TooLarge`, `UnknownVersion`, `Malformed` also for a path that is too
    short or too long, and what `verify_signature` raises.
    """
    relay_key, day, count, index, parcel_id, nonce, path, signature = _FIELDS(
        unpack(data, max_bytes=_MAX_SINGLE_BYTES)
    )[1:]
    hashes = [path[start : start + HASH_BYTES] for start in range(0, len(path), HASH_BYTES)]
    (leaf,) = _leaves([parcel_id], [nonce])
    root = root_by_path(leaf, index, count, hashes)
    if root is None or len(path) % HASH_BYTES:
        raise Malformed(f"{len(path)} bytes are no path from parcel {index} of {count}")
    verify_signature(relay_key, signature, "custody", _context(relay_key, day, count), root)
    return SingleReceipt(relay_key, day, parcel_id)


# A relay makes one of each for each letter that it takes: hashed without a call for each part.
def _nonces(seed: bytes, count: int) -> list[bytes]:
    before = label("custody-nonce") + seed
    return [
        hashlib.sha256(before + index.to_bytes(4)).digest()[:_NONCE_BYTES] for index in range(count)
    ]


def _leaves(ids: Sequence[bytes], nonces: Sequence[bytes]) -> list[bytes]:
    before = label("custody-leaf")
    return [
        leaf_hash(hashlib.sha256(before + parcel_id + nonce).digest())
        for parcel_id, nonce in zip(ids, nonces, strict=True)
    ]


def _context(relay_key: bytes, day: int, count: int) -> bytes:
    return relay_key + u32(day) + u32(count)
