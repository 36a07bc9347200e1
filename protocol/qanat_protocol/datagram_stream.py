"""Bytes both ways in their order over datagrams that get lost, doubled or late (SPEC section 23).

A machine without I/O: datagrams in, datagrams out, the clock as an argument. Whoever runs it asks
`due` after every call and at `wake_s`. Knows nothing of what the bytes are.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from heapq import heappop, heappush
from itertools import takewhile
from typing import Final

from qanat_protocol.datagram import (
    MAX_DATA_BYTES,
    MAX_DATAGRAM_BYTES,
    MAX_RANGES,
    Acks,
    Datagram,
    Mask,
)
from qanat_protocol.datagram_incoming import WINDOW_BYTES, Incoming, Room
from qanat_protocol.datagram_pace import Pace, Sent
from qanat_protocol.errors import LocalError, Malformed

__all__ = ["DatagramStream"]

_REORDERED: Final = 3
"""So many later ones came: then it is lost (RFC 9002 section 6.1.1)."""

_LATE: Final = 1.125
"""Or so many round trips ago it went (section 6.1.2)."""

_RETRY_MARGIN_S: Final = 0.025
"""Acknowledgements come that much late."""

_LONGEST_RETRY_S: Final = 4.0
"""A line that comes back is found within this."""

_UNPROVEN_FACTOR: Final = 3
"""How much more than it received a relay sends to an address that has proved nothing."""

_RIDING_RANGES: Final = 4
_ACKS_BYTES: Final = 9 + 6 * _RIDING_RANGES
"""What is left free for acknowledgements in a datagram that carries data, too."""

_LONGEST_ACK_BYTES: Final = MAX_DATAGRAM_BYTES - MAX_DATA_BYTES + 9 + 6 * MAX_RANGES

_SOON: Final = 4
"""Of a round trip this part is soon."""

_BURST_S: Final = 0.002
"""Turns that come so soon are taken at once: timers are no finer."""

_MOST_NUMBER: Final = (1 << 32) - (1 << 20)
"""Here a connection ends: what one call sends still has its numbers."""


class DatagramStream:
    """One connection's end. first_number: as FIRST_NUMBERS says. mask: of what goes
    out. is_proven: false where the other's address is only claimed yet, which makes this the
    relay's end; the client's is the one that has to prove its own. room: shared with others."""

    def __init__(
        self,
        connection: bytes,
        first_number: int,
        now_s: float,
        *,
        mask: Mask,
        is_proven: bool,
        room: Room | None = None,
    ) -> None:
        self._connection = connection
        self._first_number = self._next_number = first_number
        self._mask = mask
        self.is_proven = is_proven
        """Whether what is sent to the other's address was seen to arrive there."""
        self._has_to_prove = is_proven
        self._proof: int | None = None
        self.pace = Pace(now_s)
        # What goes out: `_kept` begins at `_kept_from`, and is sent up to `_sent_to`.
        self._kept = bytearray()
        self._kept_from = 0
        self._sent_to = 0
        self._end: int | None = None
        self._end_sent = False
        self._pieces: dict[int, tuple[int, bool]] = {}
        self._on_way: dict[int, Sent] = {}
        self._again: list[int] = []
        self._limit = WINDOW_BYTES
        self._tries = 0
        self._retry_at_s = math.inf
        self._closes = False
        self.resent_bytes = 0
        self._sent_bytes = self._received_bytes = 0
        self._incoming = Incoming(room or Room())
        self.is_closed = False
        """Whether the other side wants nothing more, or was told that this one doesn't."""

    # What the program says

    def write(self, data: bytes) -> None:
        """Add to the stream."""
        if self._end is not None:
            raise LocalError("the stream has been ended")
        self._kept += data

    def finish(self) -> None:
        """The stream ends behind what was written."""
        self._end = self._written_to

    def close(self) -> None:
        """Tell the other side, once, that nothing more is sent or taken."""
        self._closes = True

    @property
    def _written_to(self) -> int:
        return self._kept_from + len(self._kept)

    @property
    def unsent_bytes(self) -> int:
        """What has not gone out for the first time."""
        return self._written_to - self._sent_to

    @property
    def was_written(self) -> bool:
        """Whether there is anything in the stream that goes out."""
        return self._written_to > 0

    @property
    def is_delivered(self) -> bool:
        """Whether all that was written, and the end, has arrived."""
        return self._end is not None and self._end_sent and not self._pieces

    @property
    def on_way(self) -> int:
        """Datagrams of which nothing was heard yet."""
        return len(self._on_way)

    @property
    def moved_bytes(self) -> int:
        """What was acknowledged, and what came."""
        return self.pace.delivered_bytes + self._received_bytes

    # What comes

    def read(self) -> bytes:
        """What has come since the last call, in its order."""
        return self._incoming.read()

    def forget(self) -> None:
        """What has come and was not read will not be."""
        self._incoming.forget()

    @property
    def is_over(self) -> bool:
        """Whether the other's stream has come to its end, and was read."""
        return self._incoming.is_over

    def receive(self, datagram: Datagram, size_bytes: int, now_s: float) -> None:
        """Take a datagram that was so long on the wire. Raises Malformed for what an honest side
        does not send; then nothing of it counts, and the connection goes on."""
        incoming, acks = self._incoming, datagram.acks
        offset, data, is_last = datagram.offset, datagram.data, datagram.is_last
        if datagram.connection != self._connection:
            raise Malformed("a datagram of another connection")
        if acks is not None:
            self._check_acks(acks)
        if data is not None:
            incoming.check(offset, data, is_last=is_last)
        self._received_bytes += size_bytes
        if datagram.closes and acks is None and not incoming.has_heard:
            # The relay has not got the first piece, which is on its way or goes again.
            return
        if acks is not None:
            self._take_acks(acks, now_s)
        if data is None:
            incoming.note(datagram.number, now_s)
        elif incoming.take(offset, data, is_last=is_last):
            incoming.note(datagram.number, now_s)
            incoming.owe_ack(now_s)
        self.is_closed = self.is_closed or datagram.closes

    def _check_acks(self, acks: Acks) -> None:
        # Whoever guesses is wrong: nobody proves an address by what was never sent there.
        if acks.ranges[-1][0] < self._first_number or acks.ranges[0][1] >= self._next_number:
            raise Malformed("an acknowledgement of what was never sent")

    def _take_acks(self, acks: Acks, now_s: float) -> None:
        self._limit = max(self._limit, acks.limit)
        self.is_proven = True
        came = list(self._acknowledged(acks))
        if not came:
            return
        highest = acks.ranges[0][1]
        if came[-1] == highest:
            sent = self._on_way[highest]
            self.pace.measured(now_s - sent.at_s, acks.delay_ms / 1000, now_s)
        for number in came:
            sent = self._on_way.pop(number)
            self.pace.arrived(sent, now_s)
            if sent.length or sent.is_last:
                del self._pieces[sent.offset]
            if number == self._proof:
                self._has_to_prove = False
        self._let_go()
        self._find_lost(highest, now_s)
        if not self._has_to_ask():
            self._tries = 0
        self.pace.turn(now_s)
        self._set_retry(now_s)

    def _acknowledged(self, acks: Acks) -> Iterator[int]:
        """What is on its way and has come, the lowest first."""
        ranges = list(acks.ranges)
        first, last = ranges.pop()
        for number in self._on_way:
            while number > last:
                if not ranges:
                    return
                first, last = ranges.pop()
            if number >= first:
                yield number

    def _let_go(self) -> None:
        """Forget the beginning of what was sent, as far as it has arrived."""
        first = next(iter(self._pieces), self._sent_to)
        del self._kept[: first - self._kept_from]
        self._kept_from = first

    def _find_lost(self, highest: int, now_s: float) -> None:
        long_ago_s = now_s - _LATE * max(self.pace.rtt_s, self.pace.least_rtt_s)
        lost = [
            number
            for number in takewhile(highest.__gt__, self._on_way)
            if number <= highest - _REORDERED or self._on_way[number].at_s < long_ago_s
        ]
        for number in lost:
            self._give_up(number)

    def _give_up(self, number: int) -> None:
        """A datagram is lost: its piece goes again, as no other on its way has it."""
        sent = self._on_way.pop(number)
        self.pace.lost(sent)
        if sent.length or sent.is_last:
            heappush(self._again, sent.offset)

    # What goes

    def wake_s(self, now_s: float) -> float:
        """When `due` has something to do even if nothing comes; infinite if never."""
        if self.is_closed:
            return math.inf
        next_s = now_s + self._wait_s(now_s)
        ack_at_s = self._incoming.ack_at_s if self._may_ack(now_s) else math.inf
        return max(now_s, min(next_s, ack_at_s, self._retry_at_s))

    def _wait_s(self, now_s: float) -> float:
        """Until the next piece goes, if nothing comes; infinite where it can't."""
        may_send = self._is_waiting() and self.pace.is_open(MAX_DATAGRAM_BYTES)
        return self.pace.wait_s(now_s) if may_send and self._may_send_piece() else math.inf

    def _may_ack(self, now_s: float) -> bool:
        """Whether an acknowledgement may go by itself; it had better wait for a piece that goes
        soon and carries it."""
        rides_along = self._wait_s(now_s) <= self.pace.rtt_s / _SOON
        return not rides_along and self._may_send(_LONGEST_ACK_BYTES)

    def _may_send_piece(self) -> bool:
        length = self._pieces[self._again[0]][0] if self._again else self.unsent_bytes
        return self._may_send(min(length + _LONGEST_ACK_BYTES, MAX_DATAGRAM_BYTES))

    def _may_send(self, size_bytes: int) -> bool:
        most_bytes = _UNPROVEN_FACTOR * self._received_bytes
        return self.is_proven or self._sent_bytes + size_bytes <= most_bytes

    def due(self, now_s: float) -> list[bytes]:
        """The datagrams that are to go out now."""
        if self.is_closed:
            return []
        if self._closes or self._next_number > _MOST_NUMBER:
            self.is_closed = True
            return [self._bare(now_s)] if self._may_send(_LONGEST_ACK_BYTES) else []
        out: list[bytes] = []
        if now_s >= self._retry_at_s:
            self._try_again(out, now_s)
        while self._wait_s(now_s) <= _BURST_S:
            out.append(self._next_piece(now_s))
        if self._incoming.ack_at_s <= now_s and self._may_ack(now_s):
            out.append(self._bare(now_s))
        if self._retry_at_s == math.inf:
            self._set_retry(now_s)
        return out

    def _is_waiting(self) -> bool:
        """Whether there is a piece to be sent."""
        if self._again:
            return True
        if self._end is not None and self._sent_to == self._end:
            return not self._end_sent
        return self.unsent_bytes > 0 and self._sent_to < self._limit

    def _next_piece(self, now_s: float) -> bytes:
        if self._again:
            offset = heappop(self._again)
            length, is_last = self._pieces[offset]
            self.resent_bytes += length
        else:
            offset = self._sent_to
            length = min(MAX_DATA_BYTES - _ACKS_BYTES, self.unsent_bytes, self._limit - offset)
            self._sent_to += length
            is_last = self._sent_to == self._end
            self._end_sent = is_last
            self._pieces[offset] = (length, is_last)
        return self._piece(offset, length, now_s, is_last=is_last)

    def _piece(self, offset: int, length: int, now_s: float, *, is_last: bool) -> bytes:
        acks, number = None, self._next_number
        if self._incoming.ack_at_s < math.inf or not length:
            acks = self._incoming.acks(_RIDING_RANGES, now_s)
            self._proof = self._proof if acks is None else number
        start = offset - self._kept_from
        data = bytes(memoryview(self._kept)[start : start + length])
        written = self._write(Datagram(self._connection, number, acks, offset, data, is_last))
        self._on_way[number] = self.pace.send(
            now_s, len(written), (offset, length, is_last), is_idle=not self._is_waiting()
        )
        self._set_retry(now_s)
        return written

    def _bare(self, now_s: float) -> bytes:
        """One without data."""
        acks = self._incoming.acks(MAX_RANGES, now_s)
        return self._write(
            Datagram(self._connection, self._next_number, acks, closes=self.is_closed)
        )

    def _write(self, datagram: Datagram) -> bytes:
        self._next_number += 1
        written = self._mask.write(datagram)
        self._sent_bytes += len(written)
        return written

    def _has_to_ask(self) -> bool:
        """Whether the other side may wait for a word of ours, or for one that was lost: it has told
        of no room for what is to go, or may not know yet that our address is our own."""
        is_held_up = self.unsent_bytes > 0 and self._sent_to >= self._limit
        proves = self._has_to_prove and self._incoming.has_heard
        return not self._on_way and (is_held_up or proves)

    def _set_retry(self, now_s: float) -> None:
        if not self._on_way and not self._has_to_ask():
            self._retry_at_s = math.inf
            return
        retry_s = (self.pace.retry_s + _RETRY_MARGIN_S) * 2**self._tries
        self._retry_at_s = now_s + min(retry_s, _LONGEST_RETRY_S)

    def _try_again(self, out: list[bytes], now_s: float) -> None:
        """Nothing was heard for too long: say once more, whatever the pace, what the other side
        waits for. What is behind that may have come and found no room."""
        self._tries = min(self._tries + 1, 8)
        if self._on_way:
            self._give_up(min(self._on_way, key=lambda number: self._on_way[number].offset))
        self._set_retry(now_s)
        if self._is_waiting():
            if self._may_send_piece():
                out.append(self._next_piece(now_s))
        elif self._has_to_ask():
            # A piece of nothing, which is acknowledged like any other, with the room there is. To
            # an address that has proved nothing something is on its way, or goes again, until then.
            out.append(self._piece(self._sent_to, 0, now_s, is_last=False))
