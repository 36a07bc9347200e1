"""The TCP connection under a link: how it is set up, and what the system has measured of the path.

Options of Linux, each left out where it is missing.
"""

from __future__ import annotations

import contextlib
import socket
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio
    from asyncio.trsock import TransportSocket

__all__ = ["LONG_S", "Path", "control_congestion", "hold_back", "keep_room", "measure", "tune"]

_UNSENT_BYTES = 16_384
"""What the system keeps unsent before the program has to wait: a block."""

_WAITING_BYTES = 16_384
"""What a transport keeps beside that."""

_KEPT_BYTES = 1 << 20
"""A stream's window."""

LONG_S = 0.05
"""On a path whose answers come sooner one connection recovers from a loss in no time."""

_INFO = struct.Struct("=8B24I4Q6IQ3Q2I2Q")
"""Linux's tcp_info (linux/tcp.h) up to tcpi_bytes_retrans; the places below count its fields."""

_BACK_OFF, _RETRY_US, _UNACKED, _RTT_US = 4, 8, 12, 23
_ACKED, _RECEIVED, _LEAST_RTT_US, _RESENT = 34, 35, 39, 49


@dataclass(frozen=True, slots=True)
class Path:
    """What the system has measured of a path by a connection's own packets.

    base_retry_s: how long it waits for an answer before it sends again, the first time; it doubles
    that with each try. unacked: packets that nothing was heard of yet. moved_bytes: what was
    acknowledged and what came. resent_bytes: what had to go again.
    """

    rtt_s: float
    least_rtt_s: float
    base_retry_s: float
    unacked: int
    moved_bytes: int
    resent_bytes: int

    @property
    def is_long(self) -> bool:
        """Whether a round trip is long enough to be reckoned with."""
        return self.least_rtt_s >= LONG_S


def tune(made: socket.socket | TransportSocket) -> None:
    """Hold back in the program what the line can't take yet, so that a letter written meanwhile
    passes an original, and so that "taken" comes close to "sent". And begin with the congestion
    control that several connections on a slow line do best with."""
    _set(made, "TCP_NOTSENT_LOWAT", _UNSENT_BYTES)
    control_congestion(made, "cubic")


def hold_back(transport: asyncio.WriteTransport) -> None:
    """The same for what a transport keeps."""
    transport.set_write_buffer_limits(high=_WAITING_BYTES)


def keep_room(made: socket.socket | TransportSocket) -> None:
    """Have the system keep what comes while this program has no turn, as far as it will."""
    with contextlib.suppress(OSError):
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _KEPT_BYTES)


def control_congestion(made: socket.socket | TransportSocket, name: str) -> None:
    """Ask the system for a congestion control by its name (tcp(7)); it may go on with its own."""
    _set(made, "TCP_CONGESTION", name.encode())


def measure(made: socket.socket | TransportSocket) -> Path | None:
    """What was measured so far; None where the system does not tell."""
    option = getattr(socket, "TCP_INFO", None)
    if option is None:
        return None
    try:
        told = made.getsockopt(socket.IPPROTO_TCP, option, _INFO.size)
    except OSError:
        return None
    if len(told) < _INFO.size:
        return None
    fields = _INFO.unpack(told)
    return Path(
        rtt_s=fields[_RTT_US] / 1e6,
        least_rtt_s=fields[_LEAST_RTT_US] / 1e6,
        base_retry_s=fields[_RETRY_US] / 1e6 / 2 ** fields[_BACK_OFF],
        unacked=fields[_UNACKED],
        moved_bytes=fields[_ACKED] + fields[_RECEIVED],
        resent_bytes=fields[_RESENT],
    )


def _set(made: socket.socket | TransportSocket, name: str, value: int | bytes) -> None:
    option = getattr(socket, name, None)
    if option is not None and made.family in (socket.AF_INET, socket.AF_INET6):
        # A system may know the option and refuse the value: it goes on with what it has.
        with contextlib.suppress(OSError):
            made.setsockopt(socket.IPPROTO_TCP, option, value)
