"""Target of runs (parcels of one block, read many at a time): they are what reading each gives."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice

from tests.fuzz.events import framed
from tests.fuzz.target import Target
from tests.protocol.made_bodies import LETTER, ONE_BLOCK, body_of

from qanat_protocol.errors import RemoteError
from qanat_protocol.frame_codec import decode_frame, encode_frame
from qanat_protocol.frames import Block, Frame, HeaderFrame
from qanat_protocol.parcel import FRONT_BYTES, parse_front, parse_header
from qanat_protocol.runs import read_run, write_run

__all__ = ["TARGETS"]

_PAGES = [body_of(LETTER), body_of(ONE_BLOCK)]


def _frames(plain: bytes) -> Iterator[tuple[Frame | None, int]]:
    """Each frame and the offset behind it, as far as they can be read."""
    at = 0
    while at + 2 <= len(plain):
        end = at + 2 + int.from_bytes(plain[at : at + 2], "big")
        if end > len(plain):
            return
        try:
            yield decode_frame(plain[at + 2 : end]), end
        except RemoteError:
            return
        at = end


def _plain(data: bytes) -> bytes:
    """Honest parcels from the handle that the input says, and what it spoils in them: six bytes for
    each place, of which four say where, and two how."""
    if len(data) < 6:
        return data
    first, count, which, edits = int.from_bytes(data[:4], "big"), data[4] % 6, data[5], data[6:]
    body = _PAGES[which % 2]
    made = bytearray()
    for handle in range(first, first + count):
        made += framed(encode_frame(HeaderFrame(handle, body.header.encode())))
        made += framed(encode_frame(Block(handle, 0, body.block(0))))
    for at in range(0, len(edits) - 5, 6):
        place = int.from_bytes(edits[at : at + 4], "big") % (len(made) + 1)
        match edits[at + 4] % 4:
            case 0:
                made[place : place + 1] = edits[at + 5 : at + 6]
            case 1:
                del made[place : place + 1 + edits[at + 5]]
            case 2:
                made[place:place] = edits[at + 5 : at + 6]
            case _:
                del made[place:]
    return bytes(made)


def _run(data: bytes) -> None:
    """A run stands for exactly the frames that reading one after the other gives."""
    for plain in (data, _plain(data)):
        for start in (0, 1):
            found = read_run(memoryview(plain), start) if len(plain) > start else None
            if found is None:
                continue
            run, end = found
            said = list(run.frames())
            read = list(islice(_frames(plain[start:]), len(said)))
            assert [frame for frame, _ in read] == said
            assert read[-1][1] == end - start
            # Nobody writes runs with the last handles, though they can be read.
            if run.first + len(run.headers) < 2**32:
                assert b"".join(write_run(run)) == plain[start:end]
            for header in run.headers:
                front = parse_front(header[:FRONT_BYTES])
                assert front == run.front
                assert parse_header(header).body_size == front.body_size == len(run.bodies[0])


def _seeds() -> Iterable[bytes]:
    for first in (0, 1, 125, 127, 128, 254, 255, 65_533, 2**32 - 3):
        yield first.to_bytes(4, "big") + b"\x05\0"
    # The handle of a BLOCK that is not its HEADER's.
    yield bytes(4) + b"\x03\0" + b"\0\0\0\x6b\0\x09"
    yield bytes(4) + b"\x03\x01" + b"\0\0\0\x09\0\x91" + b"\0\0\x10\x10\2\x01"


TARGETS = (Target("run", _run, _seeds, max_bytes=400, brief_runs=400),)
