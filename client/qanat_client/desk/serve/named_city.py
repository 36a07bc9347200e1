"""Words of a search that name a city: reports lie there that write it otherwise, or not at all."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from qanat_client.desk.desk import Desk
from qanat_client.desk.finding import Wish, count
from qanat_client.desk.places.matching import find_place
from qanat_client.desk.places.naming import name_of
from qanat_client.desk.places.words import place_words

__all__ = ["named_city"]


def named_city(desk: Desk, wish: Wish, total: int) -> dict[str, Any] | None:
    """The city that the words name in any of its languages, the words beside its name, and how many
    reports lie there; None where those are no more than the `total` that have the words."""
    if wish.words is None or wish.cities:
        return None
    found = find_place(wish.words)
    if found.place is None:
        return None
    rest = " ".join(
        word for word in wish.words.split() if not {*place_words(word)} <= {*found.name}
    )
    there = replace(wish, words=rest or None, cities=(found.number,))
    reports = count(desk.vault, there)
    if reports <= total:
        return None
    return {"city": name_of(found.place), "words": rest, "reports": reports}
