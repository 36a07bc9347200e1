"""Encryption of suite 1 (SPEC 2): HPKE to an X-Wing key, and chunked encryption under a key.
Never decides who may read what."""

import hashlib
from dataclasses import dataclass, field
from functools import lru_cache
from secrets import token_bytes
from typing import Final

from cryptography.cobblestone import Cobblestone256Decryptor, Cobblestone256Encryptor
from cryptography.exceptions import AlreadyFinalized, InvalidTag
from cryptography.hazmat.primitives import hpke
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from qanat_protocol.errors import BadKey, CannotOpen, LocalBadKey, LocalMalformed
from qanat_protocol.hashing import sha256
from qanat_protocol.limits import SEALING_KEY_BYTES

__all__ = [
    "CHUNK_BYTES",
    "ChunkedOpener",
    "ChunkedSealer",
    "SealingSecret",
    "capacity",
    "check_sealing_key",
    "chunked_length",
    "chunked_possible",
    "key_hash",
    "new_content_key",
    "seal",
]

CHUNK_BYTES: Final = 16_384
"""Plaintext in a chunk of chunked encryption."""

_SEED_BYTES: Final = 32
_CONTENT_KEY_BYTES: Final = 32
_MLKEM_PUBLIC_BYTES: Final = 1184
_MLKEM_SEED_BYTES: Final = 64
# The salt (24) and the commitment to the key (32) in front of the first chunk.
_FRONT_BYTES: Final = 56
_GCM_TAG_BYTES: Final = 16
_SEALED_CHUNK_BYTES: Final = CHUNK_BYTES + _GCM_TAG_BYTES

_SUITE: Final = hpke.Suite(hpke.KEM.MLKEM768_X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.AES_256_GCM)
# FIPS 203 section 7.2: 768 coefficients of 12 bits, each below 3329, then a seed of 32 bytes.
_COEFFICIENTS_BYTES: Final = 1152
_IN_EACH_24_BITS: Final = sum(1 << 24 * at for at in range(384))
_EVEN_COEFFICIENTS: Final = 0xFFF * _IN_EACH_24_BITS
_TO_CARRY: Final = (4096 - 3329) * _IN_EACH_24_BITS
_CARRIES: Final = 4096 * _IN_EACH_24_BITS

# RFC 7748 section 4.1. X25519 itself would take every number for its rest modulo this.
_X25519_PRIME: Final = 2**255 - 19
# The u of the points whose order divides 8, on the curve and on its twist: with a clamped scalar
# X25519 gives zeros for these alone. 0 is of order 2; 1 and -1 of order 4; the others of order 8.
_SMALL_ORDER_U: Final = frozenset(
    {
        0,
        1,
        _X25519_PRIME - 1,
        325606250916557431795983626356110631294008115727848805560023387167927233504,
        39382357235489614581723060781553021112529911719440698176882885853963445705823,
    }
)


class _MadeKey(bytes):
    """A public key that the library computed from a seed, and nothing else is one of these: it is
    canonical by that, and a clamped scalar takes the base point to none of small order."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class SealingSecret:
    """A secret key for opening; `public` is its 1216-byte key to seal to. LocalBadKey unless the
    seed has 32 bytes."""

    seed: bytes = field(repr=False)
    public: bytes = field(init=False, repr=False)
    _private: hpke.MLKEM768X25519PrivateKey = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if len(self.seed) != _SEED_BYTES:
            raise LocalBadKey(f"a sealing key's seed has 32 bytes, not {len(self.seed)}")
        expanded = hashlib.shake_256(self.seed).digest(_MLKEM_SEED_BYTES + 32)
        mlkem = MLKEM768PrivateKey.from_seed_bytes(expanded[:_MLKEM_SEED_BYTES])
        x25519 = X25519PrivateKey.from_private_bytes(expanded[_MLKEM_SEED_BYTES:])
        public = mlkem.public_key().public_bytes_raw() + x25519.public_key().public_bytes_raw()
        object.__setattr__(self, "_private", hpke.MLKEM768X25519PrivateKey(mlkem, x25519))
        object.__setattr__(self, "public", _MadeKey(public))

    @classmethod
    def generate(cls) -> "SealingSecret":
        """A fresh key from the system's randomness."""
        return cls(token_bytes(_SEED_BYTES))

    def open(self, info: bytes, sealed: bytes) -> bytes:
        """What was sealed to this key under this info, else CannotOpen."""
        try:
            return _SUITE.decrypt(sealed, self._private, info)
        except (InvalidTag, ValueError) as error:
            raise CannotOpen from error


