"""What came of a plan under one system: when each item arrived whole, and what each node bore."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["Burden", "Outcome"]


@dataclass(frozen=True, slots=True)
class Burden:
    """A node's share of the work, in bytes as on the wire; most_stored_bytes: at any one time."""

    sent_bytes: int
    received_bytes: int
    most_stored_bytes: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """system: what ran ("Qanat", "flooding" ...). arrived_s: by the item's number, when the desk
    had the whole of it; items that never arrived are missing. burdens: by the node's name."""

    system: str
    arrived_s: Mapping[int, float]
    burdens: Mapping[str, Burden]
