"""Small scenarios and plans that the tests of the simulator share."""

from collections.abc import Iterable, Sequence

from qanat_protocol.kinds import Rank
from qanat_simulation.plan import Item, Line, Meeting, Node, Plan, Role

__all__ = ["SMALL", "line", "plan_of", "silent"]

SMALL = """\
title = "A small one"
start = "2022-01-05T00:00"
end = "2022-01-06T00:00"
sources = ["nobody"]

[preset.bad]
down_kbit = 40
up_kbit = 20
rtt_ms = 900
loss_percent = 5

[[city]]
name = "town"
reporters = 6
with_fixed = 50
fixed = "dsl"
mobile = "bad"
jitter_minutes = 30
windows = [
    ["2022-01-05T06:00", "2022-01-05T12:00", 2, 0],
]

[[relay]]
name = "berlin"
place = "abroad"

[desk]
line = "server"

[[courier]]
name = "bus"
meets_a_day = 3
route = [
    ["town", "2022-01-05T05:00", "2022-01-05T11:00"],
    ["abroad", "2022-01-05T14:00", "2022-01-05T20:00"],
]

[[burst]]
city = "town"
from = "2022-01-05T01:00"
to = "2022-01-05T16:00"
reports = 20
photo_percent = 50
photos = [1, 2]
photo_kb = [100, 300]
film_percent = 10
film_seconds = [1, 2]
film = "720p"
"""


def line(node: str, start_s: float, end_s: float, up: float, down: float, **more: bool) -> Line:
    """One without delay and loss; up and down in bytes a second."""
    return Line(node, start_s, end_s, up, down, 0.0, 0.0, **more)


def plan_of(
    nodes: dict[str, str],
    lines: Iterable[Line],
    meetings: Iterable[Meeting],
    items: Sequence[tuple[str, float, Rank, int]],
    duration_s: float,
) -> Plan:
    """nodes: name -> role ("reporter", "courier", "relay abroad", "desk abroad"). items: each
    (source, at_s, rank, bytes), a report of its own."""
    return Plan(
        name="small",
        seed=1,
        duration_s=duration_s,
        nodes=tuple(
            Node(name, Role(role.split()[0]), "abroad" if "abroad" in role else "town")
            for name, role in nodes.items()
        ),
        lines=tuple(sorted(lines, key=lambda each: each.start_s)),
        meetings=tuple(sorted(meetings, key=lambda each: each.at_s)),
        items=tuple(
            Item(number, number, *item)
            for number, item in enumerate(sorted(items, key=lambda each: each[1]))
        ),
    )


def silent(_: str) -> None:
    """Nobody is told how far it is."""
