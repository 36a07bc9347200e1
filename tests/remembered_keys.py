"""Keys that passphrases give, each worked out once in a process: the same keys, and a seventh of a
second less for every desk that is opened again. Programs that tests start work out their own.
"""

from __future__ import annotations

import functools
import hashlib
import re
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

__all__ = ["remember_keys"]

_KEY = re.compile(r"PRAGMA key = '((?:[^']|'')*)'")
_SALT_BYTES, _KEY_BYTES, _ROUNDS = 16, 32, 256_000
"""Of SQLCipher 4: the salt is what a vault's file begins with."""
_ANY_KEY = f"PRAGMA key = \"x'{'00' * _KEY_BYTES}'\""

_derived = functools.cache(hashlib.pbkdf2_hmac)


def remember_keys(patch: pytest.MonkeyPatch) -> None:
    """In this process, until the patch is undone; where SQLCipher is not installed nothing is."""
    try:
        from sqlcipher3 import dbapi2
    except ModuleNotFoundError:
        return
    from qanat_client.desk import vault

    connect = dbapi2.connect

    def salt_of(path: str) -> str:
        # Read by the library: whoever else closed the file would let go of its locks on it.
        with closing(connect(path)) as beside:
            beside.execute(_ANY_KEY)
            return str(beside.execute("PRAGMA cipher_salt").fetchone()[0])

    class Connection(dbapi2.Connection):  # type: ignore[misc]
        path: str

        def execute(self, statement: str, *values: Any) -> Any:
            """As the library's, with the key itself in the place of its passphrase; a vault that
            is made only now has no salt yet, and is made by the passphrase."""
            found = _KEY.fullmatch(statement)
            if found is not None and _has_salt(self.path):
                passphrase, salt = found[1].replace("''", "'"), salt_of(self.path)
                key = _derived(
                    "sha512", passphrase.encode(), bytes.fromhex(salt), _ROUNDS, _KEY_BYTES
                )
                statement = f"PRAGMA key = \"x'{key.hex()}{salt}'\""
            return super().execute(statement, *values)

    def connect_remembering(path: str, **options: Any) -> Any:
        connection = connect(path, factory=Connection, **options)
        connection.path = path
        return connection

    patch.setattr(dbapi2, "connect", connect_remembering)
    patch.setattr(vault, "pbkdf2_hmac", _derived)


def _has_salt(path: str) -> bool:
    file = Path(path)
    return file.is_file() and file.stat().st_size >= _SALT_BYTES
