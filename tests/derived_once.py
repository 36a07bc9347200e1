"""Vaults whose keys are derived once in a process: a quarter of a second for each that is opened.

A new vault has a salt that this process drew, and the key that SQLCipher makes of its passphrase
with it. So other programs open it by the passphrase, as those that tests start do.
"""

from __future__ import annotations

import functools
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

from qanat_client.desk import vault

__all__ = ["derived_each_time", "derived_once"]

_SALT = os.urandom(16)
_open, _pbkdf2 = vault._keyed, hashlib.pbkdf2_hmac
_derive = functools.cache(_pbkdf2)


def _keyed(path: Path, key: str) -> Any:
    # What looks like a key in hexadecimal SQLCipher takes as one.
    if key.startswith("'") and not key.startswith("'x''"):
        salt = path.read_bytes()[:16] if path.exists() else b""
        salt = salt if len(salt) == 16 else _SALT
        passphrase = key[1:-1].replace("''", "'").encode()
        derived = _derive("sha512", passphrase, salt, vault.KDF_ROUNDS, vault.KEY_BYTES)
        key = f"\"x'{derived.hex()}{salt.hex()}'\""
    return _open(path, key)


@contextmanager
def derived_once() -> Iterator[None]:
    """Until its end."""
    with patch.object(vault, "_keyed", _keyed), patch.object(vault, "pbkdf2_hmac", _derive):
        yield


@contextmanager
def derived_each_time() -> Iterator[None]:
    """By SQLCipher itself, until its end."""
    with patch.object(vault, "_keyed", _open), patch.object(vault, "pbkdf2_hmac", _pbkdf2):
        yield
