"""What a relay tells Prometheus. Numbers are of all together, and no label names anybody: no tag,
no id, no address, no desk. Peers are called by the name in the card that the operator added.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from pathlib import Path

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from qanat_protocol.frames import AckStatus
from qanat_protocol.verdicts import Verdict
from qanat_relay import __version__
from qanat_relay.counts import Carrier, Ending
from qanat_relay.events import ERROR, Event
from qanat_relay.logs import left_out, told
from qanat_relay.node import Node
from qanat_relay.peering.peers import Peer
from qanat_relay.store.commits import UP_TO_S
from qanat_relay.store.errors import StoreError
from qanat_relay.store.interface import Stats

PREFIX = "qanat_relay_"

_MARKS = {AckStatus.STORED: "kept", AckStatus.HAVE: "known", AckStatus.REFUSED: "ignored"}


class Metrics(Collector):
    """Of one relay; `read` gives them all as of now."""

    def __init__(self, node: Node, data: Path) -> None:
        self._node = node
        self._data = data
        self._stats: Stats | None = None
        self._registry = CollectorRegistry()
        self._registry.register(self)
        ProcessCollector(registry=self._registry)

    async def read(self) -> bytes:
        """In the text format of Prometheus."""
        try:
            self._stats = await self._node.store.stats()
        except StoreError:
            self._stats = None
        return generate_latest(self._registry)

    def collect(self) -> Iterator[Metric]:
        """As the library calls it."""
        yield _gauge("info", "The version that runs.", [((__version__,), 1)], ["version"])
        parts = self._node.background.parts.items()
        yield _gauge(
            "work_fails",
            "1 where a part of the relay's work ended by a mistake a short while ago.",
            [((part,), float(fails)) for part, fails in parts],
            ["part"],
        )
        answers = self._stats is not None
        yield _gauge("store_answers", "1 while the store can be read.", answers)
        if self._stats is not None:
            yield from self._stored(self._stats)
        yield from self._commits()
        yield from self._removed()
        yield from self._sessions()
        yield from self._deposits()
        yield from self._peers()
        yield from _logged()

    def _stored(self, stats: Stats) -> Iterator[Metric]:
        kinds = {
            "letter": (stats.letters, stats.letter_bytes),
            "reply": (stats.replies, stats.reply_bytes),
            "part": (stats.parts, stats.part_bytes),
            "public": (stats.public, stats.public_bytes),
        }
        names = (
            ("stored_parcels", "Complete parcels that are held."),
            ("stored_bytes", "Their bodies, padded as they came."),
        )
        for place, (name, meaning) in enumerate(names):
            samples = [((kind,), numbers[place]) for kind, numbers in kinds.items()]
            yield _gauge(name, meaning, samples, ["kind"])
        yield _gauge("waiting_parcels", "Parcels that are here in part.", stats.partial)
        yield _gauge("waiting_bytes", "What is here of them.", stats.partial_bytes)
        yield _gauge("opened_parcels", "Parcels that a desk said it has opened.", stats.opened)
        yield _gauge("tombstones", "Tombstones held, of both kinds.", stats.tombstones)
        yield _gauge("purged_parcels", "Parcels known to be purged.", stats.purged)
        config = self._node.config
        yield _gauge("capacity_bytes", "What the database may grow to.", config.capacity_bytes)
        yield _gauge("used_bytes", "What of the database is in use.", stats.used_bytes)
        yield _gauge("file_bytes", "What the database and its log take.", stats.file_bytes)
        disk = os.statvfs(self._data)
        free = disk.f_bavail * disk.f_frsize
        yield _gauge("disk_free_bytes", "What the disk of the data folder has free.", free)
        room = stats.free_bytes(config.capacity_bytes)
        yield _gauge("room_bytes", "What may still come, by disk and capacity.", room)

    def _commits(self) -> Iterator[Metric]:
        commits = self._node.store.commits
        counts = list(accumulate(commits.by_duration))
        name, meaning = "commit_duration_seconds", "How long a commit took until it was on disk."
        histogram = HistogramMetricFamily(PREFIX + name, meaning)
        bounds = [*map(str, UP_TO_S), "+Inf"]
        histogram.add_metric(
            [], buckets=list(zip(bounds, counts, strict=True)), sum_value=commits.took_s
        )
        yield histogram
        yield _counter("commits_failed", "Commits that were undone.", commits.failed)
        size = self._node.waiting.queued_bytes
        yield _gauge("uncommitted_bytes", "What came and is not on the disk yet.", size)

    def _removed(self) -> Iterator[Metric]:
        counts, commits = self._node.counts, self._node.store.commits
        yield _counter(
            "removed",
            "What went, by why: expired, purged, without progress, or to make room for others.",
            [
                (("expired",), counts.expired),
                (("purged",), counts.purged_bodies),
                (("stalled",), counts.halves_dropped),
                (("tombstone",), counts.tombstones_dropped),
                (("evicted",), commits.evicted),
                (("displaced",), commits.displaced),
            ],
            ["why"],
        )
        swept_s = counts.swept_s or 0.0
        yield _gauge("last_sweep_timestamp_seconds", "When the last sweep ended; 0: none.", swept_s)
        yield _gauge("clock_doubted", "1 while the clock is not believed.", counts.clock_doubted)

    def _sessions(self) -> Iterator[Metric]:
        traffic = self._node.counts.traffic
        yield _gauge(
            "sessions",
            "Sessions that run, by how they come; a call is one with a peer that was called.",
            [((carrier,), traffic[carrier].running) for carrier in Carrier],
            ["carrier"],
        )
        most = self._node.config.sessions_max
        yield _gauge("sessions_max", "Sessions that are served at once, calls apart.", most)
        yield _counter(
            "sessions_begun",
            "Sessions that began.",
            [((carrier,), traffic[carrier].begun) for carrier in Carrier],
            ["carrier"],
        )
        yield _counter(
            "sessions_ended",
            "How they ended; refused ones never began, as all places were taken.",
            [((ending,), self._node.counts.endings[ending]) for ending in Ending],
            ["how"],
        )
        yield _counter(
            "received_bytes",
            "Bytes of sessions that came.",
            [((carrier,), traffic[carrier].in_bytes) for carrier in Carrier],
            ["carrier"],
        )
        yield _counter(
            "sent_bytes",
            "Bytes of sessions that went.",
            [((carrier,), traffic[carrier].out_bytes) for carrier in Carrier],
            ["carrier"],
        )

    def _deposits(self) -> Iterator[Metric]:
        counts = self._node.counts
        yield _counter(
            "parcels",
            "What became of what came: stored, partial (some blocks more), have, tombstoned,"
            " refused.",
            [((status.name.lower(),), counts.parcels[status]) for status in AckStatus],
            ["outcome"],
        )
        yield _counter(
            "refused",
            "Why parcels were not taken (SPEC section 20).",
            [
                ((verdict.name.lower(),), counts.refusals[verdict])
                for verdict in Verdict
                if verdict is not Verdict.OK
            ],
            ["verdict"],
        )
        yield _counter(
            "marks",
            "What became of tombstones and stamps that came.",
            [((word,), counts.marks[status]) for status, word in _MARKS.items()],
            ["outcome"],
        )
        gate = self._node.gate
        yield _gauge("effort", "The stamp that is asked for now, in tries.", gate.effort)
        yield _gauge("gate_parcels", "Parcels that wait to be let in.", gate.waiting)
        yield _gauge("gate_bytes", "What of their bodies is in memory.", gate.held_bytes)

    def _peers(self) -> Iterator[Metric]:
        peers = _named(self._node.peers.list_peers(strict=False))
        now_s = self._node.peers.now_s()
        yield _gauge("peers", "Relays that this one feeds.", len(peers))
        yield _gauge(
            "peer_last_contact_timestamp_seconds",
            "When a peer last answered; 0: never.",
            [((name,), peer.record.contact_s) for name, peer in peers],
            ["peer"],
        )
        yield _gauge(
            "peer_lag_seconds",
            "How long ago each had all that the other had; none where that never was.",
            [
                ((name,), max(0, now_s - both_s))
                for name, peer in peers
                if (both_s := min(peer.record.given_s, peer.record.taken_s))
            ],
            ["peer"],
        )
        yield _gauge(
            "peer_failing_seconds",
            "For how long calls to it have failed; 0 while they do not.",
            [((name,), _failing_s(peer, now_s)) for name, peer in peers],
            ["peer"],
        )
        yield _counter(
            "peer_given",
            "Parcels that it was given.",
            [((name,), peer.record.given) for name, peer in peers],
            ["peer"],
        )
        yield _counter(
            "peer_taken",
            "Parcels that it gave.",
            [((name,), peer.record.taken) for name, peer in peers],
            ["peer"],
        )


def _logged() -> Iterator[Metric]:
    yield _counter(
        "errors",
        "Errors, as the log names them.",
        [
            ((event.label,), told[event.label])
            for event in Event
            if event.level >= ERROR or event is Event.LIBRARY
        ],
        ["event"],
    )
    total = left_out.total()
    yield _counter("log_lines_left_out", "Log lines not written, being too many alike.", total)


def _failing_s(peer: Peer, now_s: int) -> int:
    return max(0, now_s - peer.record.failing_s) if peer.record.failing_s else 0


def _named(peers: Iterable[Peer]) -> list[tuple[str, Peer]]:
    """Each by a name that no other has: two may have chosen the same one, or none."""
    named: list[tuple[str, Peer]] = []
    counts: Counter[str] = Counter()
    for peer in peers:
        name = peer.card.name or "unnamed"
        counts[name] += 1
        named.append((f"{name} ({counts[name]})" if counts[name] > 1 else name, peer))
    return named


_Samples = float | Sequence[tuple[tuple[str, ...], float]]


def _gauge(name: str, meaning: str, samples: _Samples, labels: Iterable[str] = ()) -> Metric:
    return _filled(GaugeMetricFamily(PREFIX + name, meaning, labels=tuple(labels)), samples)


def _counter(name: str, meaning: str, samples: _Samples, labels: Iterable[str] = ()) -> Metric:
    return _filled(CounterMetricFamily(PREFIX + name, meaning, labels=tuple(labels)), samples)


def _filled(family: GaugeMetricFamily | CounterMetricFamily, samples: _Samples) -> Metric:
    for labels, value in samples if isinstance(samples, Sequence) else [((), samples)]:
        family.add_metric(labels, value)
    return family
