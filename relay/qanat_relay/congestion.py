"""How the system sends to whoever connected. An option of Linux; elsewhere nothing changes."""

from __future__ import annotations

import asyncio
import contextlib
import socket

__all__ = ["prefer_bbr"]


def prefer_bbr(transport: asyncio.BaseTransport | None) -> None:
    """Go by what is delivered, not by what is lost: a relay has one connection to a desk behind a
    bad line, on which cubic leaves two thirds empty (docs/performance.md)."""
    made = None if transport is None else transport.get_extra_info("socket")
    option = getattr(socket, "TCP_CONGESTION", None)
    if made is not None and option is not None and made.family != socket.AF_UNIX:
        # A system that has no BBR, or lets not everybody use it, goes on with its own.
        with contextlib.suppress(OSError):
            made.setsockopt(socket.IPPROTO_TCP, option, b"bbr")
