"""The desk's root keys in a file of their own, encrypted with the passphrase. Never in the vault.

The file is one record (SPEC section 1): `[1, m KiB, t, p, salt bin16, nonce bin12, sealed bin80]`.
Argon2id v1.3 of the passphrase (UTF-8, NFC) with that salt and cost gives 32 bytes, the key of
AES-256-GCM over the 64 bytes root seed || successor's root seed, with the additional data
`label("root-key-file")`. It is needed to certify a signing key, once a year, and to hand the desk
over to its successor.
"""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from qanat_client.desk.faults import WrongPassphrase
from qanat_client.desk.vault import disk_faults
from qanat_client.errors import BadInput
from qanat_protocol.errors import ProtocolError
from qanat_protocol.labels import label
from qanat_protocol.record import pack, unpack
from qanat_protocol.signing import SigningKey

__all__ = ["read_root_keys", "seal_root_keys"]

MEMORY_KIB = 65_536
ITERATIONS = 3
LANES = 1
MAX_FILE_BYTES = 1024
# Bounds for a file that someone else may have written: no gigabytes for a passphrase prompt.
MAX_MEMORY_KIB = 1_048_576
MAX_ITERATIONS = 64
MAX_LANES = 16


def _derive(passphrase: str, salt: bytes, memory_kib: int, iterations: int, lanes: int) -> bytes:
    kdf = Argon2id(salt=salt, length=32, iterations=iterations, lanes=lanes, memory_cost=memory_kib)
    return kdf.derive(unicodedata.normalize("NFC", passphrase).encode())


def seal_root_keys(root: SigningKey, successor: SigningKey, passphrase: str) -> bytes:
    """The bytes of a root key file; draws its salt and nonce."""
    salt, nonce = os.urandom(16), os.urandom(12)
    key = _derive(passphrase, salt, MEMORY_KIB, ITERATIONS, LANES)
    sealed = AESGCM(key).encrypt(nonce, root.seed + successor.seed, label("root-key-file"))
    return pack([1, MEMORY_KIB, ITERATIONS, LANES, salt, nonce, sealed])


def read_root_keys(path: Path, passphrase: str) -> tuple[SigningKey, SigningKey]:
    """Root key and successor's root key. Raises BadInput, WrongPassphrase."""
    with disk_faults(str(path)):
        data = path.read_bytes()
    try:
        fields = unpack(data, max_bytes=MAX_FILE_BYTES)
    except ProtocolError as error:
        raise BadInput(f"{path} is not a root key file ({error})") from error
    match fields:
        case [1, int(memory), int(times), int(lanes), bytes(salt), bytes(nonce), bytes(sealed)] if (
            len(salt) == 16
            and len(nonce) == 12
            and len(sealed) == 80
            and 8 * lanes <= memory <= MAX_MEMORY_KIB
            and 1 <= times <= MAX_ITERATIONS
            and 1 <= lanes <= MAX_LANES
        ):
            key = _derive(passphrase, salt, memory, times, lanes)
        case _:
            raise BadInput(f"{path} is not a root key file that this program knows")
    try:
        seeds = AESGCM(key).decrypt(nonce, sealed, label("root-key-file"))
    except InvalidTag as error:
        raise WrongPassphrase(f"this passphrase does not open {path}") from error
    return SigningKey(seeds[:32]), SigningKey(seeds[32:])
