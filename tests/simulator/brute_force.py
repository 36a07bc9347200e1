"""Every possible sequence of moves in a tiny plan, second by second: what can reach the desk. Knows
nothing of flows; whatever the optimum says must be what is found here.
"""

from collections.abc import Iterator

from qanat_simulation.plan import Line, Plan, Role

__all__ = ["UNIT", "States", "every_outcome"]

UNIT = 256
"""One unit moves at a time; rates and sizes are multiples of it."""

Held = tuple[tuple[int, ...], ...]
"""How many units of each rank each node holds."""

States = set[Held]


def every_outcome(plan: Plan) -> list[States]:
    """All that can be held, at the end of each second."""
    names = [node.name for node in plan.nodes]
    ranks = sorted({item.rank for item in plan.items})
    states: States = {tuple((0,) * len(ranks) for _ in names)}
    found = []
    for second in range(round(plan.duration_s)):
        for item in plan.items:
            if item.at_s == second:
                place, rank = names.index(item.source), ranks.index(item.rank)
                states = {_more(held, place, rank, item.body_bytes // UNIT) for held in states}
        states = _moved(plan, names, states, second)
        found.append(states)
    return found


def _more(held: Held, node: int, rank: int, count: int) -> Held:
    row = list(held[node])
    row[rank] += count
    return (*held[:node], tuple(row), *held[node + 1 :])


def _moved(plan: Plan, names: list[str], states: States, second: int) -> States:
    lines = {line.node: line for line in plan.lines if line.start_s <= second < line.end_s}
    met = [each for each in plan.meetings if each.at_s == second]
    up = tuple(int(lines[name].up_bytes_s) // UNIT if name in lines else 0 for name in names)
    down = tuple(int(lines[name].down_bytes_s) // UNIT if name in lines else 0 for name in names)
    hands = tuple(each.capacity_bytes // UNIT for each in met for _ in range(2))
    ways = [(names.index(a), names.index(b)) for m in met for a, b in _both(m.one, m.other)]
    reach = [
        (one, other)
        for one, first in enumerate(names)
        for other, second_ in enumerate(names)
        if one != other and first in lines and second_ in lines
        if _reach(lines[first], lines[second_])
        if {plan.nodes[one].role, plan.nodes[other].role} & {Role.RELAY, Role.DESK}
    ]
    desk = next(place for place, node in enumerate(plan.nodes) if node.role is Role.DESK)
    seen = {(held, up, down, hands) for held in states}
    todo = list(seen)
    while todo:
        held, up, down, hands = todo.pop()
        for one, other, left in [
            *((a, b, (_less(up, a), _less(down, b), hands)) for a, b in reach if up[a] and down[b]),
            *((a, b, (up, down, _less(hands, n))) for n, (a, b) in enumerate(ways) if hands[n]),
        ]:
            # What the desk has is not given away again.
            if one == desk:
                continue
            for rank, count in enumerate(held[one]):
                if count:
                    after = (_more(_more(held, one, rank, -1), other, rank, 1), *left)
                    if after not in seen:
                        seen.add(after)
                        todo.append(after)
    return {held for held, _, _, _ in seen}


def _both(one: str, other: str) -> Iterator[tuple[str, str]]:
    yield one, other
    yield other, one


def _reach(one: Line, other: Line) -> bool:
    return not ((one.is_national and other.is_foreign) or (one.is_foreign and other.is_national))


def _less(counts: tuple[int, ...], place: int) -> tuple[int, ...]:
    return (*counts[:place], counts[place] - 1, *counts[place + 1 :])
