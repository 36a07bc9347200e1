"""SHA-256 and HKDF-Expand (SPEC 1), from the standard library alone, and numbers as they enter."""

import hashlib
import hmac

from qanat_protocol.errors import LocalMalformed

__all__ = ["expand", "sha256", "u32"]

_HASH_BYTES = 32
_MAX_EXPANDED_BYTES = 255 * _HASH_BYTES


def sha256(*parts: bytes | bytearray | memoryview) -> bytes:
    """SHA-256 of the parts, one after the other."""
    return hashlib.sha256(b"".join(parts)).digest()


def expand(key: bytes, info: bytes, length: int) -> bytes:
    """HKDF-Expand with SHA-256 (RFC 5869 section 2.3): `length` bytes, 1 to 8160."""
    if not 0 < length <= _MAX_EXPANDED_BYTES:
        raise LocalMalformed(f"{length} bytes asked of HKDF-Expand, which gives 1 to 8160")
    out, block = b"", b""
    for counter in range(1, -(-length // _HASH_BYTES) + 1):
        block = hmac.digest(key, block + info + bytes([counter]), "sha256")
        out += block
    return out[:length]


def u32(number: int) -> bytes:
    """A number in 4 bytes, big-endian. LocalMalformed for one that 32 bits do not hold."""
    if not 0 <= number < 1 << 32:
        raise LocalMalformed(f"{number} is not from 0 to 2^32 - 1")
    return number.to_bytes(4, "big")
