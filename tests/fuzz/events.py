"""Sessions as lists of events: what one side says, rightly and wrongly, as bytes of a real channel.

An input is the record [head, events, sizes]. `head` stands for the channel's opening: empty for a
genuine one, else the bytes that are sent in its stead. `sizes` cut the stream into pieces. Events:

[0, record...]  frames, each with its length, together in a packet
[1, plain]      a packet with any plain
[2, bytes]      bytes between packets
[3, record]     a frame that the side under test says itself, before all else
[4, handle, count, body]  whole parcels of one block from a handle on, in as few packets as fit
[5]             nothing more: the stream is cut
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.protocol.made_bodies import LETTER, ONE_BLOCK, body_of
from tests.protocol.samples import parses_or_refuses

from qanat_protocol.channel import MAX_PLAIN_BYTES
from qanat_protocol.frame_codec import encode_frame
from qanat_protocol.frames import Block, HeaderFrame
from qanat_protocol.record import unpack

__all__ = ["Script", "framed", "packets_of", "read_script", "script_of"]

MAX_PARCELS = 40


@dataclass(slots=True)
class Script:
    """An input, read."""

    head: bytes
    events: list[list[Any]]
    sizes: bytes
    ours: list[bytes] = field(default_factory=list)


def read_script(data: bytes) -> Script | None:
    """The script of an input, None where it is none."""
    return script_of(parses_or_refuses(lambda data: unpack(data, max_bytes=1 << 20), data))


def script_of(values: Any) -> Script | None:
    """The same of what a record holds."""
    match values:
        case [bytes(head), list(events), bytes(sizes), *_]:
            whole = [event for event in events if isinstance(event, list) and event]
            ours = [each for event in whole if event[0] == 3 for each in _binaries(event)]
            return Script(head, whole, sizes, ours)
        case _:
            return None


def _binaries(event: list[Any]) -> list[bytes]:
    return [each for each in event[1:] if isinstance(each, bytes)]


def framed(record: bytes) -> bytes:
    """A frame as it stands in a packet's plain."""
    return (len(record) % 65_536).to_bytes(2, "big") + record


def _parcels(event: list[Any]) -> Iterator[bytes]:
    handle, count, which = ([each for each in event[1:] if type(each) is int] + [0, 1, 0])[:3]
    body = body_of(ONE_BLOCK if which % 2 else LETTER)
    for number in range(min(count, MAX_PARCELS)):
        # A later handle than any integer of a record can't be said.
        if handle + number < 2**53:
            yield encode_frame(HeaderFrame(handle + number, body.header.encode()))
            yield encode_frame(Block(handle + number, 0, body.block(0)))


def _in_packets(records: Iterator[bytes]) -> Iterator[bytes]:
    plain = b""
    for record in records:
        if len(plain) + 2 + len(record) > MAX_PLAIN_BYTES:
            yield plain
            plain = b""
        plain += framed(record)
    yield plain


def _nothing(event: list[Any]) -> Iterable[bytes]:
    return ()


def packets_of(
    script: Script,
    seal: Callable[[bytes], bytes],
    more: Callable[[list[Any]], Iterable[bytes]] = _nothing,
) -> bytes:
    """The bytes behind the opening. `seal` makes a plain of 1 to 65,519 bytes a packet; `more`
    makes the records of other events."""
    stream = b""
    for event in script.events:
        match event[0]:
            case 0:
                plains = [b"".join(map(framed, _binaries(event)))]
            case 1:
                plains = _binaries(event)
            case 4:
                plains = list(_in_packets(_parcels(event)))
            case 2:
                stream += b"".join(_binaries(event))
                continue
            case 5:
                break
            case _:
                plains = list(_in_packets(iter(more(event))))
        stream += b"".join(seal(plain[:MAX_PLAIN_BYTES]) for plain in plains if plain)
    return stream
