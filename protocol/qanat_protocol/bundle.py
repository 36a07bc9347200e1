"""The bundle: one file for every dead carrier (SPEC section 19). Written and read in constant
memory; what still stands in a file that was cut is read all the same."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final, TypeAlias

from qanat_protocol.errors import (
    Cut,
    LocalTooLarge,
    LocalUnexpectedFrame,
    Malformed,
    TooLarge,
    UnexpectedFrame,
    UnknownVersion,
)
from qanat_protocol.frame_codec import PAGE_ROOTS, decode_frame, encode_frame
from qanat_protocol.frames import Block, End, Frame, HeaderFrame, Leaves, Opened, Purge, Stamp
from qanat_protocol.limits import HASH_BYTES, HEADER_BYTES, PAGE_LEAVES
from qanat_protocol.merkle import block_count, block_length, page_count
from qanat_protocol.parcel import Header
from qanat_protocol.transfer import Outgoing

__all__ = [
    "MAX_ENTRIES",
    "BundleFrame",
    "BundleWriter",
    "Bundled",
    "IndexEntry",
    "Note",
    "iter_bundle",
    "write_bundle",
]

MAGIC: Final = b"QNTB"
VERSION: Final = 1
FRONT_BYTES: Final = 12
ENTRY_BYTES: Final = 56
MAX_ENTRIES: Final = 65_536
"""An index of 3.5 MiB: a card of films and letters has some thousands."""

Note: TypeAlias = Opened | Purge | Stamp
BundleFrame: TypeAlias = HeaderFrame | Leaves | Block | Note | End


@dataclass(frozen=True, slots=True)
class IndexEntry:
    """What the index says of one parcel. A hint: only the frames count.

    `kind` is a number that may be unknown; `offset` is that of the HEADER frame in the file.
    """

    parcel_id: bytes
    kind: int
    body_size: int
    offset: int


@dataclass(frozen=True, slots=True)
class Bundled:
    """A whole parcel for `write_bundle`, each iterable used once.

    `page_roots` only above 64 blocks; `leaves` and `blocks` are all of them in order (of a parcel
    of one block, the leaves are not asked for).
    """

    header: Header
    page_roots: Sequence[bytes]
    leaves: Iterable[bytes]
    blocks: Iterable[bytes]


class BundleWriter:
    """The bytes of a bundle, piece by piece and without I/O: `plan`, then for each header in order
    `parcel` and its `page`s and `block`s, then `end`. Raises a LocalError for another order.

    `notes` go in front: they are small, and worth most where the file is cut.
    """

    def __init__(self, headers: Sequence[Header], notes: Sequence[Note] = ()) -> None:
        if len(headers) > MAX_ENTRIES:
            raise LocalTooLarge(f"{len(headers):,} parcels; a bundle holds {MAX_ENTRIES:,}")
        self._headers = headers
        self._notes = [_framed(note) for note in notes]
        self._begun = 0
        self._outgoing: Outgoing | None = None
        self._block = 0

    def plan(self) -> bytes:
        """What stands in front of the parcels: the index, and the notes."""
        offset = FRONT_BYTES + ENTRY_BYTES * len(self._headers) + sum(map(len, self._notes))
        index = bytearray(MAGIC + bytes([VERSION, 0, 0, 0]))
        index += len(self._headers).to_bytes(4, "big")
        for handle, header in enumerate(self._headers):
            index += header.parcel_id + bytes([header.kind]) + bytes(7)
            index += header.body_size.to_bytes(8, "big") + offset.to_bytes(8, "big")
            offset += _size_in_frames(handle, header.body_size)
        return bytes(index) + b"".join(self._notes)

    @property
    def planned_bytes(self) -> int:
        """How long the whole bundle will be, without making it."""
        parcels = (
            _size_in_frames(handle, header.body_size) for handle, header in enumerate(self._headers)
        )
        front = FRONT_BYTES + ENTRY_BYTES * len(self._headers) + sum(map(len, self._notes))
        return front + sum(parcels) + len(_framed(End()))

    def parcel(self, page_roots: Sequence[bytes] = ()) -> bytes:
        """The beginning of the next parcel; its page roots if it has more than 64 blocks."""
        self._require_whole()
        if self._begun == len(self._headers):
            raise LocalUnexpectedFrame("more parcels than the index was planned for")
        self._outgoing = Outgoing(self._begun, self._headers[self._begun])
        self._begun += 1
        self._block = 0
        return b"".join(map(_framed, self._outgoing.start(page_roots)))

    def page(self, leaves: Sequence[bytes]) -> bytes:
        """The list of up to 64 leaves whose blocks come next; none for a parcel of one block."""
        return _framed(self._current().page(self._block // PAGE_LEAVES, leaves))

    def block(self, data: bytes) -> bytes:
        """The parcel's next block."""
        framed = _framed(self._current().block(self._block, data))
        self._block += 1
        return framed

    def end(self) -> bytes:
        """The end; LocalUnexpectedFrame unless all that was planned has been written."""
        self._require_whole()
        if self._begun < len(self._headers):
            raise LocalUnexpectedFrame(f"{len(self._headers) - self._begun} parcels are missing")
        return _framed(End())

    def _current(self) -> Outgoing:
        if self._outgoing is None:
            raise LocalUnexpectedFrame("no parcel has begun")
        return self._outgoing

    def _require_whole(self) -> None:
        if self._outgoing is not None:
            blocks = block_count(self._outgoing.header.body_size)
            if self._block < blocks:
                raise LocalUnexpectedFrame(f"{self._block} of the parcel's {blocks} blocks")


