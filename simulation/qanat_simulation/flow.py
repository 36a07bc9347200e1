"""The maximum flow through a graph of contacts, found stretch by stretch: what a later stretch adds
takes nothing from the desk that it had by an earlier one. Each step is scipy's maximum flow.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from heapq import heappop, heappush
from itertools import pairwise
from math import ceil
from typing import Final

import numpy as np
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import maximum_flow

from qanat_client.errors import BadInput
from qanat_simulation.classes import Class, class_of
from qanat_simulation.contacts import Contacts
from qanat_simulation.plan import Item

__all__ = ["UNIT_BYTES", "Flow"]

UNIT_BYTES: Final = 256
"""Flows are counted in these, so that the 32 bits that scipy takes hold a quarter of a terabyte."""

_MOST_UNITS: Final = 2**30
_SOURCE: Final = 0
_SINK: Final = 1
_FIRST: Final = 2


def _units(size_bytes: float) -> int:
    # What is a whole number of units but for the rounding of floats is not one more.
    return ceil(size_bytes / UNIT_BYTES - 1e-6)


class Flow:
    """A flow that grows by `fill`, class by class. Vertices are numbered by time, so that what lies
    before a moment is the front of the matrix. Raises BadInput for more than it can count."""

    def __init__(self, contacts: Contacts) -> None:
        self._contacts = contacts
        self._total = sum(
            _units(item.body_bytes) for items in contacts.entrances.values() for item in items
        )
        if self._total > _MOST_UNITS:
            raise BadInput(
                f"the optimum can't be found for more than {_MOST_UNITS * UNIT_BYTES:,} bytes of"
                " reports: simulate fewer reporters, or go --without-optimum"
            )
        self._written: dict[tuple[Class, int], list[Item]] = defaultdict(list)
        """Items by class and the vertex of the graph at which they are written."""
        for vertex, items in contacts.entrances.items():
            for item in items:
                self._written[class_of(item.rank), vertex].append(item)
        self._number()
        self._residual = self._matrix()
        self._before_class = self._residual.data.astype(np.int64)
        self._rates = {int(self._numbers[vertex]): rate for vertex, rate in contacts.rates.items()}
        self._sent: dict[int, int] = {}

    def _number(self) -> None:
        """Number everything by time; an entrance of a class is a vertex of its own."""
        entrances = list(self._written)
        times_s = [*self._contacts.times_s]
        times_s += [self._contacts.times_s[vertex] for _, vertex in entrances]
        order = np.argsort(np.array(times_s), kind="stable")
        self._numbers = np.empty(len(times_s), dtype=np.int64)
        self._numbers[order] = np.arange(len(times_s)) + _FIRST
        self._times_s = np.array(times_s)[order]
        inner = len(self._contacts.times_s)
        self._entrances = {
            int(self._numbers[inner + place]): key for place, key in enumerate(entrances)
        }

    def _matrix(self) -> csr_array:
        """What each edge can still take; each has a place for the way back too."""
        edges: list[tuple[int, int, int]] = []
        for (tail, head), size_bytes in self._contacts.capacities.items():
            limit = self._total if size_bytes is None else min(self._total, _units(size_bytes))
            edges.append((self._numbers[tail], self._numbers[head], limit))
        for vertex, size_bytes in self._contacts.exits:
            edges.append((self._numbers[vertex], _SINK, min(self._total, _units(size_bytes))))
        for number, (kind, vertex) in self._entrances.items():
            limit = sum(_units(item.body_bytes) for item in self._written[kind, vertex])
            edges.append((_SOURCE, number, limit))
            edges.append((number, self._numbers[vertex], limit))
        tails, heads, limits = np.array(edges, dtype=np.int64).T
        size = len(self._numbers) + _FIRST
        places = (np.concatenate([tails, heads]), np.concatenate([heads, tails]))
        both = np.concatenate([limits, np.zeros_like(limits)])
        matrix = csr_array(coo_array((both, places), shape=(size, size)))
        matrix.sum_duplicates()
        matrix.data = matrix.data.astype(np.int32)
        return matrix

    def fill(self, kind: Class) -> list[int]:
        """Let in all that is possible of a class; the units by which each stretch gained."""
        self._before_class = self._residual.data.astype(np.int64)
        start, end = self._residual.indptr[_SOURCE : _SOURCE + 2]
        entrances = self._residual.indices[start:end]
        others = start + np.flatnonzero(
            [self._entrances[int(number)][0] is not kind for number in entrances]
        )
        closed = self._residual.data[others].copy()
        self._residual.data[others] = 0
        gained = []
        for end_s in self._contacts.ends_s:
            size = int(np.searchsorted(self._times_s, end_s)) + _FIRST
            waiting = self._residual.data[start:end][entrances < size]
            gained.append(self._augment(size) if waiting.any() else 0)
        self._residual.data[others] = closed
        return gained

    def _augment(self, size: int) -> int:
        """As much more as the first `size` vertices can pass."""
        whole = self._residual
        last = whole.indptr[size]
        kept = np.flatnonzero(whole.indices[:last] < size)
        indptr = np.searchsorted(kept, whole.indptr[: size + 1]).astype(np.int32)
        front = csr_array(
            (whole.data[kept], whole.indices[kept].astype(np.int32), indptr), shape=(size, size)
        )
        found = maximum_flow(front, _SOURCE, _SINK, method="dinic")
        assert found.flow.nnz == len(kept), "scipy laid the flow out in another way than the edges"
        whole.data[kept] -= found.flow.data
        return int(found.flow_value)

    def arrivals(self, kind: Class) -> dict[int, float]:
        """When each item that came whole was so, of the class that was filled last."""
        edges = self._positive()
        chunks: dict[str, list[tuple[float, int]]] = defaultdict(list)
        waiting: dict[str, list[Item]] = defaultdict(list)
        for number, (each, vertex) in sorted(self._entrances.items()):
            if each is kind:
                items = self._written[kind, vertex]
                waiting[items[0].source] += items
                chunks[items[0].source] += self._ways(edges, number)
        arrived: dict[int, float] = {}
        for source, items in waiting.items():
            arrived.update(_finished(items, sorted(chunks[source])))
        return arrived

    def _positive(self) -> dict[int, dict[int, int]]:
        """What the class that was filled last changed: units by head by tail."""
        gained = self._before_class - self._residual.data
        edges: dict[int, dict[int, int]] = defaultdict(dict)
        tails = np.repeat(np.arange(self._residual.shape[0]), np.diff(self._residual.indptr))
        for place in np.flatnonzero(gained > 0):
            edges[int(tails[place])][int(self._residual.indices[place])] = int(gained[place])
        return edges

    def _ways(self, edges: dict[int, dict[int, int]], start: int) -> Iterator[tuple[float, int]]:
        """Take apart what left an entrance: (when it arrived at the earliest, units)."""
        while edges.get(start):
            path, at = [start], {start: 0}
            while path[-1] != _SINK:
                # The earliest first: what can leave now is not kept.
                head = min(edges[path[-1]])
                if head in at:
                    self._take(edges, [*path[at[head] :], head])
                    for gone in path[at[head] + 1 :]:
                        del at[gone]
                    del path[at[head] + 1 :]
                    if not edges.get(path[-1]):
                        break
                    continue
                at[head] = len(path)
                path.append(head)
            else:
                amount = self._take(edges, path)
                yield self._arrival_s(path, amount), amount

    def _arrival_s(self, path: list[int], amount: int) -> float:
        """When so much more could be through: behind what its sender sent before."""
        begins_s = float(self._times_s[path[-2] - _FIRST])
        sender = next((number for number in reversed(path) if number in self._rates), None)
        if sender is None:
            return begins_s
        sent = self._sent[sender] = self._sent.get(sender, 0) + amount
        begins_s = max(begins_s, float(self._times_s[sender - _FIRST]))
        return begins_s + sent * UNIT_BYTES / self._rates[sender]

    @staticmethod
    def _take(edges: dict[int, dict[int, int]], path: list[int]) -> int:
        steps = list(pairwise(path))
        amount = min(edges[tail][head] for tail, head in steps)
        for tail, head in steps:
            edges[tail][head] -= amount
            if edges[tail][head] == 0:
                del edges[tail][head]
        return amount


def _finished(items: list[Item], chunks: list[tuple[float, int]]) -> dict[int, float]:
    """When items of one source are whole, if of those that are written the one that lacks least
    goes first: so the most of them are done at any time."""
    unborn = sorted(items, key=lambda item: item.number, reverse=True)
    begun: list[tuple[int, int, float]] = []
    arrived: dict[int, float] = {}
    for at_s, count in chunks:
        left = count
        while left:
            while unborn and (unborn[-1].at_s <= at_s or not begun):
                item = unborn.pop()
                heappush(begun, (_units(item.body_bytes), item.number, item.at_s))
            lacking, number, born_s = heappop(begun)
            if lacking <= left:
                arrived[number] = max(at_s, born_s)
            else:
                heappush(begun, (lacking - left, number, born_s))
            left -= min(left, lacking)
    return arrived
