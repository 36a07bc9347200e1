"""rtnetlink's messages as values (Linux, `rtnetlink(7)`): which networks this device has.

Reads bytes that the system has given; asks nothing itself.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

__all__ = ["ADDRESSES", "LINKS", "ROUTES", "Way", "is_last", "question", "ways_in"]

# linux/rtnetlink.h and linux/netlink.h
LINKS, ADDRESSES, ROUTES = 18, 22, 26
_NEW_LINK, _NEW_ADDRESS, _NEW_ROUTE = 16, 20, 24
_DONE, _FAILED = 3, 2
_REQUEST, _DUMP = 0x1, 0x300

_HEADER = struct.Struct("=IHHII")
_LINK = struct.Struct("=BxHiII")
_ADDRESS = struct.Struct("=BBBBI")
_ROUTE = struct.Struct("=BBBBBBBBI")
_ATTRIBUTE = struct.Struct("=HH")

_LOOPBACK, _RUNNING = 0x8, 0x40
"""Flags of a link: not to anywhere; up, and with a line on it."""

_IPV6 = 10
_HOST, _LINK_ONLY = 254, 253
"""Scopes of an address: this device, this wire."""

_NOT_YET = 0x40 | 0x08
"""Flags of an IPv6 address that nobody may use yet, or at all: tentative, a duplicate."""

_MAIN_TABLE, _UNICAST = 254, 1
_IFNAME, _IFA_FLAGS, _RTA_OIF, _RTA_GATEWAY, _RTA_TABLE = 3, 8, 4, 5, 15
_IFA_ADDRESS, _IFA_LOCAL = 1, 2


@dataclass(frozen=True, slots=True)
class Way:
    """One thing that makes it possible to reach somebody: an address of this device, or a route to
    everywhere. `detail` tells two of them apart and is for no one to see."""

    link: str
    is_route: bool
    detail: bytes

    def __str__(self) -> str:
        return f"{self.link} has {'a way out' if self.is_route else 'an address'}"


def question(kind: int) -> bytes:
    """Ask for all links, addresses or routes of every family."""
    return _HEADER.pack(_HEADER.size + 1, kind, _REQUEST | _DUMP, 1, 0) + b"\0"


def is_last(data: bytes) -> bool:
    """Whether an answer ends with these messages."""
    return any(kind in (_DONE, _FAILED) for kind, _ in _messages(data))


def ways_in(answers: Iterable[bytes]) -> frozenset[Way]:
    """What the answers to all three questions come to."""
    names: dict[int, str] = {}
    found: list[tuple[int, bool, bytes]] = []
    for kind, body in (message for data in answers for message in _messages(data)):
        if kind == _NEW_LINK:
            names.update(_link(body))
        elif kind == _NEW_ADDRESS:
            found += _address(body)
        elif kind == _NEW_ROUTE:
            found += _default_route(body)
    return frozenset(
        Way(names[index], is_route, detail) for index, is_route, detail in found if index in names
    )


def _messages(data: bytes) -> Iterator[tuple[int, bytes]]:
    start = 0
    while start + _HEADER.size <= len(data):
        length, kind, _, _, _ = _HEADER.unpack_from(data, start)
        if length < _HEADER.size or start + length > len(data):
            return
        yield kind, data[start + _HEADER.size : start + length]
        start += -(-length // 4) * 4


def _attributes(data: bytes) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    start = 0
    while start + _ATTRIBUTE.size <= len(data):
        length, kind = _ATTRIBUTE.unpack_from(data, start)
        if length < _ATTRIBUTE.size or start + length > len(data):
            break
        found[kind & 0x3FFF] = data[start + _ATTRIBUTE.size : start + length]
        start += -(-length // 4) * 4
    return found


def _number(data: bytes | None, otherwise: int) -> int:
    return int.from_bytes(data, "little") if data is not None and len(data) == 4 else otherwise


def _link(body: bytes) -> dict[int, str]:
    """The name of a link that leads somewhere and has a line on it, by its number."""
    if len(body) < _LINK.size:
        return {}
    _, _, index, flags, _ = _LINK.unpack_from(body)
    if flags & _LOOPBACK or not flags & _RUNNING:
        return {}
    name = _attributes(body[_LINK.size :]).get(_IFNAME, b"").rstrip(b"\0")
    return {index: name.decode("ascii", "replace")}


def _address(body: bytes) -> list[tuple[int, bool, bytes]]:
    if len(body) < _ADDRESS.size:
        return []
    family, _, flags, scope, index = _ADDRESS.unpack_from(body)
    attributes = _attributes(body[_ADDRESS.size :])
    flags = _number(attributes.get(_IFA_FLAGS), flags)
    # Every link that is up gives itself one of IPv6: it says nothing of a network.
    is_own = scope == _HOST or (family == _IPV6 and scope == _LINK_ONLY)
    if is_own or (family == _IPV6 and flags & _NOT_YET):
        return []
    address = attributes.get(_IFA_LOCAL) or attributes.get(_IFA_ADDRESS) or b""
    return [(index, False, bytes([family]) + address)]


def _default_route(body: bytes) -> list[tuple[int, bool, bytes]]:
    if len(body) < _ROUTE.size:
        return []
    family, length, _, _, table, _, _, kind, _ = _ROUTE.unpack_from(body)
    attributes = _attributes(body[_ROUTE.size :])
    table = _number(attributes.get(_RTA_TABLE), table)
    if length or table != _MAIN_TABLE or kind != _UNICAST:
        return []
    index = _number(attributes.get(_RTA_OIF), 0)
    return [(index, True, bytes([family]) + attributes.get(_RTA_GATEWAY, b""))]
