"""Sealing and opening an attachment, against AES-256-GCM over 16 KiB chunks and one SHA-256."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from secrets import token_bytes

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from benchmarks.comparison import Comparison
from benchmarks.desk import today
from qanat_protocol.parcel import Header
from qanat_protocol.part import PartOpener, PartSealer, Rendition

__all__ = ["part_comparisons"]

_CHUNK_BYTES = 16_384
_READ_BYTES = 1 << 20


class _Attachment:
    """A file in memory; what is sealed of it is thrown away block by block, as a disk would take
    it, and sealed once more to be opened."""

    def __init__(self, size_bytes: int) -> None:
        self._data = token_bytes(size_bytes)
        self._sealer, self._blocks = self._seal()

    def _seal(self) -> tuple[PartSealer, list[bytes]]:
        sealer = self._new_sealer()
        return sealer, [block.data for block in sealer.blocks(self._chunks())]

    def _new_sealer(self) -> PartSealer:
        return PartSealer(
            tag=token_bytes(16),
            expiry_day=today() + 90,
            length=len(self._data),
            rendition=Rendition.ORIGINAL,
        )

    def _chunks(self) -> list[bytes]:
        return [self._data[at : at + _READ_BYTES] for at in range(0, len(self._data), _READ_BYTES)]

    def seal(self) -> float:
        chunks = self._chunks()
        begun = time.perf_counter()
        sealer = self._new_sealer()
        for _ in sealer.blocks(chunks):
            pass
        header: Header = sealer.header
        assert header.body_size >= len(self._data)
        return time.perf_counter() - begun

    def open(self) -> float:
        sealer = self._sealer
        begun = time.perf_counter()
        opener = PartOpener(sealer.header, sealer.content_key, len(self._data), sealer.sha256)
        size_bytes = sum(map(len, opener.data(self._blocks)))
        assert size_bytes == len(self._data)
        return time.perf_counter() - begun


class _Bare:
    """The same bytes through the libraries."""

    def __init__(self, size_bytes: int) -> None:
        self._cipher = AESGCM(token_bytes(32))
        data = token_bytes(size_bytes)
        self._plain = [data[at : at + _CHUNK_BYTES] for at in range(0, size_bytes, _CHUNK_BYTES)]
        self._sealed = [
            self._cipher.encrypt(_nonce(number), chunk, None)
            for number, chunk in enumerate(self._plain)
        ]

    def seal(self) -> float:
        return self._pass(self._plain, self._cipher.encrypt, hashes_result=False)

    def open(self) -> float:
        return self._pass(self._sealed, self._cipher.decrypt, hashes_result=True)

    @staticmethod
    def _pass(
        chunks: list[bytes],
        change: Callable[[bytes, bytes, bytes | None], bytes],
        *,
        hashes_result: bool,
    ) -> float:
        begun = time.perf_counter()
        digest = hashlib.sha256()
        for number, chunk in enumerate(chunks):
            changed = change(_nonce(number), chunk, None)
            digest.update(changed if hashes_result else chunk)
        digest.digest()
        return time.perf_counter() - begun


def _nonce(number: int) -> bytes:
    return number.to_bytes(12, "big")


def part_comparisons(size_bytes: int) -> list[Comparison]:
    """One attachment of so many bytes a turn."""
    ours, bare = _Attachment(size_bytes), _Bare(size_bytes)
    size_mb = size_bytes / 1e6
    limit = "AES-256-GCM of 16 KiB chunks, SHA-256"
    return [
        Comparison("seal an attachment", limit, "MB", size_mb, ours.seal, bare.seal, turns=2),
        Comparison("open an attachment", limit, "MB", size_mb, ours.open, bare.open, turns=2),
    ]
