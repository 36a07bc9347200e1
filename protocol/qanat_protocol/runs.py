"""Runs: parcels of one block, each HEADER right before its BLOCK, read many at a time (SPEC 17).

Takes only what decode_frame would take, by comparing with the one encoding that such frames have;
all else is left to it.
"""

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from typing import Final

from qanat_protocol.errors import LocalMalformed, RemoteError
from qanat_protocol.frames import Block, FrameType, HeaderFrame
from qanat_protocol.kinds import Kind
from qanat_protocol.limits import BLOCK_BYTES, HEADER_BYTES
from qanat_protocol.parcel import FRONT_BYTES, Front, Header, parse_front

__all__ = ["Run", "read_run", "runs_of", "write_run"]

_HANDLE_AT: Final = 4
"""Where a HEADER's handle begins: behind the length, the array's head and the type."""

_REST_BYTES: Final = HEADER_BYTES - FRONT_BYTES
_MIN_BYTES: Final = _HANDLE_AT + 1 + 2 + HEADER_BYTES


@dataclass(frozen=True, slots=True)
class Run:
    """Parcels with handles `first`, `first + 1`, ..., one of each list for each parcel.

    front: what all their headers begin with; never that of a public document. headers: 96 bytes
    each. bodies: of the size that the front names, at most 16,384 bytes; not compared to the roots.
    """

    first: int
    front: Front
    headers: tuple[bytes, ...]
    bodies: tuple[bytes, ...]

    def frames(self) -> Iterator[HeaderFrame | Block]:
        """The frames that it was read from."""
        for handle, (header, body) in enumerate(
            zip(self.headers, self.bodies, strict=True), self.first
        ):
            yield HeaderFrame(handle, header)
            yield Block(handle, 0, body)


@dataclass(frozen=True, slots=True)
class _Number:
    """Integers that are encoded alike: the head before them, how struct reads them, the range."""

    head: bytes
    code: str
    least: int
    most: int


_FIXED: Final = _Number(b"", "B", 0, 0x7F)
_NUMBERS: Final[dict[int, _Number]] = {
    0xCC: _Number(b"\xcc", "B", 0x80, 0xFF),
    0xCD: _Number(b"\xcd", "H", 0x100, 0xFFFF),
    0xCE: _Number(b"\xce", "I", 0x1_0000, 0xFFFF_FFFF),
}

_LAST: Final = _NUMBERS[0xCE]


class _Layout:
    """One HEADER and its BLOCK, with their lengths, as bytes of fixed places."""

    def __init__(self, number: _Number, body_size: int) -> None:
        handle_bytes = len(number.head) + struct.calcsize(f">{number.code}")
        self.header_start = _start(2 + handle_bytes + 2 + HEADER_BYTES, 0x93, FrameType.HEADER)
        self.header_start += number.head
        self.header_head = b"\xc4" + bytes([HEADER_BYTES])
        self.block_start = _start(2 + handle_bytes + 1 + 3 + body_size, 0x94, FrameType.BLOCK)
        self.block_start += number.head
        self.block_head = b"\x00\xc5" + body_size.to_bytes(2)
        header = f"{len(self.header_start)}s{number.code}{2 + FRONT_BYTES}s{_REST_BYTES}s"
        block = f"{len(self.block_start)}s{number.code}{len(self.block_head)}s{body_size}s"
        self.fields = struct.Struct(f">{header}{block}")


def _start(record_bytes: int, array: int, kind: FrameType) -> bytes:
    return record_bytes.to_bytes(2) + bytes([array, kind])


@lru_cache(maxsize=64)
def _layout(number: _Number, body_size: int) -> _Layout:
    return _Layout(number, body_size)


@lru_cache(maxsize=256)
def _front(data: bytes) -> Front | None:
    """The front of a parcel of one block that needs no look as a whole; None for others."""
    try:
        front = parse_front(data)
    except RemoteError:
        return None
    return front if front.body_size <= BLOCK_BYTES and front.kind is not Kind.PUBLIC else None


def read_run(plain: memoryview, at: int) -> tuple[Run, int] | None:
    """The run that begins at an offset of a packet's plain, and the offset behind it, or None."""
    if len(plain) - at < _MIN_BYTES or bytes(plain[at + 2 : at + _HANDLE_AT]) != b"\x93\x09":
        return None
    head = plain[at + _HANDLE_AT]
    number = _FIXED if head <= _FIXED.most else _NUMBERS.get(head)
    if number is None:
        return None
    header_at = at + _HANDLE_AT + len(number.head) + struct.calcsize(f">{number.code}") + 2
    beginning = bytes(plain[header_at : header_at + FRONT_BYTES])
    front = _front(beginning)
    if front is None:
        return None
    layout = _layout(number, front.body_size)
    fields = layout.fields
    count = (len(plain) - at) // fields.size
    if not count:
        return None
    first = fields.unpack_from(plain, at)[1]
    same = (
        layout.header_start,
        layout.header_head + beginning,
        layout.block_start,
        layout.block_head,
    )
    headers, bodies = [], []
    # An upper bound of the handle is one of the count: the next one has another encoding.
    for handle, (start, number_, front_, rest, start_, again, head_, body) in zip(
        range(max(first, number.least), number.most + 1),
        fields.iter_unpack(plain[at : at + count * fields.size]),
        strict=False,
    ):
        if (start, front_, start_, head_) != same or number_ != handle or again != handle:
            break
        headers.append(beginning + rest)
        bodies.append(body)
    if not headers:
        return None
    run = Run(first, front, tuple(headers), tuple(bodies))
    return run, at + len(headers) * fields.size


def runs_of(parcels: Iterable[tuple[Header, bytes]], first: int) -> Iterator[Run]:
    """Runs of parcels of one block in this order, with handles from `first` on; each run as long as
    their headers begin alike. Not for public documents."""
    for _, group in groupby(parcels, key=lambda parcel: parcel[0].encode()[:FRONT_BYTES]):
        headers, bodies = zip(*group, strict=True)
        front = Front(
            headers[0].kind, headers[0].urgent, headers[0].expiry_day, headers[0].body_size
        )
        yield Run(first, front, tuple(header.encode() for header in headers), bodies)
        first += len(headers)


def write_run(run: Run) -> list[bytes]:
    """Each parcel's HEADER and BLOCK with their lengths before them, one piece for each parcel.

    LocalMalformed where the other side would take no run for it.
    """
    count = len(run.headers)
    beginning = run.headers[0][:FRONT_BYTES] if count else b""
    if not (
        0 < count == len(run.bodies)
        and 0 <= run.first <= run.first + count <= _LAST.most
        and all(len(one) == HEADER_BYTES and one.startswith(beginning) for one in run.headers)
        and _front(beginning) == run.front
        and all(len(body) == run.front.body_size for body in run.bodies)
    ):
        raise LocalMalformed("these parcels make no run")
    pieces = []
    for number in (_FIXED, *_NUMBERS.values()):
        layout = _layout(number, run.front.body_size)
        front = layout.header_head + beginning
        for handle in range(max(run.first, number.least), min(run.first + count, number.most + 1)):
            at = handle - run.first
            pieces.append(
                layout.fields.pack(
                    layout.header_start,
                    handle,
                    front,
                    run.headers[at][FRONT_BYTES:],
                    layout.block_start,
                    handle,
                    layout.block_head,
                    run.bodies[at],
                )
            )
    return pieces
