"""What open windows are told of their own accord, as a stream of server-sent events."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Mapping
from typing import Any, Final

from aiohttp import web

from qanat_client.desk.serve.answers import API_HEADERS

__all__ = ["Live"]

QUIET_S: Final = 15.0
"""A line without meaning goes out so often: a window that is gone is noticed by it."""

MAX_BEHIND: Final = 200
"""Events that a window may be behind; one that reads no more is let go of, and asks anew."""


class Live:
    """All windows. An event is told to those that are open; nothing is kept for later ones."""

    def __init__(self) -> None:
        self._windows: set[asyncio.Queue[bytes | None]] = set()

    def tell(self, event: str, value: Mapping[str, Any]) -> None:
        """Tell every window."""
        line = _written(event, value)
        for window in self._windows:
            self._put(window, line)

    def _put(self, window: asyncio.Queue[bytes | None], line: bytes | None) -> None:
        if window.qsize() >= MAX_BEHIND:
            while not window.empty():
                window.get_nowait()
            line = None
        window.put_nowait(line)

    def close(self) -> None:
        """End every stream."""
        for window in self._windows:
            self._put(window, None)

    async def stream(
        self, request: web.Request, first: Mapping[str, Mapping[str, Any]]
    ) -> web.StreamResponse:
        """Answer with all that happens from now on; `first` are the events as they stand."""
        window: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._windows.add(window)
        for event, value in first.items():
            window.put_nowait(_written(event, value))
        headers = {**API_HEADERS, "Content-Type": "text/event-stream; charset=utf-8"}
        response = web.StreamResponse(headers=headers)
        try:
            await response.prepare(request)
            while (line := await self._next(window)) is not None:
                await response.write(line)
        except ConnectionError:
            # The window was closed.
            pass
        finally:
            self._windows.discard(window)
        return response

    async def _next(self, window: asyncio.Queue[bytes | None]) -> bytes | None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(QUIET_S):
                return await window.get()
        return b":\n\n"


def _written(event: str, value: Mapping[str, Any]) -> bytes:
    return f"event: {event}\ndata: {json.dumps(value, ensure_ascii=False)}\n\n".encode()
