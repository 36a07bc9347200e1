"""Letters as a relay sees them: true headers and roots over random bodies, fresh for each turn."""

from __future__ import annotations

from secrets import token_bytes

from benchmarks.desk import today
from qanat_protocol.kinds import Kind
from qanat_protocol.merkle import leaf_hash
from qanat_protocol.parcel import Header

__all__ = ["make_letter"]


def make_letter(size_bytes: int, tag: bytes, days: int = 90) -> tuple[Header, bytes]:
    """A letter of one block: 4, 8 or 16 KiB. Nobody can open it, which a relay cannot tell. days:
    until it expires."""
    body = token_bytes(size_bytes)
    header = Header(
        Kind.LETTER, False, today() + days, size_bytes, tag, token_bytes(32), leaf_hash(body)
    )
    return header, body
