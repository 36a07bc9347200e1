"""The media origin: decoded media by its address, for the app to embed and for nothing else."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from aiohttp import web

from qanat_client.desk.media.room import MediaRoom
from qanat_client.desk.media.shelf import Medium

__all__ = ["HEADERS", "give_medium"]

_PIECE_BYTES: Final = 64 << 10
_RANGE: Final = re.compile(r"bytes=(\d{1,12})-(\d{0,12})", re.ASCII)
_EMBEDDED: Final = ("image", "video", "audio")

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


async def give_medium(room: MediaRoom, request: web.Request) -> web.StreamResponse:
    """GET /m/CAPABILITY, whole, as it grows, or a range of what is whole."""
    medium = room.shelf.at(request.match_info["capability"])
    site = request.headers.get("Sec-Fetch-Site", "same-site")
    kind = request.headers.get("Sec-Fetch-Dest", "image")
    if medium is None or medium.head is None or site == "cross-site" or kind not in _EMBEDDED:
        raise web.HTTPNotFound
    headers = {**HEADERS, "Content-Type": medium.head.media_type}
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
