"""A window in the simulator carries what one of the same line carried for real programs: what
docs/performance.md says of cold windows of 20 seconds, the start of Python included."""

from __future__ import annotations

import pytest
from tests.simulator_engine.hand_made import MIB, between, letters, made_plan, with_film

from qanat_protocol.kinds import Rank
from qanat_protocol.limits import BLOCK_BYTES
from qanat_simulation.engine.doors import opened_doors
from qanat_simulation.engine.virtual_time import VirtualLoop
from qanat_simulation.engine.world import Conditions, World
from qanat_simulation.plan import Line, Plan

BEGIN_S, WINDOW_S, PYTHON_S = 100.0, 20.0, 0.3
WITHIN = 0.1

MEASURED = [
    (400, 0.6, 0.0, 0.83),
    (400, 0.6, 0.02, 0.775),
    (400, 0.6, 0.05, 0.74),
    (50, 0.5, 0.02, 0.655),
    (5000, 0.15, 0.01, 0.885),
]
"""Rate (kbit/s), round trip (s), loss; the share of rate by time that was durable at the relay."""


async def stored_bytes(plan: Plan, loop: VirtualLoop) -> int:
    """What of all bodies lies at the only relay in the end."""
    world = World(plan, Conditions(), loop)
    await world.run(lambda _: None)
    (relay,) = world.relays.values()
    tags = list({parcel.header.tag for parcel in world.written()})
    found = 0
    for rank in Rank:
        entries = await relay.store.list_all(rank, 0, 2**62, 1000)
        halves = await relay.store.list_halves(tags, rank, 1000)
        found += sum(entry.header.body_size for entry in entries)
        found += sum(half.held.count() for half in halves) * BLOCK_BYTES
    return found


@pytest.mark.parametrize(("rate_kbit", "rtt_s", "loss", "share"), MEASURED)
def test_a_cold_window_carries_what_real_programs_got_through_one(
    rate_kbit: int, rtt_s: float, loss: float, share: float
) -> None:
    rate_bytes_s = rate_kbit * 125.0
    line = Line("", 0.0, 0.0, rate_bytes_s, rate_bytes_s, rtt_s, loss)
    items = [*letters("a", 20), *with_film(letters("a", 1, first=50)[0], 16 * MIB)]
    window = between(line, "a", BEGIN_S + PYTHON_S, BEGIN_S + WINDOW_S)
    plan, loop = made_plan(0.1, items, [window], relays=["here"]), VirtualLoop()
    with opened_doors("lines", loop):
        found = loop.run_until_complete(stored_bytes(plan, loop))
        loop.close()
    assert found / (rate_bytes_s * WINDOW_S) == pytest.approx(share, rel=WITHIN)
