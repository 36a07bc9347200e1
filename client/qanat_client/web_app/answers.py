"""How HTTP answers for the web app: the files that were built, under the names that they have, and
with them what a page may do. Nothing is logged, no other path reaches the disk."""

from __future__ import annotations

import re
from collections.abc import Mapping

from aiohttp import ETag, web, web_response

from qanat_client.web_app.files import FRONT, SIGNATURE, SINGLE_FILE, AppFile

__all__ = ["HEADERS", "NOTHING_HEADERS", "answer", "hide_program", "paths_of", "plain"]

# What is not even HTTP is answered by the library, past every hook: there, too, nobody is named.
web_response.SERVER_SOFTWARE = ""  # type: ignore[attr-defined] # it is imported there, and used

NOTHING_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
"""For an answer that is no page of ours, such as an error."""

_POLICY = "; ".join(
    (
        "default-src 'none'",
        # Argon2id is WebAssembly.
        "script-src 'self' 'wasm-unsafe-eval'",
        "style-src 'self'",
        "img-src 'self' blob: data:",
        "media-src blob:",
        # Cards name relays anywhere, some by plain http: sessions are sealed by themselves.
        "connect-src 'self' ws: wss: http: https:",
        "worker-src 'self' blob:",
        "manifest-src 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
        "form-action 'none'",
    )
)
_UNUSED = (
    "accelerometer", "display-capture", "geolocation", "gyroscope", "hid",
    "idle-detection", "magnetometer", "microphone", "midi", "payment", "serial", "usb",
    "xr-spatial-tracking",
)  # fmt: skip

HEADERS = {
    **NOTHING_HEADERS,
    "Content-Security-Policy": _POLICY,
    # A desk's card can be read from a screen. A recording is made by the phone's own recorder.
    "Permissions-Policy": ", ".join(["camera=(self)", *(f"{name}=()" for name in _UNUSED)]),
    "Cross-Origin-Resource-Policy": "same-origin",
}
"""With every answer for the app."""

_NOT_AT_ALL = re.compile(r"q=0(?:\.0*)?")
_FOREVER = "public, max-age=31536000, immutable"


def paths_of(app: Mapping[str, AppFile]) -> dict[str, AppFile]:
    """Every path that is answered, and its file; `/` is the app's front."""
    front = {"/": app[FRONT]} if FRONT in app else {}
    return front | {f"/{name}": file for name, file in app.items()}


def answer(
    request: web.Request, file: AppFile, headers_of_app: Mapping[str, str] = HEADERS
) -> web.Response:
    """The file, in gzip where the browser takes that, or 304 where it has this very one."""
    packed = file.packed if _takes_gzip(request) else None
    tag = file.tag if packed is None else f"{file.tag}-gzip"
    headers = {
        **headers_of_app,
        "Cache-Control": _FOREVER if file.is_forever else "no-cache",
        "ETag": f'"{tag}"',
    }
    if file.packed is not None:
        headers["Vary"] = "Accept-Encoding"
    if _has(request, tag):
        return web.Response(status=304, headers=headers)
    headers["Content-Type"] = file.media_type
    if packed is not None:
        headers["Content-Encoding"] = "gzip"
    if file.name in (SINGLE_FILE, SIGNATURE):
        headers["Content-Disposition"] = f'attachment; filename="{file.name}"'
    return web.Response(body=file.data if packed is None else packed, headers=headers)


async def hide_program(_: web.Request, response: web.StreamResponse) -> None:
    """For `on_response_prepare`: no answer names the program."""
    response.headers.pop("Server", None)


def plain(refusal: web.HTTPException) -> web.HTTPException:
    """The same refusal in plain words, as what no browser may take for a page."""
    if refusal.status == 404:
        refusal.text = "Nothing is here.\n"
    refusal.headers.update(NOTHING_HEADERS)
    return refusal


def _has(request: web.Request, tag: str) -> bool:
    named = request.if_none_match or ()
    return any(one in (ETag(tag), ETag(tag, is_weak=True), ETag("*")) for one in named)


def _takes_gzip(request: web.Request) -> bool:
    for entry in ",".join(request.headers.getall("Accept-Encoding", [])).split(","):
        coding, _, quality = entry.replace(" ", "").lower().partition(";")
        if coding == "gzip":
            return _NOT_AT_ALL.fullmatch(quality) is None
    return False
