"""C2SP chunked-encryption with SHA-512 and AES-256-GCM (Cobblestone-256): a second opinion.

The salt is an argument: for test vectors only.
"""

import hashlib
import hmac

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES = 32
SALT_BYTES = 24
COMMITMENT_BYTES = 32
HEADER_BYTES = SALT_BYTES + COMMITMENT_BYTES
CHUNK_BYTES = 16384
TAG_BYTES = 16
_NONCE_BYTES = 12
_LABEL = b"c2sp.org/chunked-encryption@v1+" + b"AEAD_AES_256_GCM" + b"\x00"


def encrypt(key: bytes, context: bytes, plaintext: bytes, *, salt: bytes) -> bytes:
    """salt (24) || commitment (32) || chunks; the last is shorter than 16 KiB, maybe empty."""
    aead_key, base_nonce, commitment = derive(key, context, salt)
    cipher = AESGCM(aead_key)
    out = [salt, commitment]
    for number in range(len(plaintext) // CHUNK_BYTES + 1):
        chunk = plaintext[number * CHUNK_BYTES : (number + 1) * CHUNK_BYTES]
        out.append(cipher.encrypt(_nonce(base_nonce, number), chunk, b""))
    return b"".join(out)


def decrypt(key: bytes, context: bytes, ciphertext: bytes) -> bytes:
    """The plaintext, or ValueError for whatever is not one whole message under key and context."""
    if len(ciphertext) < HEADER_BYTES + TAG_BYTES:
        raise ValueError("the ciphertext is shorter than that of an empty message")
    aead_key, base_nonce, commitment = derive(key, context, ciphertext[:SALT_BYTES])
    if not hmac.compare_digest(commitment, ciphertext[SALT_BYTES:HEADER_BYTES]):
        raise ValueError("the commitment is to another key, context or salt")
    body = ciphertext[HEADER_BYTES:]
    step = CHUNK_BYTES + TAG_BYTES
    cipher = AESGCM(aead_key)
    plain = []
    # One round more than there are full chunks: a message that ends with a full chunk is truncated.
    for number in range(len(body) // step + 1):
        sealed = body[number * step : (number + 1) * step]
        if len(sealed) < TAG_BYTES:
            raise ValueError("the message is truncated")
        try:
            plain.append(cipher.decrypt(_nonce(base_nonce, number), sealed, b""))
        except InvalidTag as error:
            raise ValueError(f"chunk {number} does not open") from error
    return b"".join(plain)


def derive(key: bytes, context: bytes, salt: bytes) -> tuple[bytes, bytes, bytes]:
    """(AEAD key of 32 bytes, base nonce of 12, commitment of 32) by HKDF-Expand with SHA-512."""
    if len(key) != KEY_BYTES or len(salt) != SALT_BYTES:
        raise ValueError(f"a key has {KEY_BYTES} bytes and a salt {SALT_BYTES}")
    info = _LABEL + salt + context
    first = hmac.digest(key, info + b"\x01", hashlib.sha512)
    second = hmac.digest(key, first + info + b"\x02", hashlib.sha512)
    stream = first + second
    return stream[:32], stream[32:44], stream[44:76]


def _nonce(base: bytes, number: int) -> bytes:
    mask = int.from_bytes(base, "big") ^ number
    return mask.to_bytes(_NONCE_BYTES, "big")
