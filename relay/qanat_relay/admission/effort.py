"""How much work a relay asks for a place: rises with what is paid beyond its room, falls with calm.

A pure function of one period after the other; after the effort controller of Tor's onion services
(proposal 327), which goes by what was paid as well, and not by how long a queue is.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import isqrt

from qanat_protocol.stamp import FIRST_EFFORT, MAX_EFFORT

PERIOD_S = 10.0
"""How often the effort is set: some letters of the free lane, and a fraction of a stamp's week."""


@dataclass(frozen=True, slots=True)
class Period:
    """What was seen in one period. pressed: more came than there was room for; paid: the work in
    all stamps that came, in tries; places: how many could have been let in for it."""

    pressed: bool
    paid: int
    places: int


def next_effort(effort: int, seen: Period) -> int:
    """The effort to ask for from now on: 0, or FIRST_EFFORT to MAX_EFFORT.

    Whoever has a number of computers pays the same in each period, whatever the effort. That,
    divided by the places, is the effort at which as many come as there is room for. Half of the
    way there (of the logarithm) is gone at a time and at most a factor of two, so that it is
    approached from one side. A flood that pays nothing raises nothing: it waits in the free lane.
    """
    if not seen.pressed:
        fallen = effort * 2 // 3
        return fallen if fallen >= FIRST_EFFORT else 0
    if effort == 0:
        return FIRST_EFFORT
    wanted = seen.paid // max(1, seen.places)
    stepped = min(max(isqrt(effort * wanted), effort * 2 // 3), 2 * effort)
    return min(max(stepped, FIRST_EFFORT), MAX_EFFORT)
