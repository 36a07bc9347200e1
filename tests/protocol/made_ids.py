"""Sets of ids, and a key to sketch them by."""

import hashlib

KEY = bytes(range(16))


def ids(first: int, end: int) -> list[bytes]:
    return [hashlib.sha256(number.to_bytes(4)).digest() for number in range(first, end)]
