"""What reports say together of where and when: numbers by city, by hour and by delay.

Counted anew in one look at the catalogue; nothing is kept.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from qanat_client.desk.catalogue import MAX_UNDERWAY_S
from qanat_client.desk.finding import Wish, query_of
from qanat_client.desk.places.table import Place, place_numbered
from qanat_client.desk.vault import Row, Vault
from qanat_protocol.report import decode_report

__all__ = [
    "DAY_S",
    "HOUR_S",
    "Bucket",
    "Cluster",
    "Delays",
    "Overview",
    "Span",
    "Unplaced",
    "overview",
]

MINUTE_S: Final = 60
HOUR_S: Final = 3600
DAY_S: Final = 86_400
BUCKETS_S: Final = (
    15 * MINUTE_S,
    HOUR_S,
    3 * HOUR_S,
    6 * HOUR_S,
    12 * HOUR_S,
    DAY_S,
    2 * DAY_S,
    4 * DAY_S,
    7 * DAY_S,
    14 * DAY_S,
    30 * DAY_S,
    MAX_UNDERWAY_S,
)
"""Up to how long a report was underway; the last is the longest that a clock can be right about."""
MAX_HOURS: Final = 60 * 24
"""Reports of more hours than that are counted by the day."""
MAX_UNPLACED: Final = 50


@dataclass(frozen=True, slots=True)
class Cluster:
    """The reports of one place. `unsure`: of how many the words may as well mean another."""

    place: Place
    reports: int
    urgent: int
    unsure: int
    newest_s: int


@dataclass(frozen=True, slots=True)
class Unplaced:
    """Reports whose words name no place of the table; `where` as the newest of them has it."""

    where: str
    reports: int


@dataclass(frozen=True, slots=True)
class Span:
    """How many reports were written, by their writers' clocks, and arrived from `start_s` on."""

    start_s: int
    written: int
    arrived: int


@dataclass(frozen=True, slots=True)
class Bucket:
    """Reports that were underway longer than those of the bucket before, and at most so long."""

    up_to_s: int
    reports: int


@dataclass(frozen=True, slots=True)
class Delays:
    """How long reports were underway. Half of them and nine tenths took at most p50_s and p90_s,
    None where there is none.

    Apart: `early` say to be written after they arrived, `absurd` longer before than anything is
    underway, `not_said` have no time.
    """

    p50_s: int | None
    p90_s: int | None
    buckets: tuple[Bucket, ...]
    early: int
    absurd: int
    not_said: int


@dataclass(frozen=True, slots=True)
class Overview:
    """All of it. `step_s`: how long each of `spans` lasts; those without a report are not there."""

    reports: int
    clusters: tuple[Cluster, ...]
    unplaced: int
    unplaced_places: tuple[Unplaced, ...]
    step_s: int
    spans: tuple[Span, ...]
    delays: Delays


def overview(vault: Vault, wish: Wish) -> Overview:
    """What the reports that are wished for say together. Raises BadInput for words without a word.

    What is not catalogued yet is not in it.
    """
    _, tail, values = query_of(wish)
    # Grouped here: SQLite would sort all of it for each of the numbers.
    rows = vault.rows(
        f"SELECT c.city, c.city_is_unsure, c.urgent, c.arrived_s, c.written_s {tail}", *values
    )
    clusters = _clusters(rows)
    step_s, spans = _spans(rows)
    return Overview(
        len(rows),
        clusters,
        len(rows) - sum(cluster.reports for cluster in clusters),
        _unplaced(vault, wish),
        step_s,
        spans,
        _delays(rows),
    )


def _clusters(rows: Sequence[Row]) -> tuple[Cluster, ...]:
    """The largest first."""
    reports = Counter(city for city, *_ in rows)
    urgent = Counter(city for city, _, is_urgent, *_ in rows if is_urgent)
    unsure = Counter(city for city, is_unsure, *_ in rows if is_unsure)
    newest_s: dict[int, int] = {}
    for city, _, _, arrived_s, _ in rows:
        if arrived_s > newest_s.get(city, 0):
            newest_s[city] = arrived_s
    # A place that the table does not have any more is none.
    return tuple(
        Cluster(place, n, urgent[city], unsure[city], newest_s.get(city, 0))
        for city, n in sorted(reports.items(), key=lambda item: (-item[1], item[0]))
        if (place := place_numbered(city)) is not None
    )


def _unplaced(vault: Vault, wish: Wish) -> tuple[Unplaced, ...]:
    """By their words, folded, the most frequent first."""
    if wish.cities and 0 not in wish.cities:
        return ()
    number, tail, values = query_of(replace(wish, cities=(0,)))
    found = vault.rows(
        f"SELECT max({number}) AS newest, count(*) AS n {tail} GROUP BY c.place"
        " ORDER BY n DESC, newest DESC LIMIT ?",
        *values,
        MAX_UNPLACED,
    )
    return tuple(Unplaced(_where(vault, newest), n) for newest, n in found)


def _where(vault: Vault, number: int) -> str:
    content = vault.value(
        "SELECT r.content FROM catalogue c JOIN reports r ON r.id = c.report_id WHERE c.number = ?",
        number,
    )
    return decode_report(content).where


def _spans(rows: Sequence[Row]) -> tuple[int, tuple[Span, ...]]:
    arrived = Counter(arrived_s // HOUR_S for *_, arrived_s, _ in rows)
    written = Counter(
        written_s // HOUR_S
        for *_, arrived_s, written_s in rows
        if written_s > 0 and -DAY_S <= arrived_s - written_s <= MAX_UNDERWAY_S
    )
    hours = sorted({*arrived, *written})
    in_step = 1
    if hours and hours[-1] - hours[0] >= MAX_HOURS:
        in_step = DAY_S // HOUR_S
        arrived, written = _by_step(arrived, in_step), _by_step(written, in_step)
        hours = sorted({*arrived, *written})
    step_s = in_step * HOUR_S
    return step_s, tuple(Span(at * step_s, written[at], arrived[at]) for at in hours)


def _by_step(hours: Counter[int], in_step: int) -> Counter[int]:
    found: Counter[int] = Counter()
    for hour, n in hours.items():
        found[hour // in_step] += n
    return found


def _delays(rows: Sequence[Row]) -> Delays:
    delays_s = [arrived_s - written_s for *_, arrived_s, written_s in rows if written_s > 0]
    sound = sorted(delay_s for delay_s in delays_s if 0 <= delay_s <= MAX_UNDERWAY_S)
    ends = [bisect_right(sound, up_to_s) for up_to_s in BUCKETS_S]
    early = sum(delay_s < 0 for delay_s in delays_s)
    return Delays(
        _percentile(sound, 50),
        _percentile(sound, 90),
        tuple(
            Bucket(up_to_s, end - begin)
            for up_to_s, begin, end in zip(BUCKETS_S, [0, *ends], ends, strict=False)
        ),
        early,
        len(delays_s) - early - len(sound),
        len(rows) - len(delays_s),
    )


def _percentile(rising: Sequence[int], percent: int) -> int | None:
    """The smallest of the values that so many percent do not exceed."""
    return rising[-(-len(rising) * percent // 100) - 1] if rising else None