def write_bundle(parcels: Sequence[Bundled], notes: Sequence[Note] = ()) -> Iterator[bytes]:
    """A whole bundle in pieces of at most 64 KiB or the index, whichever is larger."""
    writer = BundleWriter([parcel.header for parcel in parcels], notes)
    yield writer.plan()
    for parcel in parcels:
        yield writer.parcel(parcel.page_roots)
        leaves = iter(parcel.leaves)
        has_lists = block_count(parcel.header.body_size) > 1
        for index, data in enumerate(parcel.blocks):
            if has_lists and index % PAGE_LEAVES == 0:
                yield writer.page(tuple(islice(leaves, PAGE_LEAVES)))
            yield writer.block(data)
    yield writer.end()


def iter_bundle(chunks: Iterable[bytes]) -> Iterator[IndexEntry | BundleFrame]:
    """The index's entries, then the frames up to and with END, as soon as they are complete.

    Raises Cut at the end where END is missing, and Malformed, UnknownVersion, TooLarge or
    UnexpectedFrame at what cannot be read; what was yielded before stands. The frames are for an
    Intake to verify.
    """
    source = _Source(chunks)
    if source.take(4) != MAGIC:
        raise Malformed("this does not begin like a bundle")
    if (version := source.take(1)[0]) != VERSION:
        raise UnknownVersion(f"bundle version {version}; this program reads version {VERSION}")
    if source.take(3) != bytes(3):
        raise Malformed("something stands where a bundle has zeros")
    count = int.from_bytes(source.take(4), "big")
    if count > MAX_ENTRIES:
        raise TooLarge(f"an index of {count:,} entries; at most {MAX_ENTRIES:,} are read")
    for _ in range(count):
        yield _entry(source.take(ENTRY_BYTES))
    frame: Frame | None = None
    while not isinstance(frame, End):
        frame = decode_frame(source.take(int.from_bytes(source.take(2), "big")))
        if isinstance(frame, BundleFrame):
            yield frame
        elif frame is not None:
            raise UnexpectedFrame(f"{type(frame).__name__} in a bundle")
    if not source.is_at_end():
        raise Malformed("bytes behind the END of a bundle")


class _Source:
    """The chunks as one stream. Keeps no more than what was asked for and one chunk."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)
        self._buffer = bytearray()

    def take(self, size: int) -> bytes:
        """The next bytes, exactly as many; raises Cut where there are fewer."""
        while len(self._buffer) < size:
            chunk = next(self._chunks, None)
            if chunk is None:
                raise Cut("the bundle ends before its END")
            self._buffer += chunk
        taken = bytes(memoryview(self._buffer)[:size])
        del self._buffer[:size]
        return taken

    def is_at_end(self) -> bool:
        """Whether nothing is left, not even in the chunks to come."""
        return not self._buffer and not any(self._chunks)


def _entry(data: bytes) -> IndexEntry:
    return IndexEntry(
        data[:32],
        data[32],
        int.from_bytes(data[40:48], "big"),
        int.from_bytes(data[48:56], "big"),
    )


def _framed(frame: Frame) -> bytes:
    record = encode_frame(frame)
    return len(record).to_bytes(2, "big") + record


def _size_in_frames(handle: int, body_size: int) -> int:
    """How many bytes HEADER, lists and blocks of a whole parcel take, without making them."""
    blocks, pages = block_count(body_size), page_count(body_size)
    # The length, the head of an array of three or four fields, and the type.
    front = 2 + 1 + 1 + _uint_size(handle)
    size = front + _bin_size(HEADER_BYTES)
    if pages > 1:
        size += front + _uint_size(PAGE_ROOTS) + _bin_size(HASH_BYTES * pages)
    if blocks > 1:
        for page in range(pages):
            leaves = min(PAGE_LEAVES, blocks - page * PAGE_LEAVES)
            size += front + _uint_size(page) + _bin_size(HASH_BYTES * leaves)
    last = block_length(body_size, blocks - 1)
    full = _bin_size(block_length(body_size, 0)) * (blocks - 1)
    return size + blocks * front + _uint_sizes(blocks) + full + _bin_size(last)


def _uint_size(value: int) -> int:
    """Bytes of an integer below 2^32 in a record."""
    return 1 if value < 1 << 7 else 2 if value < 1 << 8 else 3 if value < 1 << 16 else 5


def _uint_sizes(count: int) -> int:
    """Bytes of all integers below `count` in records."""
    longer = [max(0, count - (1 << bits)) for bits in (7, 8, 16)]
    return count + longer[0] + longer[1] + 2 * longer[2]


def _bin_size(length: int) -> int:
    """Bytes of a binary of less than 64 KiB in a record."""
    return length + (2 if length < 1 << 8 else 3)
