"""Reports out of the vault, readable: which of them, what of them, in which formats.

For colleagues everything is written; for publication nothing by which a source can be found. What
is left out is told.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from qanat_client.desk.aliases import aliases_of
from qanat_client.desk.black_out import BlackOut
from qanat_client.desk.catalogue import uncatalogued
from qanat_client.desk.decision_log import decision_log
from qanat_client.desk.decisions import ReportState
from qanat_client.desk.desk import Desk
from qanat_client.desk.edition import Edition
from qanat_client.desk.export_files import Attachments, Strip
from qanat_client.desk.export_formats import csv_of, json_document, markdown_of
from qanat_client.desk.export_markup import atom_of, html_of
from qanat_client.desk.export_places import Place
from qanat_client.desk.finding import EVERYTHING, Wish, count, find
from qanat_client.desk.inbox import REFERENCES, Item, readable_items, set_aside
from qanat_client.desk.publication import names_of, public_value, published_s
from qanat_client.desk.standing import Standing
from qanat_client.desk.standing_words import standing_json
from qanat_client.desk.words import json_of, verdict_name
from qanat_client.errors import BadInput

__all__ = ["FORMATS", "PUBLIC_FORMATS", "Exported", "Order", "Prepared", "export", "prepare"]

Render = Callable[[Edition], str]

_RENDERED: Final[Mapping[str, tuple[str, Render]]] = {
    "json": ("reports.json", json_document),
    "md": ("reports.md", markdown_of),
    "csv": ("reports.csv", csv_of),
    "html": ("reports.html", html_of),
    "atom": ("feed.atom", atom_of),
}
FORMATS: Final = tuple(_RENDERED)
PUBLIC_FORMATS: Final = frozenset({"html", "atom"})
"""What is made to be published, unless something else is asked for."""


@dataclass(frozen=True, slots=True)
class Order:
    """What an export is to be. `ids`: these reports instead of those that the wish finds.

    `public`: None leaves it to the formats. `media`: with attachments, for publication made anew
    without metadata.
    """

    formats: tuple[str, ...]
    wish: Wish = EVERYTHING
    ids: tuple[bytes, ...] | None = None
    public: bool | None = None
    media: bool = True
    all_renditions: bool = False
    with_withdrawn: bool = False
    with_pseudonyms: bool = False
    black_words: tuple[str, ...] = ()
    black_fields: tuple[str, ...] = ()

    @property
    def is_public(self) -> bool:
        """Whether it is for publication."""
        return bool(PUBLIC_FORMATS & {*self.formats}) if self.public is None else self.public


@dataclass(frozen=True, slots=True)
class Prepared:
    """An edition before anything is written. `states`: how many of its reports are in which;
    `left_out`: how many reports are not in it, by why."""

    edition: Edition
    items: tuple[Item, ...]
    states: Mapping[str, int]
    left_out: Mapping[str, int]
    blacked_out: Mapping[str, int]

    def documents(self, formats: Sequence[str]) -> list[tuple[str, str]]:
        """The name and the text of each format's document."""
        return [(_RENDERED[name][0], _RENDERED[name][1](self.edition)) for name in formats]


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written, what could not be, and what only in part. kept: of an earlier export."""

    prepared: Prepared
    documents: tuple[str, ...]
    files: int = 0
    kept: int = 0
    size_bytes: int = 0
    missing: tuple[str, ...] = ()
    shortened: tuple[str, ...] = ()


def prepare(desk: Desk, order: Order) -> Prepared:
    """Choose, leave out, black out; writes no file.

    Raises BadInput for a format, word or field that is none.
    """
    black = BlackOut(order.black_words, order.black_fields)
    if unknown := {*order.formats}.difference(FORMATS):
        raise BadInput(f"there is no format {min(unknown)!r}; there are {', '.join(FORMATS)}")
    items, left_out = _chosen(desk, order)
    ids = [item.report_id for item in items]
    standing = decision_log(desk).standing_of(ids)
    aliases = aliases_of(desk.vault, (item.report.author for item in items))
    names = names_of(desk.vault) if order.is_public else None
    values = []
    for item in items:
        value = _desk_value(desk, item, aliases.get(item.report.author), standing)
        if names is not None:
            value = public_value(value, names, pseudonym=order.with_pseudonyms)
        values.append(black.value(value))
    published = published_s(desk.vault, ids)
    edition = Edition(
        desk_name=black.text(desk.card.name),
        desk_id=desk.card.desk_id.hex(),
        urn="" if names is None else names.urn(desk.card.desk_id),
        exported_s=int(desk.clock()),
        is_public=order.is_public,
        reports=values,
        published_s=[published.get(report_id, 0) for report_id in ids],
        set_aside=[] if order.is_public else black.value(_aside(desk)),
    )
    states = Counter(standing.of(report_id).state.name.lower() for report_id in ids)
    return Prepared(edition, tuple(items), states, left_out, black.found)


def _chosen(desk: Desk, order: Order) -> tuple[list[Item], dict[str, int]]:
    """The reports in the order of arrival."""
    left_out = {"muted": 0, "not published": 0, "withdrawn": 0, "damaged": 0}
    if order.ids is not None:
        items, lost = readable_items(desk.vault, sorted({*order.ids}))
        items.sort(key=lambda item: (item.arrived_s, item.report_id))
    else:
        ids = find(desk.vault, order.wish)[::-1]
        if order.wish.is_muted is False:
            left_out["muted"] = count(desk.vault, replace(order.wish, is_muted=True))
        if order.wish in (EVERYTHING, replace(EVERYTHING, is_muted=False)):
            # Nothing that is here is left out because it could not be catalogued.
            ids += uncatalogued(desk.vault)
        items, lost = readable_items(desk.vault, ids)
    left_out["damaged"] = len(lost)
    if order.is_public:
        # It may have been withdrawn: nobody can tell.
        sure = [item for item in items if REFERENCES not in item.unreadable]
        left_out["damaged"] += len(items) - len(sure)
        items = sure
    if "atom" in order.formats:
        published = _published(desk, items)
        left_out["not published"] = len(items) - len(published)
        items = published
    if not order.with_withdrawn:
        kept = [item for item in items if not item.is_withdrawn]
        if order.is_public:
            # What only takes another back has nothing to publish.
            kept = [item for item in kept if item.report.withdraws is None]
        left_out["withdrawn"] = len(items) - len(kept)
        items = kept
    return items, left_out


def _published(desk: Desk, items: Sequence[Item]) -> list[Item]:
    standing = decision_log(desk).standing_of([item.report_id for item in items])
    return [item for item in items if standing.of(item.report_id).state is ReportState.PUBLISHED]


def _desk_value(desk: Desk, item: Item, alias: str | None, standing: Standing) -> dict[str, Any]:
    value = json_of(item)
    for word in value["custody"]:
        word["relay_name"] = desk.relay_name(bytes.fromhex(word["relay"]))
    decided = standing_json(standing.of(item.report_id), standing.incidents)
    return value | {"alias": alias, "decided": decided}


def _aside(desk: Desk) -> list[dict[str, Any]]:
    return [
        {
            "parcel_id": entry.parcel_id.hex(),
            "verdict": verdict_name(entry.verdict),
            "detail": entry.detail,
            "arrived_s": entry.arrived_s,
        }
        for entry in set_aside(desk.vault)
    ]


def export(
    desk: Desk,
    place: Place,
    order: Order,
    *,
    strip: Strip | None = None,
    advance: Callable[[int], None] = lambda _: None,
) -> Exported:
    """Write what is ordered to a place; the keys of the JSON are in docs/export.md.

    What lacks an attachment is exported without it. `strip` makes those of a publication.
    Raises what `prepare` and the place raise.
    """
    prepared = prepare(desk, order)
    attachments = Attachments(desk, place, advance, strip if order.is_public else None)
    if order.media and order.formats != ("atom",):
        if order.is_public and strip is None:
            raise BadInput(
                "what tells of its maker can't be taken off media here: leave the media out"
            )
        for item, value in zip(prepared.items, prepared.edition.reports, strict=True):
            attachments.write(
                item, value, all_renditions=order.all_renditions and not order.is_public
            )
    documents = [
        place.write("", name, [text.encode()]).path
        for name, text in prepared.documents(order.formats)
    ]
    return Exported(
        prepared,
        tuple(documents),
        attachments.written,
        attachments.kept,
        attachments.size_bytes,
        tuple(attachments.missing),
        tuple(attachments.shortened),
    )
