"""Plans made by hand, whose outcome can be reasoned out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from qanat_protocol.kinds import Rank
from qanat_simulation.engine import Conditions, run
from qanat_simulation.outcome import Outcome
from qanat_simulation.plan import Item, Line, Meeting, Node, Plan, Role

HOUR_S = 3600.0
LETTER_BYTES = 4096
MIB = 2**20

FAST = Line("", 0.0, 0.0, 12.5e6, 12.5e6, 0.01, 0.0, is_foreign=True)
"""Of a relay or a desk abroad: 100 Mbit/s."""

SLOW = Line("", 0.0, 0.0, 50e3, 50e3, 0.3, 0.0)
"""Of a phone: 400 kbit/s."""


def between(line: Line, node: str, start_s: float, end_s: float) -> Line:
    """Such a line of that node."""
    return replace(line, node=node, start_s=start_s, end_s=end_s)


def letters(source: str, count: int, at_s: float = 0.0, *, first: int = 0) -> list[Item]:
    """So many reports of a letter each."""
    return [
        Item(first + number, first + number, source, at_s, Rank.LETTER, LETTER_BYTES)
        for number in range(count)
    ]


def with_film(item: Item, size_bytes: int) -> list[Item]:
    """A letter with an original."""
    return [
        item,
        replace(item, number=item.number + 1000, rank=Rank.ORIGINAL, body_bytes=size_bytes),
    ]


def made_plan(
    hours: float,
    items: Sequence[Item],
    lines: Sequence[Line],
    *,
    relays: Sequence[str] = ("here", "there"),
    couriers: Sequence[str] = (),
    meetings: Sequence[Meeting] = (),
    elsewhere: Sequence[str] = (),
    seed: int = 1,
) -> Plan:
    """Reporters are those who write. Relays and the desk are abroad on fast lines, but for those
    relays that `elsewhere` names: they are in the country, and their lines among the given ones."""
    end_s = hours * HOUR_S
    reporters = list(dict.fromkeys(item.source for item in items))
    nodes = [
        *(Node(name, Role.REPORTER, "city") for name in reporters),
        *(Node(name, Role.COURIER, "city") for name in couriers),
        *(Node(name, Role.RELAY, "city" if name in elsewhere else "abroad") for name in relays),
        Node("desk", Role.DESK, "abroad"),
    ]
    fast = [name for name in (*relays, "desk") if name not in elsewhere]
    all_lines = [*lines, *(between(FAST, name, 0.0, end_s) for name in fast)]
    return Plan(
        "made by hand",
        seed,
        end_s,
        tuple(nodes),
        tuple(sorted(all_lines, key=lambda line: (line.start_s, line.node))),
        tuple(meetings),
        tuple(sorted(items, key=lambda item: (item.at_s, item.number))),
    )


def live(plan: Plan, conditions: Conditions | None = None) -> Outcome:
    """Run it, and let nobody listen to how far it is."""
    return run(plan, lambda _: None, conditions)


def numbers(items: Sequence[Item]) -> set[int]:
    """Of these items."""
    return {item.number for item in items}
