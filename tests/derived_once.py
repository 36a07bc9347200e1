"""Vaults whose keys are derived once in a process: a quarter of a second for each that is opened.

A new vault has a salt that this process drew, and the key that SQLCipher makes of its passphrase
with it. So other programs open it by the passphrase, as those that tests start do.
"""

from __future__ import annotations

import functools
import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest

from qanat_client.desk import vault

__all__ = ["derived_each_time", "derived_once"]

_SALT = os.urandom(16)
_open, _pbkdf2 = vault._keyed, hashlib.pbkdf2_hmac
_derive = functools.cache(_pbkdf2)


def _salt_of(path: Path) -> bytes:
    if not path.exists():
        return _SALT
    with path.open("rb") as file:
        salt = file.read(len(_SALT))
    return salt if len(salt) == len(_SALT) else _SALT


def _keyed(path: Path, key: str) -> Any:
    # What looks like a key in hexadecimal SQLCipher takes as one.
    if key.startswith("'") and not key.startswith("'x''"):
        salt = _salt_of(path)
        passphrase = key[1:-1].replace("''", "'").encode()
        derived = _derive("sha512", passphrase, salt, vault.KDF_ROUNDS, vault.KEY_BYTES)
        key = f"\"x'{derived.hex()}{salt.hex()}'\""
    return _open(path, key)


@contextmanager
def _vaults_with(keyed: Callable[[Path, str], Any], derive: Callable[..., bytes]) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as change:
        change.setattr(vault, "_keyed", keyed)
        change.setattr(vault, "pbkdf2_hmac", derive)
        yield


def derived_once() -> AbstractContextManager[None]:
    """Until its end."""
    return _vaults_with(_keyed, _derive)


def derived_each_time() -> AbstractContextManager[None]:
    """By SQLCipher itself, until its end."""
    return _vaults_with(_open, _pbkdf2)
