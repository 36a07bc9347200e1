"""What people write: reports in bursts, each a letter and perhaps pictures and films, as parcels of
the sizes that the real ones have.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from random import Random
from typing import Final

from qanat_protocol.kinds import Rank, Rendition
from qanat_protocol.limits import PREVIEW_BODY_BYTES, THUMBNAIL_BODY_BYTES
from qanat_protocol.sizes import letter_body_size, part_body_size
from qanat_simulation.plan import Item
from qanat_simulation.scenario import Burst

__all__ = ["items"]

_FRONT_BYTES: Final = 200
"""What a letter says beside its text: desk, key, where and when."""

_ATTACHMENT_BYTES: Final = 160
"""What a letter says of one attached file or rendition."""


def items(
    seed: int, bursts: Sequence[Burst], people: Mapping[str, Sequence[str]], duration_s: float
) -> list[Item]:
    """people: the reporters of each city. Ordered by time, and numbered in that order."""
    found: list[tuple[float, int, list[Item]]] = []
    for index, burst in enumerate(bursts):
        for report in range(burst.reports):
            # Each report has a chance of its own: a change of one burst changes no other.
            chance = Random(f"{seed}/report/{index}/{report}")
            at_s = round(chance.uniform(burst.start_s, burst.end_s))
            source = chance.choice(people[burst.city])
            if 0 <= at_s < duration_s:
                found.append((at_s, len(found), _report(burst, source, at_s, chance)))
    found.sort(key=lambda each: each[:2])
    numbered: list[Item] = []
    for report, (_, _, parts) in enumerate(found):
        for part in parts:
            numbered.append(replace(part, number=len(numbered), report=report))
    return numbered


def _report(burst: Burst, source: str, at_s: float, chance: Random) -> list[Item]:
    urgent = chance.random() < burst.urgent
    text_bytes = chance.uniform(*burst.text_bytes)
    pictures = [
        part_body_size(int(chance.uniform(*burst.photo_bytes)), Rendition.ORIGINAL)
        for _ in range(round(chance.uniform(*burst.photos)))
        if burst.with_photos > 0
    ]
    if chance.random() >= burst.with_photos:
        pictures = []
    film_bytes = int(chance.uniform(*burst.film_s) * burst.film_bytes_s)
    films = [part_body_size(film_bytes, Rendition.ORIGINAL)] * (chance.random() < burst.with_films)
    told = _FRONT_BYTES + _ATTACHMENT_BYTES * (3 * len(pictures) + len(films))
    parts = [
        (Rank.URGENT if urgent else Rank.LETTER, letter_body_size(round(text_bytes) + told)),
        *((Rank.THUMBNAIL, THUMBNAIL_BODY_BYTES) for _ in pictures),
        *((Rank.PREVIEW, PREVIEW_BODY_BYTES) for _ in pictures),
        *((Rank.ORIGINAL, size) for size in (*pictures, *films)),
    ]
    return [Item(0, 0, source, at_s, rank, size) for rank, size in parts]
