"""Reports as a download, seen first, made in memory: nothing readable comes to this machine's disk
but what the browser is told to keep."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from hashlib import sha256
from typing import Any, Final

from aiohttp import web

from qanat_client.desk.black_out import FIELDS
from qanat_client.desk.desk import Desk
from qanat_client.desk.export import PUBLIC_FORMATS, Exported, Order, export, prepare
from qanat_client.desk.export_files import Anew, Strip, best_parts
from qanat_client.desk.export_markup import html_of
from qanat_client.desk.export_places import MAX_MEMORY_BYTES, MemoryPlace, NamesPlace, too_much
from qanat_client.desk.finding import count
from qanat_client.desk.inbox import Item, PartState
from qanat_client.desk.media.asking import Form, Head, NotShown, Piece
from qanat_client.desk.media.origin import PAGE_TYPE
from qanat_client.desk.media.shelf import Medium
from qanat_client.desk.media.showing import room_of
from qanat_client.desk.media.sources import Source, source_of
from qanat_client.desk.serve.answers import API_HEADERS
from qanat_client.desk.serve.asking import Asked, asked
from qanat_client.desk.serve.deciding import report_there
from qanat_client.desk.serve.refusals import Conflict, TooLarge
from qanat_client.desk.serve.serving import Serving
from qanat_client.desk.serve.wishes import Filters, read_filters, wish_for
from qanat_protocol.limits import HASH_BYTES

__all__ = ["export_reports"]

MAX_REPORTS: Final = 2000
"""More would keep everybody else waiting."""
MAX_BLACK_WORDS: Final = 100
MAX_FORMAT_BYTES: Final = 16
MAX_FILES: Final = 100
PREVIEW_CHARACTERS: Final = 40_000

_Part = tuple[bytes, int]
"""A report and the number of a file."""

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


def _look(
    desk: Desk, order: Order, filters: Filters, made: Mapping[_Part, Medium | NotShown]
) -> Exported:
    """The export without the contents of its files."""
    return export(
        desk, NamesPlace(), _wished(desk, order, filters), strip=_strip(made, with_data=False)
    )


def _seen(done: Exported) -> str:
    """What stands for all that an editor was shown of it: another as soon as any of it changes."""
    told = [
        list(done.prepared.edition.reports),
        dict(done.prepared.states),
        dict(done.prepared.left_out),
        done.missing,
        done.shortened,
    ]
    return sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


def _preview(
    desk: Desk, order: Order, filters: Filters, made: Mapping[_Part, Medium | NotShown]
) -> tuple[dict[str, Any], str | None]:
    """What the export would be; and its page, if it is one, its media as they are shown here."""
    done = _look(desk, order, filters, made)
    seen = _seen(done)
    edition = done.prepared.edition
    page = None
    addresses: dict[str, str] = {}
    files = []
    for item, value in zip(done.prepared.items, edition.reports, strict=True):
        for number, file in enumerate(value["files"]):
            for each in file.get("exported", ()):
                files.append({"path": each["path"], "size_bytes": file.get("size_bytes")})
                medium = made.get((item.report_id, number))
                if isinstance(medium, Medium):
                    addresses[each["path"]] = f"/m/{medium.capability}"
                    files[-1]["size_bytes"] = len(medium.data)
    if order.formats == ("html",):
        page = html_of(edition, addresses.get)
    ((name, text),) = done.prepared.documents(order.formats)
    if order.formats[0] in PUBLIC_FORMATS:
        # What people read in the page or the feed, without its marks.
        ((_, text),) = done.prepared.documents(["md"])
    value = {
        "seen": seen,
        "name": name,
        "text": text[:PREVIEW_CHARACTERS],
        "is_cut": len(text) > PREVIEW_CHARACTERS,
        "is_public": order.is_public,
        "reports": len(done.prepared.items),
        "states": _counts(done.prepared.states, "state"),
        "files": files,
        "missing": list(done.missing),
        "shortened": list(done.shortened),
        "left_out": _counts(done.prepared.left_out, "why"),
        "blacked_out": _counts(done.prepared.blacked_out, "word"),
    }
    return value, page


def _made(
    desk: Desk,
    order: Order,
    filters: Filters,
    made: Mapping[_Part, Medium | NotShown],
    seen: str | None,
) -> tuple[str, str, bytes]:
    """The name, the kind and the content of the download. Raises Conflict where it is no longer
    what was `seen`."""
    if seen is not None and _seen(_look(desk, order, filters, made)) != seen:
        raise Conflict("since you looked something of it has arrived or changed: look again first")
    place = MemoryPlace()
    export(desk, place, _wished(desk, order, filters), strip=_strip(made))
    if len(place.files) > 1:
        return "reports.zip", "zip", place.as_zip()
    ((name, content),) = place.files.items()
    return name, order.formats[0], content


def _sources(desk: Desk, order: Order, filters: Filters) -> list[Source]:
    """The files of a publication, as they are decoded."""
    prepared = prepare(desk, _wished(desk, order, filters))
    if "files" in order.black_fields:
        return []
    parts = [(item.report_id, part.part) for item in prepared.items for part in best_parts(item)]
    if len(parts) > MAX_FILES:
        raise TooLarge(
            f"{len(parts):,} files are to be made anew; here {MAX_FILES} are at once. Choose"
            " fewer reports, or write them to a folder with qanat-desk export"
        )
    return [source_of(desk, report_id, part.file, part.rendition) for report_id, part in parts]


async def _made_anew(serving: Serving, sources: Sequence[Source]) -> dict[_Part, Medium | NotShown]:
    """All of these attachments without what they tell beside what is seen and heard, each while the
    vault is free for others. Raises BadInput where all of it is too much for a download."""
    room = room_of(serving)
    made: dict[_Part, Medium | NotShown] = {}
    size_bytes = 0
    for source in sources:
        part = source.report_id, source.file
        try:
            medium = await room.show(source, Form.PUBLIC)
        except NotShown as error:
            made[part] = error
            continue
        made[part] = medium
        size_bytes += len(medium.data)
        if size_bytes > MAX_MEMORY_BYTES:
            raise too_much()
    return made


def _strip(made: Mapping[_Part, Medium | NotShown], *, with_data: bool = True) -> Strip:
    def strip(_: Desk, item: Item, part: PartState) -> Anew:
        found = made.get((item.report_id, part.part.file), NotShown("it came only now"))
        if isinstance(found, NotShown):
            raise found
        assert found.head is not None
        data = bytes(found.data) if with_data else b""
        return Anew(found.head.media_type, data, found.note)

    return strip


def _page_address(serving: Serving, request: web.Request, page: str) -> str:
    """Where the page can be looked at, in a frame of the app and nowhere else."""
    shelf = room_of(serving).shelf
    medium = shelf.begin(object(), lambda: None)
    medium.take(Head(PAGE_TYPE, ""))
    medium.take(Piece(0, page.encode()))
    medium.finish("")
    shelf.make_room(medium)
    return f"{serving.media_origin(request)}/m/{medium.capability}"


async def export_reports(serving: Serving, request: web.Request) -> Any:
    """POST /api/export."""
    body = await asked(request)
    order = _order(body)
    is_preview = body.flag("preview", False)
    seen = body.text("seen", None, most_bytes=2 * HASH_BYTES)
    filters = read_filters(body)
    body.done()
    made: dict[_Part, Medium | NotShown] = {}
    if order.media and order.is_public and order.formats != ("atom",):
        sources = await serving.vault_work(_sources, order, filters)
        made = await _made_anew(serving, sources)
    if is_preview:
        value, page = await serving.vault_work(_preview, order, filters, made)
        return value | {"page": page and _page_address(serving, request, page)}
    name, kind, content = await serving.vault_work(_made, order, filters, made, seen)
    headers = {
        **API_HEADERS,
        "Content-Type": _TYPES[kind],
        "Content-Disposition": f'attachment; filename="{name}"',
    }
    return web.Response(body=content, headers=headers)
