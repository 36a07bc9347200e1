"""What comes of a stream over datagrams: its pieces put in order, and which numbers have come
(SPEC section 23). Knows nothing of what is sent but the acknowledgements that it makes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from qanat_protocol.datagram import MAX_RANGES, Acks
from qanat_protocol.errors import Malformed

__all__ = ["WINDOW_BYTES", "Incoming", "Room"]

WINDOW_BYTES: Final = 1 << 20
"""What is taken beyond what was read: at 150 ms, 55 Mbit/s."""

_MOST_AHEAD: Final = 1024
"""Pieces that wait for what is before them."""

_OWN_BYTES: Final = 1 << 17
"""What may wait so in every stream, however full the room is."""

_UNREAD_BYTES: Final = 1 << 16
"""And what of it may be in order and not read yet."""

_ACK_EVERY: Final = 2
_ACK_WAIT_S: Final = 0.025


@dataclass(slots=True)
class Room:
    """What all streams of a program may hold together: pieces that wait for others, and what was
    not read yet."""

    most_bytes: float = math.inf
    held_bytes: int = 0


class Incoming:
    """The stream that the other side sends. room: shared with others."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self._ahead: dict[int, bytes] = {}
        self._ahead_bytes = 0
        self._ready = bytearray()
        self._came_to = 0
        self._came_most = 0
        self._end = math.inf
        self._told_limit = WINDOW_BYTES
        self._numbers: list[tuple[int, int]] = []
        self._newest_at_s = math.inf
        self._unacked = 0
        self.ack_at_s = math.inf
        """When an acknowledgement is due; infinite while none is owed."""

    @property
    def has_heard(self) -> bool:
        """Whether anything has come yet."""
        return bool(self._numbers)

    @property
    def is_over(self) -> bool:
        """Whether the stream has come to its end, and was read."""
        return self._came_to == self._end and not self._ready

    def read(self) -> bytes:
        """What has come since the last call, in its order."""
        data = bytes(self._ready)
        self._ready.clear()
        self._room.held_bytes -= len(data)
        if data and 2 * (self._told_limit - self._came_to) <= WINDOW_BYTES:
            # The other side would wait for room that it does not know of.
            self.ack_at_s = -math.inf
        return data

    def check(self, offset: int, data: bytes, *, is_last: bool) -> None:
        """Raise Malformed for a piece that no honest side sends."""
        end = offset + len(data)
        if end > self._told_limit:
            raise Malformed("a stream that goes on beyond its limit")
        if end > self._end or (is_last and end < self._came_most):
            raise Malformed("a stream that goes on behind its end")

    def forget(self) -> None:
        """Give back the room of what nobody will read."""
        self._room.held_bytes -= len(self._ready) + self._ahead_bytes
        self._ready.clear()
        self._ahead.clear()
        self._ahead_bytes = 0

    def take(self, offset: int, data: bytes, *, is_last: bool) -> bool:
        """Take a piece that was checked. Whether there was room for it, or it is here already."""
        if not self._has_room(offset, data):
            return False
        self._came_most = max(self._came_most, offset + len(data))
        if is_last:
            self._end = offset + len(data)
        if data and offset >= self._came_to and offset not in self._ahead:
            self._ahead[offset] = data
            self._ahead_bytes += len(data)
            self._room.held_bytes += len(data)
        while (piece := self._ahead.pop(self._came_to, None)) is not None:
            self._ahead_bytes -= len(piece)
            self._ready += piece
            self._came_to += len(piece)
        return True

    def _has_room(self, offset: int, data: bytes) -> bool:
        is_full = self._room.held_bytes + len(data) > self._room.most_bytes
        if offset <= self._came_to:
            return not is_full or len(self._ready) < _UNREAD_BYTES
        if is_full and self._ahead_bytes + len(data) > _OWN_BYTES:
            return False
        return len(self._ahead) < _MOST_AHEAD

    def note(self, number: int, now_s: float) -> None:
        """Remember that this number came; the ranges stand with the highest first."""
        ranges = self._numbers
        if not ranges or number > ranges[0][1]:
            self._newest_at_s = now_s
        if ranges and number == ranges[0][1] + 1:
            ranges[0] = (ranges[0][0], number)
            return
        self._numbers = _with_number(ranges, number)
        # The other side learns of a hole at once.
        self._unacked = _ACK_EVERY

    def owe_ack(self, now_s: float) -> None:
        """What came last is to be acknowledged: soon, or at once if something waits for it."""
        self._unacked += 1
        at_s = now_s if self._unacked >= _ACK_EVERY else now_s + _ACK_WAIT_S
        self.ack_at_s = min(self.ack_at_s, at_s)

    def acks(self, most_ranges: int, now_s: float) -> Acks | None:
        """What goes out, after which nothing is owed; None where nothing has come yet."""
        if not self._numbers:
            return None
        # What was not read yet takes room.
        self._told_limit = self._came_to - len(self._ready) + WINDOW_BYTES
        self._unacked, self.ack_at_s = 0, math.inf
        delay_ms = int(1000 * (now_s - self._newest_at_s))
        return Acks(tuple(self._numbers[:most_ranges]), delay_ms, self._told_limit)


def _with_number(ranges: list[tuple[int, int]], number: int) -> list[tuple[int, int]]:
    """The ranges with one more number; the highest first, the lowest are let go."""
    merged: list[tuple[int, int]] = []
    for first, last in sorted([*ranges, (number, number)], reverse=True):
        if merged and last + 1 >= merged[-1][0]:
            merged[-1] = (first, max(last, merged[-1][1]))
        else:
            merged.append((first, last))
    return merged[:MAX_RANGES]
