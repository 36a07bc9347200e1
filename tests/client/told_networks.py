"""A system that tells of networks as a test wants it to, in rtnetlink's own messages."""

from __future__ import annotations

import socket
import struct
from dataclasses import dataclass, field

from qanat_client.reporter.netlink import Network

ETHERNET, NO_LINE = 0x1043, 0x1003
LOOPBACK = 0x49


def message(kind: int, body: bytes) -> bytes:
    """One message, padded as the system does."""
    return struct.pack("=IHHII", 16 + len(body), kind, 0, 1, 0) + body + bytes(-len(body) % 4)


def attribute(kind: int, data: bytes) -> bytes:
    return struct.pack("=HH", 4 + len(data), kind) + data + bytes(-len(data) % 4)


def link(index: int, name: str, flags: int = ETHERNET) -> bytes:
    """RTM_NEWLINK."""
    head = struct.pack("=BxHiII", 0, 1, index, flags, 0)
    return message(16, head + attribute(3, name.encode() + b"\0"))


def address(
    index: int, data: bytes = bytes(4), *, family: int = 2, scope: int = 0, flags: int = 0
) -> bytes:
    """RTM_NEWADDR."""
    head = struct.pack("=BBBBI", family, 24, flags & 0xFF, scope, index)
    return message(20, head + attribute(1, data) + attribute(8, flags.to_bytes(4, "little")))


def route(index: int, *, length: int = 0, table: int = 254, kind: int = 1) -> bytes:
    """RTM_NEWROUTE."""
    head = struct.pack("=BBBBBBBBI", 2, length, 0, 0, table, 3, 0, kind, 0)
    parts = attribute(4, index.to_bytes(4, "little")) + attribute(5, b"\x0a\0\0\1")
    return message(24, head + attribute(15, table.to_bytes(4, "little")) + parts)


DONE = message(3, bytes(4))


@dataclass
class System:
    """What it has, and its line to whoever listens."""

    has: list[bytes] = field(default_factory=list)
    refuses: bool = False

    def __post_init__(self) -> None:
        self._tells, self._told = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._told.setblocking(False)
        self.network = Network(self._told, self._answer)

    def _answer(self) -> list[bytes]:
        if self.refuses:
            raise PermissionError
        return [*self.has, DONE]

    def change(self, *has: bytes) -> None:
        """From now on it has these, and says that something changed."""
        self.has = list(has)
        self._tells.send(b"something")

    def close(self) -> None:
        self._tells.close()
        self._told.close()
