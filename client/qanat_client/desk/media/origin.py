"""The media origin: decoded media by its address, for the app to embed and for nothing else."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from aiohttp import web

from qanat_client.desk.export_markup import PAGE_POLICY
from qanat_client.desk.media.room import MediaRoom
from qanat_client.desk.media.shelf import Medium

__all__ = ["HEADERS", "PAGE_TYPE", "give_medium"]

_PIECE_BYTES: Final = 64 << 10
_RANGE: Final = re.compile(r"bytes=(\d{1,12})-(\d{0,12})", re.ASCII)
_EMBEDDED: Final = ("image", "video", "audio")
_FRAMED: Final = ("iframe",)

PAGE_TYPE: Final = "text/html; charset=utf-8"
"""No decoder can answer with it."""

HEADERS: Final[Mapping[str, str]] = {
    "Content-Security-Policy": (
        "sandbox; default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    # Chromium takes two ports of an address for two sites here, though not in Sec-Fetch-Site, by
    # which other sites' pages are turned away.
    "Cross-Origin-Resource-Policy": "cross-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
    "Accept-Ranges": "bytes",
}


def _page_headers(app_origin: str) -> dict[str, str]:
    """With a page that was made to be looked at before it is exported: it runs nothing, loads
    nothing but media of this origin, and stands in the app's page alone."""
    policy = f"sandbox allow-same-origin; {PAGE_POLICY}; frame-ancestors {app_origin}"
    return {**HEADERS, "Content-Security-Policy": policy}


async def give_medium(room: MediaRoom, request: web.Request, app_origin: str) -> web.StreamResponse:
    """GET /m/CAPABILITY, whole, as it grows, or a range of what is whole."""
    medium = room.shelf.at(request.match_info["capability"])
    site = request.headers.get("Sec-Fetch-Site", "same-site")
    kind = request.headers.get("Sec-Fetch-Dest", "image")
    if medium is None or medium.head is None or site == "cross-site":
        raise web.HTTPNotFound
    is_page = medium.head.media_type == PAGE_TYPE
    if kind not in (_FRAMED if is_page else _EMBEDDED):
        raise web.HTTPNotFound
    headers = _page_headers(app_origin) if is_page else dict(HEADERS)
    headers["Content-Type"] = medium.head.media_type
    if not medium.is_over:
        return await _stream(medium, request, headers)
    return _part(medium, request, headers)


def _part(medium: Medium, request: web.Request, headers: dict[str, str]) -> web.Response:
    size = len(medium.data)
    asked = _RANGE.fullmatch(request.headers.get("Range", ""))
    if asked is None:
        return web.Response(body=bytes(medium.data), headers=headers)
    first = int(asked[1])
    last = min(int(asked[2]) if asked[2] else size - 1, size - 1)
    if first > last:
        return web.Response(status=416, headers={**headers, "Content-Range": f"bytes */{size}"})
    headers["Content-Range"] = f"bytes {first}-{last}/{size}"
    return web.Response(status=206, body=bytes(medium.data[first : last + 1]), headers=headers)


async def _stream(
    medium: Medium, request: web.Request, headers: dict[str, str]
) -> web.StreamResponse:
    del headers["Accept-Ranges"]
    response = web.StreamResponse(headers=headers)
    at = 0
    try:
        await response.prepare(request)
        while True:
            while at < len(medium.data):
                piece = bytes(medium.data[at : at + _PIECE_BYTES])
                await response.write(piece)
                at += len(piece)
            if medium.is_over:
                break
            await medium.grow()
        await response.write_eof()
    except ConnectionError:
        # The page was left.
        pass
    return response
