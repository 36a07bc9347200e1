"""What the app asks of a report's media: to see it, what it says of itself, and to black it out."""

from __future__ import annotations

from functools import partial
from typing import Any, Final

from aiohttp import web

from qanat_client.desk.desk import Desk
from qanat_client.desk.inbox import item_of
from qanat_client.desk.media.alike import look_for_likenesses
from qanat_client.desk.media.asking import Form, NotShown
from qanat_client.desk.media.limits import MAX_BOXES
from qanat_client.desk.media.origin import give_medium
from qanat_client.desk.media.room import MediaRoom
from qanat_client.desk.media.sources import Source, source_of
from qanat_client.desk.media.told import parse_forms, parse_particulars
from qanat_client.desk.serve.answers import API_HEADERS
from qanat_client.desk.serve.asking import Asked, asked
from qanat_client.desk.serve.refusals import NotFound
from qanat_client.desk.serve.serving import Serving
from qanat_protocol.part import Rendition

__all__ = ["black_out", "open_media", "show_media", "show_medium", "tell_forms", "tell_metadata"]

MAX_FILES: Final = 10_000
MAX_DIGITS: Final = 5
REPORT_ID_BYTES: Final = 32
_RENDITIONS: Final = {rendition.name.lower(): rendition for rendition in Rendition}
_FORMS: Final = {form.value: form for form in (Form.PICTURE, Form.FILM, Form.SOUND, Form.POSTER)}


def room_of(serving: Serving) -> MediaRoom:
    """The one room of this run."""

    def make() -> MediaRoom:
        room = MediaRoom()
        serving.at_end(room.close)
        return room

    return serving.kept(MediaRoom, make)


def open_media(serving: Serving) -> None:
    """Begin to look at what arrives."""
    serving.begin(
        "pictures that look alike are found",
        partial(look_for_likenesses, serving, room_of(serving)),
    )


def _part(body: Asked) -> tuple[bytes, int, Rendition]:
    """The part that a request names, the last of its fields."""
    part = (
        body.key("report", REPORT_ID_BYTES),
        body.number("file", most=MAX_FILES),
        body.choice("rendition", _RENDITIONS),
    )
    body.done()
    return part


async def show_media(serving: Serving, request: web.Request) -> dict[str, Any]:
    """POST /api/media."""
    body = await asked(request)
    form = body.choice("form", _FORMS)
    source = await serving.vault_work(source_of, *_part(body))
    medium = await room_of(serving).show(source, form)
    assert medium.head is not None
    notes = (medium.head.note, medium.note, str(medium.error or ""))
    value: dict[str, Any] = {
        "url": f"{serving.media_origin(request)}/m/{medium.capability}",
        "is": medium.head.words,
        "note": "; ".join(note for note in notes if note),
        "type": medium.head.media_type,
        "whole": medium.is_whole,
    }
    if medium.head.width:
        value |= {"width": medium.head.width, "height": medium.head.height}
    if medium.head.duration_s:
        value["duration_s"] = medium.head.duration_s
    return value


async def show_medium(serving: Serving, request: web.Request) -> web.StreamResponse:
    """GET /m/CAPABILITY, on the media origin."""
    room = room_of(serving)
    if room.shelf.at(request.match_info["capability"]) is not None:
        serving.media_doors.know(request.protocol)
    return await give_medium(room, request, serving.app_origin(request))


def _original(desk: Desk, digits: str, file: int) -> tuple[bytes, Source]:
    item = item_of(desk.vault, digits)
    if file >= len(item.report.files):
        raise NotFound(f"the report has no file {file}")
    source = source_of(desk, item.report_id, file, Rendition.ORIGINAL)
    return item.report.files[file].sha256, source


async def _original_asked(serving: Serving, request: web.Request) -> tuple[bytes, Source]:
    number = request.match_info["file"]
    if not number.isascii() or not number.isdigit() or len(number) > MAX_DIGITS:
        raise NotFound("a file is named by its number")
    return await serving.vault_work(_original, request.match_info["id"], int(number))


async def tell_forms(serving: Serving, request: web.Request) -> dict[str, Any]:
    """GET /api/reports/ID/files/N/forms: as what the original can be shown, why as nothing else,
    and whether it says something of itself."""
    _, source = await _original_asked(serving, request)
    try:
        medium = await room_of(serving).show(source, Form.FORMS)
        told = parse_forms(bytes(medium.data))
    except NotShown as fault:
        return {"forms": [], "why_not": [str(fault)], "particulars": False}
    return {
        "forms": [form for form, why_not in told.items() if not why_not],
        "why_not": [why_not for why_not in told.values() if why_not],
        "particulars": True,
    }


async def tell_metadata(serving: Serving, request: web.Request) -> dict[str, Any]:
    """GET /api/reports/ID/files/N/metadata."""
    sha256, source = await _original_asked(serving, request)
    _, data = await room_of(serving).made(source, Form.PARTICULARS)
    return {"sha256": sha256.hex(), **parse_particulars(data).json()}


async def black_out(serving: Serving, request: web.Request) -> web.StreamResponse:
    """POST /api/media/black-out: a new picture as a download."""
    body = await asked(request)
    boxes = body.boxes("boxes", most=MAX_BOXES)
    source = await serving.vault_work(source_of, *_part(body))
    head, data = await room_of(serving).made(source, Form.BLACKED, boxes)
    ending = "png" if head.media_type == "image/png" else "jpg"
    name = f"{source.report_id.hex()[:8]}-{source.file + 1}-blacked-out.{ending}"
    headers = {
        **API_HEADERS,
        "Content-Type": head.media_type,
        "Content-Disposition": f'attachment; filename="{name}"',
    }
    return web.Response(body=data, headers=headers)