def check_sealing_key(public: bytes) -> None:
    """BadKey unless these are 1216 bytes, both keys in them are canonically encoded and the X25519
    key has an order that hides a secret.

    The `public` of a SealingSecret is all that by its making."""
    if isinstance(public, _MadeKey):
        return
    _check_length_and_x25519(public)
    # All 768 coefficients at once, those at even and at odd places apart: so there is room above
    # each for the bit that 4096 - 3329 carries into where it is not below 3329.
    packed = int.from_bytes(public[:_COEFFICIENTS_BYTES], "little")
    even = (packed & _EVEN_COEFFICIENTS) + _TO_CARRY
    odd = (packed >> 12 & _EVEN_COEFFICIENTS) + _TO_CARRY
    if (even | odd) & _CARRIES:
        raise BadKey("a sealing key that no honest program makes")


def _check_length_and_x25519(public: bytes) -> None:
    if len(public) != SEALING_KEY_BYTES:
        raise BadKey(f"a sealing key has 1216 bytes, not {len(public):,}")
    u = int.from_bytes(public[_MLKEM_PUBLIC_BYTES:], "little")
    if u >= _X25519_PRIME:
        # What is sealed to it nobody opens: its holder computes with the canonical form.
        raise BadKey("a sealing key is not canonically encoded")
    if u in _SMALL_ORDER_U:
        raise BadKey("a sealing key is of small order")


# A desk's key of the week seals all that is written in it; public keys alone are kept here.
@lru_cache(maxsize=8)
def _parse_public(public: bytes) -> hpke.MLKEM768X25519PublicKey:
    _check_length_and_x25519(public)
    try:
        mlkem = MLKEM768PublicKey.from_public_bytes(public[:_MLKEM_PUBLIC_BYTES])
        x25519 = X25519PublicKey.from_public_bytes(public[_MLKEM_PUBLIC_BYTES:])
    except ValueError as error:
        raise BadKey("a sealing key that no honest program makes") from error
    return hpke.MLKEM768X25519PublicKey(mlkem, x25519)


@lru_cache(maxsize=8)
def key_hash(public: bytes) -> bytes:
    """The SHA-256 of a public sealing key, by which contexts name it."""
    return sha256(public)


def seal(public: bytes, info: bytes, plaintext: bytes) -> bytes:
    """enc (1120) || ciphertext: 1136 bytes longer than the plaintext. May raise BadKey."""
    return _SUITE.encrypt(plaintext, _parse_public(public), info)


def new_content_key() -> bytes:
    """32 random bytes, to be used once."""
    return token_bytes(_CONTENT_KEY_BYTES)


def chunked_length(plain_bytes: int) -> int:
    """The ciphertext's length for a plaintext's."""
    return _FRONT_BYTES + plain_bytes + _GCM_TAG_BYTES * (plain_bytes // CHUNK_BYTES + 1)


def chunked_possible(ciphertext_bytes: int) -> bool:
    """Whether a ciphertext can have this length."""
    behind_front = ciphertext_bytes - _FRONT_BYTES
    return behind_front >= _GCM_TAG_BYTES and behind_front % _SEALED_CHUNK_BYTES >= _GCM_TAG_BYTES


def capacity(ciphertext_bytes: int) -> int:
    """The plaintext's length for a ciphertext's. LocalMalformed for an impossible one."""
    if not chunked_possible(ciphertext_bytes):
        raise LocalMalformed(f"no chunked ciphertext has {ciphertext_bytes:,} bytes")
    chunks, rest = divmod(ciphertext_bytes - _FRONT_BYTES, _SEALED_CHUNK_BYTES)
    return chunks * CHUNK_BYTES + rest - _GCM_TAG_BYTES


class ChunkedSealer:
    """Encrypts a stream under a fresh salt. LocalBadKey unless the key has 32 bytes."""

    def __init__(self, key: bytes, context: bytes) -> None:
        _check_content_key(key)
        self._encryptor = Cobblestone256Encryptor(key, context)

    def update(self, plain: bytes | bytearray | memoryview) -> bytes:
        """The ciphertext that has become ready."""
        return self._encryptor.update(plain)

    def finish(self) -> bytes:
        """The rest of the ciphertext, the last chunk."""
        return self._encryptor.finalize()


class ChunkedOpener:
    """Decrypts a stream. What comes out before `finish` has returned may yet lack its end."""

    def __init__(self, key: bytes, context: bytes) -> None:
        _check_content_key(key)
        self._decryptor = Cobblestone256Decryptor(key, context)

    def update(self, ciphertext: bytes | bytearray | memoryview) -> bytes:
        """The plaintext of the chunks that are complete and genuine, else CannotOpen."""
        try:
            return self._decryptor.update(ciphertext)
        except (InvalidTag, AlreadyFinalized) as error:
            raise CannotOpen from error

    def finish(self) -> bytes:
        """The plaintext of the last chunk; CannotOpen if the stream ended early."""
        try:
            return self._decryptor.finalize()
        except (InvalidTag, AlreadyFinalized) as error:
            raise CannotOpen from error


def _check_content_key(key: bytes) -> None:
    if len(key) != _CONTENT_KEY_BYTES:
        raise LocalBadKey(f"a content key has 32 bytes, not {len(key)}")
