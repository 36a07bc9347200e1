"""Epidemic flooding: whoever meets gives the other all that it lacks, the oldest first. People take
from a relay what others wrote, so that they carry it on; nothing goes before anything else.
"""

from __future__ import annotations

from collections.abc import Callable

from qanat_simulation.exchange import Rules, exchange
from qanat_simulation.outcome import Outcome
from qanat_simulation.plan import Plan

__all__ = ["flood"]


def flood(plan: Plan, note: Callable[[str], None]) -> Outcome:
    """What comes of a plan where everything is given to everybody."""
    return exchange("flooding", plan, Rules(relays=True, sticks=True, back=True), note)
