"""Parts: sealed attachments, as streams in constant memory (SPEC 6). What comes out of an opener is
genuine chunk by chunk, but whole and right only when the stream has ended without an error."""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from qanat_protocol.errors import (
    BadHash,
    BadPadding,
    CannotOpen,
    LocalMalformed,
    Malformed,
    UnknownKind,
)
from qanat_protocol.kinds import Kind, Rendition
from qanat_protocol.labels import label
from qanat_protocol.limits import BLOCK_BYTES
from qanat_protocol.merkle import TreeBuilder, leaf_hash
from qanat_protocol.parcel import Header, bind_of
from qanat_protocol.sealing import ChunkedOpener, ChunkedSealer, capacity, new_content_key
from qanat_protocol.sizes import part_body_size
from qanat_protocol.tombstone import check_opened, lock_of, opened_value

__all__ = ["PartOpener", "PartSealer", "Rendition", "SealedBlock"]

# Padding is made, and data is taken, in pieces of this size: it bounds memory.
_PIECE_BYTES: Final = 1 << 20
_ZEROS: Final = bytes(_PIECE_BYTES)


@dataclass(frozen=True, slots=True)
class SealedBlock:
    """A block of a body: 16,384 bytes, the last one perhaps fewer, and its leaf."""

    index: int
    data: bytes
    leaf: bytes


class PartSealer:
    """Seals data of a known length as it is read. One sealer seals once, under a key of its own."""

    def __init__(self, *, tag: bytes, expiry_day: int, length: int, rendition: Rendition) -> None:
        self.content_key = new_content_key()
        self._length = length
        self._tag = tag
        self._expiry_day = expiry_day
        self._body_size = part_body_size(length, rendition)
        self._lock = lock_of(self.content_key)
        bind = bind_of(
            kind=Kind.PART,
            urgent=False,
            expiry_day=expiry_day,
            body_size=self._body_size,
            tag=tag,
            lock=self._lock,
        )
        self._chunked = ChunkedSealer(self.content_key, label("content") + bind)
        self._hash = hashlib.sha256()
        self._tree = TreeBuilder()
        self._begun = self._done = False

    def blocks(self, chunks: Iterable[bytes]) -> Iterator[SealedBlock]:
        """The blocks of the body, in order. LocalMalformed if the chunks are not of that length."""
        if self._begun:
            raise LocalMalformed("a part is sealed once; make a new sealer")
        self._begun = True
        return self._seal(chunks)

    @property
    def header(self) -> Header:
        """The header; known when all blocks have been taken."""
        self._need_done()
        return Header(
            Kind.PART,
            urgent=False,
            expiry_day=self._expiry_day,
            body_size=self._body_size,
            tag=self._tag,
            lock=self._lock,
            root=self._tree.root(),
        )

    @property
    def sha256(self) -> bytes:
        """The hash of the data; known when all blocks have been taken."""
        self._need_done()
        return self._hash.digest()

    def _need_done(self) -> None:
        if not self._done:
            raise LocalMalformed("the part is not sealed to its end yet")

    def _seal(self, chunks: Iterable[bytes]) -> Iterator[SealedBlock]:
        index, rest = 0, b""
        for ciphertext in self._ciphertext(chunks):
            view, at = memoryview(ciphertext), 0
            if rest:
                at = BLOCK_BYTES - len(rest)
                rest += view[:at]
                if len(rest) < BLOCK_BYTES:
                    continue
                yield self._block(index, rest)
                index += 1
            while len(view) - at >= BLOCK_BYTES:
                yield self._block(index, bytes(view[at : at + BLOCK_BYTES]))
                index += 1
                at += BLOCK_BYTES
            rest = bytes(view[at:])
        if rest:
            yield self._block(index, rest)
        self._done = True

    def _block(self, index: int, data: bytes) -> SealedBlock:
        leaf = leaf_hash(data)
        self._tree.add_leaf(leaf)
        return SealedBlock(index, data, leaf)

    def _ciphertext(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        taken = 0
        for chunk in chunks:
            taken += len(chunk)
            if taken > self._length:
                raise LocalMalformed(f"more data than the {self._length:,} bytes announced")
            view = memoryview(chunk)
            for at in range(0, len(chunk), _PIECE_BYTES):
                piece = view[at : at + _PIECE_BYTES]
                self._hash.update(piece)
                yield self._chunked.update(piece)
        if taken < self._length:
            raise LocalMalformed(f"{taken:,} bytes of data where {self._length:,} were announced")
        padding = capacity(self._body_size) - self._length
        for at in range(0, padding, _PIECE_BYTES):
            yield self._chunked.update(memoryview(_ZEROS)[: padding - at])
        yield self._chunked.finish()


class PartOpener:
    """Opens a part with what its letter says of it: content key, true length, SHA-256."""

    def __init__(self, header: Header, content_key: bytes, length: int, sha256: bytes) -> None:
        self._header = header
        self._content_key = content_key
        self._length = length
        self._sha256 = sha256

    def data(self, blocks: Iterable[bytes]) -> Iterator[bytes]:
        """The data, in pieces; publish it only when the iterator has ended.

        Raises, in the order of SPEC 6: UnknownKind, BadLock, CannotOpen, BadPadding, Malformed (the
        length does not fit the body), BadHash.
        """
        header = self._header
        if header.kind is not Kind.PART:
            raise UnknownKind(f"a {header.kind.name.lower()} is no part")
        check_opened(header.lock, opened_value(self._content_key))
        digest = hashlib.sha256()
        left, clean = self._length, True
        for plain in self._plain(blocks):
            data = plain[:left]
            # What stands behind the data is judged after the last chunk.
            clean = clean and plain.count(0, left) == len(plain) - len(data)
            left -= len(data)
            digest.update(data)
            if data:
                yield data
        if not clean:
            raise BadPadding
        if left:
            raise Malformed(f"a part holds {left:,} bytes less than its letter says")
        if digest.digest() != self._sha256:
            raise BadHash

    def _plain(self, blocks: Iterable[bytes]) -> Iterator[bytes]:
        chunked = ChunkedOpener(self._content_key, label("content") + self._header.bind)
        size_bytes = 0
        for block in blocks:
            size_bytes += len(block)
            yield chunked.update(block)
        if size_bytes != self._header.body_size:
            raise CannotOpen(
                f"a body of {size_bytes:,} bytes where {self._header.body_size:,} belong"
            )
        yield chunked.finish()
