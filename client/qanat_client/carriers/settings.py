"""How patiently and by which road a relay is asked. Never where it is: that is on the cards."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ssl

__all__ = ["CarrierSettings"]


@dataclass(frozen=True, slots=True)
class CarrierSettings:
    """One run's settings, the same for every relay."""

    proxy: str | None = None
    """`socks5h://[user:password@]host:port` or `http://host:port`; None goes straight.
    Through a socks proxy names are looked up by the proxy alone."""

    tls: ssl.SSLContext | None = None
    """Which certificates are believed where a card names no pin; None takes the system's."""

    connect_s: float = 10.0
    """How long a connection may take, TLS included."""

    stall_s: float = 60.0
    """How long a connection may stand still before it counts as broken."""

    session_s: float | None = None
    """How long one session may take in all, so that nobody can hold up what comes after it; None:
    as long as anything moves."""

    datagrams: bool = True
    """Whether to talk by datagrams with relays that take them; never through a proxy."""

    first_datagram_s: float = 3.0
    """How long nothing may come back over datagrams before they count as not passed, where no TCP
    connection tells how long a round trip is."""

    first_answer_s: float = 6.0
    """How long a request may be open without a byte of the answer, before the path counts as
    half duplex. Longer than the slowest satellite's round trip, shorter than a window."""
