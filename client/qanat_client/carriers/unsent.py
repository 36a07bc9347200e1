"""How much of what was handed to a socket may lie there unsent. An option of TCP, where it is."""

import contextlib
import socket
from asyncio.trsock import TransportSocket

__all__ = ["keep_little_unsent"]

_UNSENT_BYTES = 32_768


def keep_little_unsent(sock: socket.socket | TransportSocket) -> None:
    """Hold back in the program what the line can't take yet, so that a letter written meanwhile
    passes an original, and so that "taken" comes close to "sent". Where the system can't, it
    works without.
    """
    option = getattr(socket, "TCP_NOTSENT_LOWAT", None)
    if option is not None and sock.family in (socket.AF_INET, socket.AF_INET6):
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.IPPROTO_TCP, option, _UNSENT_BYTES)
