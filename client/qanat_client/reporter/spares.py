"""How many connections a round begins at once. What they do then is for `widening`."""

from __future__ import annotations

__all__ = ["AT_ONCE", "LEAST_BYTES", "spares_for"]

AT_ONCE = 2
"""Connections beside the first, on every line that is wide and long. Those to other relays are some
of them: they fill the same line."""

LEAST_BYTES = 131_072
"""What has to wait for another connection to be worth its beginning."""


def spares_for(due_bytes: int, sessions: int) -> int:
    """How many connections to begin beside the first of one of so many sessions, so that no round
    trip is lost with them."""
    return max(0, AT_ONCE + 1 - sessions) if due_bytes >= LEAST_BYTES else 0
