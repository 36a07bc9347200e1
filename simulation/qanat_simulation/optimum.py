"""What the best of all systems could have carried over a plan's contacts: a maximum flow, better
classes first, and each class as early as can be. Shares no code with what it is compared to.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from qanat_simulation.classes import Class
from qanat_simulation.contacts import contacts_of
from qanat_simulation.flow import UNIT_BYTES, Flow
from qanat_simulation.outcome import Outcome
from qanat_simulation.plan import Plan

__all__ = ["Optimum", "find_optimum"]

_STEPS: Final = 200
"""Stretches of the whole at least: about an hour each in a scenario of eight days."""


@dataclass(frozen=True, slots=True)
class Optimum:
    """times_s: the ends of the stretches. delivered_bytes: by class, the most that can have
    reached the desk by each of these times. outcome: when items were whole in such a flow."""

    times_s: tuple[float, ...]
    delivered_bytes: Mapping[Class, tuple[float, ...]]
    outcome: Outcome


def find_optimum(
    plan: Plan, note: Callable[[str], None], *, step_s: float | None = None
) -> Optimum:
    """step_s: the longest stretch. note: is told what is being done."""
    contacts = contacts_of(plan, step_s or plan.duration_s / _STEPS)
    flow = Flow(contacts)
    delivered: dict[Class, tuple[float, ...]] = {}
    arrived: dict[int, float] = {}
    for each in Class:
        note(f"the optimum for {each.value}")
        gained = flow.fill(each)
        delivered[each] = tuple(float(sum_) * UNIT_BYTES for sum_ in np.cumsum(gained))
        arrived.update(flow.arrivals(each))
    return Optimum(tuple(contacts.ends_s), delivered, Outcome("optimum", arrived, {}))
