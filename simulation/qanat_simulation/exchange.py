"""Systems that exchange everything in the order in which it came, minute by minute: the machinery
of those that Qanat is compared to. No protocol, no overheads, no round trips, no loss.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from math import ceil
from typing import Final

from qanat_simulation.outcome import Burden, Outcome
from qanat_simulation.plan import Line, Meeting, Plan, Role

__all__ = ["Rules", "exchange"]

_STEP_S: Final = 60.0
"""What is written or arrives within a step goes on in the next one."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What a system makes use of. relays: those in the country too, else only those abroad. sticks:
    what people hand each other. back: whether people also take from relays what others wrote."""

    relays: bool
    sticks: bool
    back: bool


_Working = list[tuple[Line, float]]


class _Holder:
    """What a node has. order: the items that are whole here, in the order in which they came."""

    __slots__ = ("down", "got", "order", "received", "sent", "stored", "told", "up")

    def __init__(self, items: int) -> None:
        self.got = [0] * items
        self.order: list[int] = []
        self.told: dict[str, int] = {}
        """By name: how many of `order` the other is known to have."""
        self.sent = self.received = self.stored = 0
        self.up = self.down = 0.0
        """Bytes that its line can still carry in this step."""


def exchange(system: str, plan: Plan, rules: Rules, note: Callable[[str], None]) -> Outcome:
    """What comes of a plan under these rules; note: is told how far it is."""
    return _Exchange(system, plan, rules, note).run()


class _Exchange:
    def __init__(self, system: str, plan: Plan, rules: Rules, note: Callable[[str], None]) -> None:
        self._system, self._plan, self._rules, self._note = system, plan, rules, note
        self._sizes = [item.body_bytes for item in plan.items]
        self._holders = {node.name: _Holder(len(plan.items)) for node in plan.nodes}
        relays = [node for node in plan.nodes if node.role is Role.RELAY]
        self._relays = [node.name for node in relays if rules.relays or node.is_abroad]
        self._desk = next(node.name for node in plan.nodes if node.role is Role.DESK)
        people = [node for node in plan.nodes if node.role in (Role.REPORTER, Role.COURIER)]
        # Each tries the relays in an order of its own, so that they share the work.
        self._choices = {
            node.name: self._relays[place % len(self._relays) :]
            + self._relays[: place % len(self._relays)]
            for place, node in enumerate(people)
            if self._relays
        }
        self._arrived: dict[int, float] = {}
        self._working: _Working | None = None
        self._pairs: list[tuple[str, str]] = []
        """Who gives to whom while these lines work."""

    def run(self) -> Outcome:
        lines = _by_step(self._plan.lines, self._plan.duration_s)
        meetings: dict[int, list[Meeting]] = defaultdict(list)
        for meeting in self._plan.meetings if self._rules.sticks else ():
            meetings[int(meeting.at_s // _STEP_S)].append(meeting)
        written: dict[int, list[int]] = defaultdict(list)
        for item in self._plan.items:
            written[int(item.at_s // _STEP_S) + 1].append(item.number)
        steps = len(lines)
        for step, working in enumerate(lines):
            if step % 1000 == 0:
                self._note(f"{self._system}: {100 * step // steps}%")
            for number in written[step]:
                self._write(number)
            for meeting in meetings[step]:
                self._meet(meeting)
            self._network(step, working)
        burdens = {
            name: Burden(holder.sent, holder.received, holder.stored)
            for name, holder in self._holders.items()
        }
        return Outcome(self._system, self._arrived, burdens)

    def _write(self, number: int) -> None:
        holder = self._holders[self._plan.items[number].source]
        holder.got[number] = self._sizes[number]
        holder.stored += self._sizes[number]
        holder.order.append(number)

    def _meet(self, meeting: Meeting) -> None:
        # Both sticks are written before either is read.
        known = {name: len(self._holders[name].order) for name in (meeting.one, meeting.other)}
        for giver, taker in ((meeting.one, meeting.other), (meeting.other, meeting.one)):
            self._give(giver, taker, meeting.capacity_bytes, known[giver], meeting.at_s)

    def _network(self, step: int, working: _Working) -> None:
        if working is not self._working:
            self._working = working
            self._pairs = list(self._pairs_of({line.node: line for line, _ in working}))
        holders = self._holders
        due = [
            (giver, taker, len(holders[giver].order))
            for giver, taker in self._pairs
            if holders[giver].told.get(taker, 0) < len(holders[giver].order)
        ]
        if not due:
            return
        for line, share_s in working:
            holder = holders[line.node]
            holder.up, holder.down = line.up_bytes_s * share_s, line.down_bytes_s * share_s
        # Whoever was first in one step is last in the next: nobody is served before all others.
        first = step % len(due)
        for giver, taker, known in due[first:] + due[:first]:
            budget = int(min(holders[giver].up, holders[taker].down))
            used = self._give(giver, taker, budget, known, (step + 1) * _STEP_S)
            holders[giver].up -= used
            holders[taker].down -= used

    def _pairs_of(self, online: dict[str, Line]) -> Iterator[tuple[str, str]]:
        """Who gives to whom over the network."""
        relays = [name for name in self._relays if name in online]
        for name, line in online.items():
            relay = next(
                (each for each in self._choices.get(name, ()) if _reach(line, online.get(each))),
                None,
            )
            if relay is not None:
                yield name, relay
                if self._rules.back:
                    yield relay, name
        for relay in relays:
            yield from (
                (relay, other)
                for other in [*relays, self._desk]
                if other != relay and _reach(online[relay], online.get(other))
            )

    def _give(self, giver: str, taker: str, budget: int, known: int, done_s: float) -> int:
        """The oldest first, of the `known` first that the giver has; the bytes that went."""
        source, sink = self._holders[giver], self._holders[taker]
        left = budget
        place = source.told.get(taker, 0)
        while place < known:
            number = source.order[place]
            lacking = self._sizes[number] - sink.got[number]
            if lacking > left:
                sink.got[number] += left
                left = 0
                break
            if lacking:
                left -= lacking
                sink.got[number] += lacking
                sink.order.append(number)
                if taker == self._desk:
                    self._arrived[number] = done_s
            place += 1
        source.told[taker] = place
        used = budget - left
        source.sent += used
        sink.received += used
        sink.stored += used
        return used


def _reach(one: Line, other: Line | None) -> bool:
    if other is None:
        return False
    return not ((one.is_national and other.is_foreign) or (one.is_foreign and other.is_national))


def _by_step(lines: Sequence[Line], duration_s: float) -> list[_Working]:
    """Of each step the lines that work in it, each node's longest or all that are
    alike, and for how many seconds; steps in which the same ones work share one list."""
    found: list[dict[str, tuple[Line, float]]] = [{} for _ in range(ceil(duration_s / _STEP_S))]
    for line in lines:
        step = int(line.start_s // _STEP_S)
        while step < len(found) and step * _STEP_S < line.end_s:
            share_s = min(line.end_s, (step + 1) * _STEP_S) - max(line.start_s, step * _STEP_S)
            present, before_s = found[step].get(line.node, (line, 0.0))
            if replace(present, start_s=line.start_s, end_s=line.end_s) == line:
                found[step][line.node] = (present, before_s + share_s)
            elif before_s < share_s:
                found[step][line.node] = (line, share_s)
            step += 1
    shared: list[_Working] = []
    for each in found:
        working = list(each.values())
        shared.append(shared[-1] if shared and shared[-1] == working else working)
    return shared
