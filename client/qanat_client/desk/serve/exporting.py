"""Reports as a download, made in memory: nothing readable comes to this machine's disk but what
the browser is told to keep."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from aiohttp import web

from qanat_client.desk.black_out import FIELDS
from qanat_client.desk.desk import Desk
from qanat_client.desk.export import PUBLIC_FORMATS, Order, export, prepare
from qanat_client.desk.export_files import Anew, Strip, best_parts
from qanat_client.desk.export_places import MemoryPlace
from qanat_client.desk.finding import count
from qanat_client.desk.inbox import Item, PartState
from qanat_client.desk.media.asking import Form, NotShown
from qanat_client.desk.media.showing import room_of
from qanat_client.desk.media.sources import Source, source_of
from qanat_client.desk.serve.answers import API_HEADERS
from qanat_client.desk.serve.asking import Asked, asked
from qanat_client.desk.serve.deciding import report_there
from qanat_client.desk.serve.refusals import TooLarge
from qanat_client.desk.serve.serving import Serving
from qanat_client.desk.serve.wishes import Filters, read_filters, wish_for
from qanat_protocol.limits import HASH_BYTES

__all__ = ["export_reports"]

MAX_REPORTS: Final = 2000
"""More would keep everybody else waiting."""
MAX_BLACK_WORDS: Final = 100
MAX_FORMAT_BYTES: Final = 16
MAX_PICTURES: Final = 100
PREVIEW_CHARACTERS: Final = 40_000

_TYPES: Final = {
    "json": "application/json",
    "md": "text/markdown; charset=utf-8",
    "csv": "text/csv; charset=utf-8",
    "html": "text/html; charset=utf-8",
    "atom": "application/atom+xml",
    "zip": "application/zip",
}


def _order(body: Asked) -> Order:
    """What a request orders, but for its wish."""
    return Order(
        formats=(body.text("format", most_bytes=MAX_FORMAT_BYTES),),
        ids=body.keys("ids", HASH_BYTES, most=MAX_REPORTS) or None,
        public=body.flag("public", None),
        media=body.flag("media", False),
        with_withdrawn=body.flag("with_withdrawn", False),
        with_pseudonyms=body.flag("with_pseudonyms", False),
        black_words=body.texts("black_words", most=MAX_BLACK_WORDS),
        black_fields=body.texts("black_fields", most=len(FIELDS)),
    )


def _wished(desk: Desk, order: Order, filters: Filters) -> Order:
    for report_id in order.ids or ():
        report_there(desk, report_id)
    order = replace(order, wish=wish_for(desk, filters))
    if order.ids is None and (found := count(desk.vault, order.wish)) > MAX_REPORTS:
        raise TooLarge(
            f"{found:,} reports are that; here {MAX_REPORTS:,} are written at once. Choose fewer,"
            " or write them to a folder with qanat-desk export"
        )
    return order


def _counts(counted: Mapping[str, int], name: str) -> list[dict[str, Any]]:
    return [{name: what, "n": number} for what, number in counted.items()]


def _preview(desk: Desk, order: Order, filters: Filters) -> dict[str, Any]:
    prepared = prepare(desk, _wished(desk, order, filters))
    ((name, text),) = prepared.documents(order.formats)
    if order.formats[0] in PUBLIC_FORMATS:
        # What people read in the page or the feed, without its marks.
        ((_, text),) = prepared.documents(["md"])
    return {
        "name": name,
        "text": text[:PREVIEW_CHARACTERS],
        "is_cut": len(text) > PREVIEW_CHARACTERS,
        "is_public": order.is_public,
        "reports": len(prepared.items),
        "left_out": _counts(prepared.left_out, "why"),
        "blacked_out": _counts(prepared.blacked_out, "word"),
    }


def _made(
    desk: Desk, order: Order, filters: Filters, strip: Strip | None
) -> tuple[str, str, bytes]:
    """The name, the kind and the content of the download."""
    place = MemoryPlace()
    export(desk, place, _wished(desk, order, filters), strip=strip)
    if len(place.files) > 1:
        return "reports.zip", "zip", place.as_zip()
    ((name, content),) = place.files.items()
    return name, order.formats[0], content


def _sources(desk: Desk, order: Order, filters: Filters) -> list[Source]:
    """The files of a publication, as they are decoded."""
    prepared = prepare(desk, _wished(desk, order, filters))
    parts = [(item.report_id, part.part) for item in prepared.items for part in best_parts(item)]
    if len(parts) > MAX_PICTURES:
        raise TooLarge(
            f"{len(parts):,} files are to be made anew; here {MAX_PICTURES} are at once. Choose"
            " fewer reports, or write them to a folder with qanat-desk export"
        )
    return [source_of(desk, report_id, part.file, part.rendition) for report_id, part in parts]


async def _strip(serving: Serving, sources: Sequence[Source]) -> Strip:
    """All of these pictures made anew, each while the vault is free for others."""
    room = room_of(serving)
    made: dict[tuple[bytes, int], Anew | NotShown] = {}
    for source in sources:
        try:
            head, data = await room.made(source, Form.BLACKED)
            made[source.report_id, source.file] = Anew(head.media_type, data)
        except NotShown as error:
            made[source.report_id, source.file] = error

    def strip(_: Desk, item: Item, part: PartState) -> Anew:
        found = made.get((item.report_id, part.part.file), NotShown("it came only now"))
        if isinstance(found, NotShown):
            raise found
        return found

    return strip


async def export_reports(serving: Serving, request: web.Request) -> Any:
    """POST /api/export."""
    body = await asked(request)
    order = _order(body)
    is_preview = body.flag("preview", False)
    filters = read_filters(body)
    body.done()
    if is_preview:
        return await serving.vault_work(_preview, order, filters)
    strip = None
    if order.media and order.is_public:
        strip = await _strip(serving, await serving.vault_work(_sources, order, filters))
    name, kind, content = await serving.vault_work(_made, order, filters, strip)
    headers = {
        **API_HEADERS,
        "Content-Type": _TYPES[kind],
        "Content-Disposition": f'attachment; filename="{name}"',
    }
    return web.Response(body=content, headers=headers)
