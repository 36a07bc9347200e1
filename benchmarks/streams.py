"""Connections, TCP's and those of datagrams, as their packets show them: how much of each stream
was sent, and how much of it more than once. Reads headers only."""

from __future__ import annotations

from dataclasses import dataclass
from struct import unpack_from

from qanat_protocol.datagram import Mask
from qanat_protocol.errors import Malformed

__all__ = ["UDP", "Stream", "Streams"]

UDP = 17
"""Its number in an IPv4 header."""

_IPV4, _TCP, _SYN = 4, 6, 0x02
_UDP_BYTES = 8
_WRAP = 2**32


@dataclass(slots=True)
class Stream:
    """One direction of a connection. sent_bytes: of the stream, each byte once; again_bytes: what
    was sent repeatedly."""

    first: int
    sent_bytes: int = 0
    again_bytes: int = 0


class Streams:
    """All streams that begin while this looks on, by sender and receiver. masks: of the datagrams
    that are to be counted; others are passed over."""

    def __init__(self) -> None:
        self.masks: list[Mask] = []
        self._found: dict[bytes, Stream] = {}
        self._ended: list[tuple[bytes, Stream]] = []

    def see(self, packet: bytes) -> None:
        """Take note of one IPv4 packet as it leaves its host; others are passed over."""
        if len(packet) < 40 or packet[0] >> 4 != _IPV4:
            return
        header_bytes = (packet[0] & 15) * 4
        if packet[9] == UDP:
            self._see_datagram(packet[12:20], packet[header_bytes + _UDP_BYTES :])
        elif packet[9] == _TCP:
            self._see_segment(packet, header_bytes)

    def _see_datagram(self, way: bytes, data: bytes) -> None:
        for mask in self.masks:
            try:
                datagram = mask.read(data)
            except Malformed:
                continue
            if datagram.data is not None:
                stream = self._found.setdefault(way + datagram.connection, Stream(0))
                _count(stream, datagram.offset, len(datagram.data))
                return

    def _see_segment(self, packet: bytes, header_bytes: int) -> None:
        (total_bytes,) = unpack_from("!H", packet, 2)
        sequence, _, offset, flags = unpack_from("!IIBB", packet, header_bytes + 4)
        key = packet[12:20] + packet[header_bytes : header_bytes + 4]
        payload_bytes = total_bytes - header_bytes - (offset >> 4) * 4
        if flags & _SYN:
            self._begin(key, (sequence + 1) % _WRAP)
        elif (stream := self._found.get(key)) is not None and payload_bytes:
            _count(stream, sequence, payload_bytes)

    def _begin(self, key: bytes, first: int) -> None:
        known = self._found.get(key)
        if known is not None and known.first == first:
            return
        if known is not None:
            self._ended.append((key, known))
        self._found[key] = Stream(first)

    def between(self, sender: str, receiver: str) -> list[Stream]:
        """The streams from one IPv4 address to another."""
        way = b"".join(bytes(map(int, address.split("."))) for address in (sender, receiver))
        every = [*self._ended, *self._found.items()]
        return [stream for key, stream in every if key.startswith(way)]


def _count(stream: Stream, sequence: int, payload_bytes: int) -> None:
    """The stream's place is counted past 2^32: a packet lies at most half of that from the end."""
    end = stream.sent_bytes
    place = end + (sequence - stream.first - end + _WRAP // 2) % _WRAP - _WRAP // 2
    new_bytes = max(0, place + payload_bytes - end)
    stream.sent_bytes += new_bytes
    stream.again_bytes += payload_bytes - min(payload_bytes, new_bytes)
