"""The week that is simulated: who writes what, when there is a network, when each one goes to it.

Data from a seed; nothing here knows a relay.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from tests.relay.made_parcels import Made, make

from qanat_protocol.days import epoch_of, first_day, last_day
from qanat_protocol.kinds import Kind

MONDAY = first_day(epoch_of(19_000))
EPOCH = epoch_of(MONDAY)
EXPIRY_DAY = last_day(EPOCH) + 90
HOUR_S = 3600.0
WEEK_S = 7 * 24 * HOUR_S
START_S = MONDAY * 86_400.0

WINDOWS_H = (
    (17.5, 22.0),
    (34.5, 38.0),
    (50.5, 54.0),
    (74.5, 82.0),
    (98.5, 102.0),
    (120.5, 127.0),
    (146.25, 168.0),
)
"""Hours of the week with a network: a capital's in January 2022, as it was documented."""

UPLINKS_BYTES_S = (2_500.0, 6_250.0, 18_750.0, 31_250.0, 125_000.0)
"""2G, good 2G, 3G, and two lines at home."""

LETTER_SIZES = (4096, 4096, 4096, 8192, 16_384)
THUMBNAIL_BYTES = 16_384
PREVIEW_BYTES = 131_072
ORIGINAL_SIZES = (147_456, 180_224, 212_992, 262_144)
RELAYS = 3
ORIGINAL_COPIES = 2


@dataclass(frozen=True, slots=True)
class Tell:
    """A report: its letter, and the renditions of what is attached to it."""

    source: int
    written_s: float
    letter: Made
    parts: tuple[Made, ...]

    @property
    def parcels(self) -> tuple[Made, ...]:
        return (self.letter, *self.parts)


@dataclass(frozen=True, slots=True)
class Going:
    """One time that a person goes to the network. patience: the share of what is queued that gets
    through before the line breaks; 1 for all. relays: which can be reached."""

    source: int
    at_s: float
    uplink_bytes_s: float
    patience: float
    relays: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Crowd:
    """How many people there are and how they behave.

    rush_s: how long after the network is back they go on average; 0: at any time of the window.
    """

    sources: int
    most_reports: int
    pictured: float
    rush_s: float = 0.0


QUIET = Crowd(sources=36, most_reports=5, pictured=0.3)
BUSY = Crowd(sources=160, most_reports=5, pictured=0.1, rush_s=600.0)


@dataclass(frozen=True, slots=True)
class Week:
    """Everything that people do, in order of time."""

    tells: tuple[Tell, ...]
    goings: tuple[Going, ...]


def simulate_week(crowd: Crowd, tags: tuple[bytes, ...], seed: int) -> Week:
    """A week of the crowd. tags: those of the desks; four of five people write to the first."""
    rng = Random(seed)
    tells: list[Tell] = []
    goings: list[Going] = []
    for source in range(crowd.sources):
        tag = tags[0] if rng.random() < 0.8 else rng.choice(tags)
        times = sorted(rng.uniform(0, WEEK_S) for _ in range(rng.randint(1, crowd.most_reports)))
        for written_s in times:
            parcels = _parcels(rng, tag, len(tells), crowd.pictured)
            tells.append(Tell(source, written_s, parcels[0], parcels[1:]))
        goings += _goings(rng, source, times[0], crowd.rush_s)
    return Week(
        tuple(sorted(tells, key=lambda tell: tell.written_s)),
        tuple(sorted(goings, key=lambda going: going.at_s)),
    )


def _parcels(rng: Random, tag: bytes, number: int, pictured: float) -> tuple[Made, ...]:
    """A letter, and the three renditions of each picture."""
    base = (rng.getrandbits(32) << 24) + number * 64
    size_bytes, urgent = rng.choice(LETTER_SIZES), rng.random() < 0.1
    found = [make(base, size_bytes=size_bytes, tag=tag, expiry_day=EXPIRY_DAY, urgent=urgent)]
    while len(found) < 9 and rng.random() < pictured:
        for size_bytes in (THUMBNAIL_BYTES, PREVIEW_BYTES, rng.choice(ORIGINAL_SIZES)):
            number = base + len(found)
            found.append(make(number, Kind.PART, size_bytes, tag=tag, expiry_day=EXPIRY_DAY))
    return tuple(found)


def _goings(rng: Random, source: int, first_s: float, rush_s: float) -> list[Going]:
    uplink = rng.choice(UPLINKS_BYTES_S)
    found = []
    for start_h, end_h in WINDOWS_H:
        start_s, end_s = start_h * HOUR_S, end_h * HOUR_S
        if end_s < first_s or rng.random() < 0.15:
            continue
        begin_s = max(start_s, first_s)
        at_s = begin_s + rng.expovariate(1 / rush_s) if rush_s else rng.uniform(begin_s, end_s)
        patience = rng.random() if rng.random() < 0.15 else 1.0
        reached = tuple(relay for relay in range(RELAYS) if rng.random() < 0.9)
        found.append(Going(source, min(at_s, end_s), uplink, patience, reached))
        if patience < 1:
            again_s = min(at_s + rng.expovariate(1 / HOUR_S), end_s)
            found.append(Going(source, again_s, uplink, 1.0, tuple(range(RELAYS))))
    return found
