"""Direct delivery only: what people write waits for their own line to a relay abroad. No couriers,
no relays in the country, the oldest first.
"""

from __future__ import annotations

from collections.abc import Callable

from qanat_simulation.exchange import Rules, exchange
from qanat_simulation.outcome import Outcome
from qanat_simulation.plan import Plan

__all__ = ["deliver_directly"]


def deliver_directly(plan: Plan, note: Callable[[str], None]) -> Outcome:
    """What comes of a plan where nobody carries anything for anybody."""
    return exchange("direct", plan, Rules(relays=False, sticks=False, back=False), note)
