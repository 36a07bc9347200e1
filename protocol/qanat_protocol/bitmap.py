"""Which blocks of a parcel are held, as in PARTIAL (SPEC 17): one canonical form for each set."""

import operator
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from qanat_protocol.errors import LocalMalformed, Malformed
from qanat_protocol.limits import MAX_BLOCKS

__all__ = ["Bitmap"]

_MAX_BYTES = MAX_BLOCKS // 8


@dataclass(frozen=True, slots=True)
class Bitmap:
    """A set of block indices, 0 to 65,535. Make one with `from_indices` or `from_bytes`."""

    _packed: bytes = b""

    @classmethod
    def from_indices(cls, indices: Iterable[int]) -> "Bitmap":
        """The bitmap of these indices, in any order; LocalMalformed for one that no body has."""
        packed = bytearray()
        for index in indices:
            if not 0 <= index < MAX_BLOCKS:
                raise LocalMalformed(f"no body has a block {index}")
            byte, bit = divmod(index, 8)
            if byte >= len(packed):
                packed.extend(bytes(byte + 1 - len(packed)))
            packed[byte] |= 0x80 >> bit
        return cls(bytes(packed))

    @classmethod
    def below(cls, blocks: int) -> "Bitmap":
        """The bitmap of all indices below `blocks`; LocalMalformed for more than a body has."""
        if not 0 <= blocks <= MAX_BLOCKS:
            raise LocalMalformed(f"no body has {blocks} blocks")
        whole, rest = divmod(blocks, 8)
        return cls(b"\xff" * whole + (bytes([0xFF00 >> rest & 0xFF]) if rest else b""))

    @classmethod
    def from_bytes(cls, packed: bytes) -> "Bitmap":
        """The bitmap that these bytes are; Malformed if too long or if trailing zeros were kept."""
        if len(packed) > _MAX_BYTES:
            raise Malformed(f"a bitmap of {len(packed):,} bytes; at most {_MAX_BYTES:,}")
        if packed.endswith(b"\x00"):
            raise Malformed("a bitmap ends in zero bytes")
        return cls(packed)

    def to_bytes(self) -> bytes:
        """Bit 7 of byte 0 is block 0; no trailing zero bytes."""
        return self._packed

    def __contains__(self, index: int) -> bool:
        byte, bit = divmod(index, 8)
        return 0 <= byte < len(self._packed) and bool(self._packed[byte] & 0x80 >> bit)

    def __iter__(self) -> Iterator[int]:
        for number, byte in enumerate(self._packed):
            if byte:
                yield from (number * 8 + bit for bit in range(8) if byte & 0x80 >> bit)

    def count(self) -> int:
        """How many blocks are held."""
        return int.from_bytes(self._packed).bit_count()

    def count_missing(self, blocks: int) -> int:
        """How many indices below `blocks` are not held."""
        behind = max(0, 8 * len(self._packed) - blocks)
        return blocks - (int.from_bytes(self._packed) >> behind).bit_count()

    def __or__(self, other: "Bitmap") -> "Bitmap":
        return self._joined(other, operator.or_)

    def __and__(self, other: "Bitmap") -> "Bitmap":
        return self._joined(other, operator.and_)

    def __sub__(self, other: "Bitmap") -> "Bitmap":
        """The indices that are not in the other one."""
        return self._joined(other, lambda ours, theirs: ours & ~theirs)

    def _joined(self, other: "Bitmap", join: Callable[[int, int], int]) -> "Bitmap":
        length = max(len(self._packed), len(other._packed))
        ours, theirs = (
            int.from_bytes(packed.ljust(length, b"\x00"))
            for packed in (self._packed, other._packed)
        )
        return Bitmap(join(ours, theirs).to_bytes(length).rstrip(b"\x00"))

    def missing(self, blocks: int) -> Iterator[int]:
        """The indices below `blocks` that are not held, ascending."""
        return iter(Bitmap.below(blocks) - self)
