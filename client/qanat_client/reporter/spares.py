"""How many connections a session begins at once. What they do then is for `widening`."""

from __future__ import annotations

__all__ = ["AT_ONCE", "LEAST_BYTES", "spares_for"]

AT_ONCE = 2
"""Connections beside the first, on every line that is wide and long."""

LEAST_BYTES = 131_072
"""What has to wait for another connection to be worth its beginning."""


def spares_for(due_bytes: int) -> int:
    """How many connections to begin beside the first, so that no round trip is lost with them."""
    return AT_ONCE if due_bytes >= LEAST_BYTES else 0
