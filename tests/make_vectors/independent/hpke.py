"""HPKE base mode, single shot, from RFC 9180, over this folder's X-Wing: a second opinion.

Deterministic: for test vectors only. The key schedule takes its numbers as arguments so that
published answers of other suites can anchor it.
"""

import hashlib
import hmac

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from tests.make_vectors.independent import xwing

KEM_XWING = 0x647A
KDF_HKDF_SHA256 = 0x0001
AEAD_AES_256_GCM = 0x0002
_MODE_BASE = b"\x00"
_NONCE_BYTES = 12


def seal(public_key: bytes, info: bytes, plaintext: bytes, *, eseed: bytes) -> bytes:
    """enc (1120 bytes) || ciphertext (16 longer than the plaintext), with an empty AAD."""
    shared, enc = xwing.encapsulate(public_key, eseed=eseed)
    key, nonce = key_schedule(shared, info, kem_id=KEM_XWING, aead_id=AEAD_AES_256_GCM)
    return enc + AESGCM(key).encrypt(nonce, plaintext, b"")


def open(seed: bytes, info: bytes, sealed: bytes) -> bytes:
    """The plaintext, or ValueError for whatever was not sealed to this key under this info."""
    enc, ciphertext = sealed[: xwing.CIPHERTEXT_BYTES], sealed[xwing.CIPHERTEXT_BYTES :]
    shared = xwing.decapsulate(seed, enc)
    key, nonce = key_schedule(shared, info, kem_id=KEM_XWING, aead_id=AEAD_AES_256_GCM)
    try:
        return AESGCM(key).decrypt(nonce, ciphertext, b"")
    except InvalidTag as error:
        raise ValueError("the sealed text does not open") from error


def key_schedule(
    shared_secret: bytes, info: bytes, *, kem_id: int, aead_id: int, key_bytes: int = 32
) -> tuple[bytes, bytes]:
    """(key, base nonce of 12 bytes) of RFC 9180 section 5.1, base mode, HKDF-SHA256."""
    numbers = (kem_id, KDF_HKDF_SHA256, aead_id)
    suite = b"HPKE" + b"".join(number.to_bytes(2, "big") for number in numbers)
    psk_id_hash = _labeled_extract(suite, b"", b"psk_id_hash", b"")
    info_hash = _labeled_extract(suite, b"", b"info_hash", info)
    context = _MODE_BASE + psk_id_hash + info_hash
    secret = _labeled_extract(suite, shared_secret, b"secret", b"")
    key = _labeled_expand(suite, secret, b"key", context, key_bytes)
    nonce = _labeled_expand(suite, secret, b"base_nonce", context, _NONCE_BYTES)
    return key, nonce


def _labeled_extract(suite: bytes, salt: bytes, label: bytes, ikm: bytes) -> bytes:
    return hmac.digest(salt, b"HPKE-v1" + suite + label + ikm, hashlib.sha256)


def _labeled_expand(suite: bytes, prk: bytes, label: bytes, info: bytes, size: int) -> bytes:
    # Nothing here is longer than one block of SHA-256, so HKDF-Expand is its first round.
    assert size <= hashlib.sha256().digest_size
    labeled = size.to_bytes(2, "big") + b"HPKE-v1" + suite + label + info
    return hmac.digest(prk, labeled + b"\x01", hashlib.sha256)[:size]
