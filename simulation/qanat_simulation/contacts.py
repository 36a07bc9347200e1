"""The time-expanded graph of a plan: who could have passed how many bytes to whom, and when. Knows
nothing of sessions, frames or queues, and where it rounds, it rounds in favour of the optimum.

A vertex is a node over a stretch of its own time; an edge says how many bytes can pass. What is
abroad is one place. docs/simulation.md says what is left out.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from math import ceil
from typing import Final

from qanat_simulation.plan import Item, Line, Plan, Role

__all__ = ["Contacts", "Edge", "Vertex", "contacts_of"]

_MANY: Final = 400
"""So many stretches are enough: with more, edges that are near to each other are taken for one."""

Vertex = int
Edge = tuple[Vertex, Vertex]


@dataclass(slots=True)
class Contacts:
    """ends_s: when each stretch of the whole ends. times_s: when each vertex begins. capacities:
    bytes that an edge can pass, None without a limit. exits: of each stretch the vertex from which
    the desk is reached, with the bytes that it takes. entrances: what is written at a vertex.
    rates: the bytes a second that a vertex can send to the network."""

    ends_s: list[float]
    times_s: list[float] = field(default_factory=list)
    capacities: dict[Edge, float | None] = field(default_factory=dict)
    exits: list[tuple[Vertex, float]] = field(default_factory=list)
    entrances: dict[Vertex, list[Item]] = field(default_factory=lambda: defaultdict(list))
    rates: dict[Vertex, float] = field(default_factory=dict)

    def vertex(self, at_s: float) -> Vertex:
        """A new one."""
        self.times_s.append(at_s)
        return len(self.times_s) - 1

    def connect(self, tail: Vertex, head: Vertex, size_bytes: float | None = None) -> None:
        """An edge, or so much more on it."""
        present = self.capacities.get((tail, head), 0.0)
        if size_bytes is not None and present is not None:
            self.capacities[tail, head] = present + size_bytes
        else:
            self.capacities[tail, head] = None


def contacts_of(plan: Plan, step_s: float) -> Contacts:
    """The graph of all contacts. step_s: no stretch is longer."""
    return _Making(plan, step_s).make()


def _stretches(plan: Plan, step_s: float) -> list[float]:
    """Where stretches begin and end: wherever a line does, as long as those are not too many."""
    ends = {0.0, plan.duration_s}
    ends.update(edge for line in plan.lines for edge in (line.start_s, line.end_s))
    found = sorted(edge for edge in ends if 0 <= edge <= plan.duration_s)
    if len(found) > _MANY:
        apart_s = plan.duration_s / _MANY
        found = [index * apart_s for index in range(_MANY)] + [plan.duration_s]
    parts = [0.0]
    for start_s, end_s in pairwise(found):
        count = ceil((end_s - start_s) / step_s - 1e-9)
        parts += [start_s + (end_s - start_s) * (part + 1) / count for part in range(count)]
    return parts


class _Making:
    def __init__(self, plan: Plan, step_s: float) -> None:
        self._plan = plan
        self._edges_s = _stretches(plan, step_s)
        self._made = Contacts(self._edges_s[1:])
        self._abroad = {
            node.name
            for node in plan.nodes
            if node.is_abroad and node.role in (Role.RELAY, Role.DESK)
        }
        self._desks = {node.name for node in plan.nodes if node.role is Role.DESK}
        self._relays = {node.name for node in plan.nodes if node.role is Role.RELAY}
        # (line, bytes a second that it overlaps by) by stretch.
        self._online: list[list[tuple[Line, float, float]]] = [[] for _ in self._made.ends_s]
        for line in plan.lines:
            for index, start_s, end_s in self._touched(line):
                self._online[index].append((line, start_s, end_s))
        self._begins_s: dict[str, list[float]] = {}
        self._vertices: dict[str, list[Vertex]] = {}

    def _touched(self, line: Line) -> Iterator[tuple[int, float, float]]:
        """The stretches in which a line works, and from when until when."""
        index = max(0, bisect_right(self._edges_s, line.start_s) - 1)
        while index < len(self._online) and self._edges_s[index] < line.end_s:
            start_s = max(line.start_s, self._edges_s[index])
            end_s = min(line.end_s, self._edges_s[index + 1])
            if start_s < end_s:
                yield index, start_s, end_s
            index += 1

    def make(self) -> Contacts:
        self._lay_out()
        for item in self._plan.items:
            self._made.entrances[self._at(item.source, item.at_s)].append(item)
        for meeting in self._plan.meetings:
            one, other = (self._at(name, meeting.at_s) for name in (meeting.one, meeting.other))
            self._made.connect(one, other, meeting.capacity_bytes)
            self._made.connect(other, one, meeting.capacity_bytes)
        pool = None
        for index in range(len(self._online)):
            pool = self._network(index, pool)
        return self._made

    def _lay_out(self) -> None:
        """Every node's own stretches: one begins whenever something begins for it."""
        cuts: dict[str, set[float]] = defaultdict(lambda: {0.0})
        for item in self._plan.items:
            cuts[item.source].add(item.at_s)
        for meeting in self._plan.meetings:
            cuts[meeting.one].add(meeting.at_s)
            cuts[meeting.other].add(meeting.at_s)
        for index, working in enumerate(self._online):
            for line, _, _ in working:
                cuts[line.node].add(self._edges_s[index])
        for node in self._plan.nodes:
            if node.name not in self._abroad:
                begins = self._begins_s[node.name] = sorted(cuts[node.name])
                vertices = self._vertices[node.name] = [*map(self._made.vertex, begins)]
                for one, other in pairwise(vertices):
                    self._made.connect(one, other)

    def _at(self, name: str, at_s: float) -> Vertex:
        return self._vertices[name][bisect_right(self._begins_s[name], at_s) - 1]

    def _network(self, index: int, before: Vertex | None) -> Vertex:
        """What passes over lines in a stretch; the vertex of all that is abroad."""
        made, begins_s = self._made, self._edges_s[index]
        working = self._online[index]
        here = [each for each in working if each[0].node not in self._abroad]
        abroad = made.vertex(begins_s)
        if before is not None:
            made.connect(before, abroad)
        intake = desk_bytes = 0.0
        for line, start_s, end_s in working:
            if line.node in self._abroad:
                intake += line.down_bytes_s * (end_s - start_s)
            if line.node in self._desks:
                desk_bytes += line.down_bytes_s * (end_s - start_s)
        made.exits.append((abroad, desk_bytes))
        sent = sum(line.up_bytes_s * (end_s - start_s) for line, start_s, end_s in here)
        border = abroad
        if sent > intake:
            border = made.vertex(begins_s)
            made.connect(border, abroad, intake)
        # Relays in the country matter only where not all can leave it at once.
        to_relays = from_relays = None
        if any(line.node in self._relays for line, _, _ in here) and (
            sent > intake or any(line.is_national for line, _, _ in here)
        ):
            to_relays, from_relays = made.vertex(begins_s), made.vertex(begins_s)
        for line, start_s, end_s in here:
            is_relay = line.node in self._relays
            heads = [border] if not line.is_national else []
            if to_relays is not None and from_relays is not None and not line.is_foreign:
                hub = to_relays if is_relay else from_relays
                heard = line.down_bytes_s * (end_s - start_s)
                made.connect(hub, self._at(line.node, begins_s), heard)
                heads += [to_relays, from_relays] if is_relay else [to_relays]
            self._send(line, start_s, end_s, heads)
        return abroad

    def _send(self, line: Line, start_s: float, end_s: float, heads: list[Vertex]) -> None:
        """A node's edges to the network, one from each of its own stretches."""
        made, begins = self._made, self._begins_s[line.node]
        place = bisect_right(begins, start_s) - 1
        while place < len(begins) and begins[place] < end_s:
            tail = self._vertices[line.node][place]
            next_s = begins[place + 1] if place + 1 < len(begins) else end_s
            could = line.up_bytes_s * (min(end_s, next_s) - max(start_s, begins[place]))
            made.rates[tail] = line.up_bytes_s
            if len(heads) > 1:
                way_out = made.vertex(made.times_s[tail])
                made.connect(tail, way_out, could)
                for head in heads:
                    made.connect(way_out, head)
            elif heads:
                made.connect(tail, heads[0], could)
            place += 1
