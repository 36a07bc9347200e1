"""The two shapes of a session over HTTP (relay/API.md)."""

from enum import Enum

__all__ = ["Transport"]


class Transport(Enum):
    """A streamed request, or a WebSocket; each with its path."""

    EXCHANGE = "/v1/exchange"
    WEBSOCKET = "/v1/sync"
