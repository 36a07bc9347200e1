"""How the desk's HTTP answers look: JSON, what no page of others may do with them, refusals."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from aiohttp import web

from qanat_client.desk.serve.refusals import status_of
from qanat_client.web_app.answers import NOTHING_HEADERS
from qanat_protocol.errors import QanatError

__all__ = ["API_HEADERS", "answer_json", "app_headers", "refuse", "refuse_with"]

_SAME_ORIGIN: Final = {
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}
API_HEADERS: Final = {**NOTHING_HEADERS, **_SAME_ORIGIN, "Cache-Control": "no-store"}
"""With every answer that is no file of the app."""

_UNUSED = (
    "accelerometer", "camera", "display-capture", "geolocation", "gyroscope", "hid",
    "idle-detection", "magnetometer", "microphone", "midi", "payment", "serial", "usb",
    "xr-spatial-tracking",
)  # fmt: skip


def app_headers(media_origin: str) -> dict[str, str]:
    """With every file of the app: what the page may do. `media_origin`: where decoded media of
    strangers is shown from."""
    policy = (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        f"img-src 'self' {media_origin}",
        f"media-src {media_origin}",
        "connect-src 'self'",
        f"frame-src {media_origin}",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
    return {
        **NOTHING_HEADERS,
        **_SAME_ORIGIN,
        "Content-Security-Policy": "; ".join(policy),
        "Permissions-Policy": ", ".join(f"{name}=()" for name in _UNUSED),
    }


def answer_json(value: Mapping[str, Any], status: int = 200) -> web.Response:
    """A JSON object; bytes are given as hex."""
    body = json.dumps(value, ensure_ascii=False, default=bytes.hex).encode()
    headers = {**API_HEADERS, "Content-Type": "application/json"}
    return web.Response(status=status, body=body, headers=headers)


def refuse(error: QanatError) -> web.Response:
    """The answer to a request that can't be done, in a sentence for people."""
    return refuse_with(status_of(error), str(error) or type(error).__name__)


def refuse_with(status: int, words: str) -> web.Response:
    """The same with a status of one's own."""
    return answer_json({"error": words}, status)
