"""Which reports a request is about: the filters that the inbox, the map and the export share."""

from __future__ import annotations

from dataclasses import dataclass

from qanat_client.desk.aliases import author_named
from qanat_client.desk.decisions import INCIDENT_BYTES, ReportState, tag_of
from qanat_client.desk.desk import Desk
from qanat_client.desk.filters import STATES
from qanat_client.desk.finding import Wish
from qanat_client.desk.places.naming import city_named
from qanat_client.desk.serve.asking import Asked

__all__ = ["Filters", "read_filters", "wish_for"]

MAX_WORDS_BYTES = 1024
MAX_FILTERS = 50


@dataclass(frozen=True, slots=True)
class Filters:
    """As they were given; `alias` in words, `incident` by its id, `cities` by their numbers.
    `muted`: None where it was not said."""

    words: str | None
    states: frozenset[ReportState]
    tags: tuple[str, ...]
    places: tuple[str, ...]
    cities: tuple[int, ...]
    languages: tuple[str, ...]
    alias: str | None
    since_s: int | None
    until_s: int | None
    incident: bytes | None
    unread: bool
    starred: bool
    urgent: bool
    first_hand: bool
    with_media: bool
    muted: bool | None


def read_filters(given: Asked) -> Filters:
    """Take the filters out of a request. Raises BadInput."""
    return Filters(
        words=(given.text("words", "", most_bytes=MAX_WORDS_BYTES).strip() or None),
        states=given.choices("states", STATES),
        tags=given.texts("tags", most=MAX_FILTERS),
        places=given.texts("places", most=MAX_FILTERS),
        cities=tuple(map(city_named, given.texts("cities", most=MAX_FILTERS))),
        languages=given.texts("languages", most=MAX_FILTERS, most_bytes=35),
        alias=given.text("alias", None, most_bytes=MAX_WORDS_BYTES) or None,
        since_s=given.number("since_s", None),
        until_s=given.number("until_s", None),
        incident=given.key("incident", INCIDENT_BYTES, None),
        unread=given.flag("unread", False),
        starred=given.flag("starred", False),
        urgent=given.flag("urgent", False),
        first_hand=given.flag("first_hand", False),
        with_media=given.flag("with_media", False),
        muted=given.flag("muted", None),
    )


def wish_for(desk: Desk, filters: Filters) -> Wish:
    """What the filters wish for; of muted pseudonyms nothing, but where one is asked for by name.
    Raises BadInput for an alias that nobody has."""
    author = None if filters.alias is None else author_named(desk.vault, filters.alias)
    muted = filters.muted
    if muted is None and author is None:
        muted = False
    return Wish(
        words=filters.words,
        states=filters.states,
        tags=tuple(map(tag_of, filters.tags)),
        places=filters.places,
        cities=filters.cities,
        languages=filters.languages,
        author=author,
        incident=filters.incident,
        since_s=filters.since_s,
        until_s=filters.until_s,
        is_unread=filters.unread,
        is_starred=filters.starred,
        is_urgent=filters.urgent,
        is_first_hand=filters.first_hand,
        has_media=filters.with_media,
        is_muted=muted,
    )
