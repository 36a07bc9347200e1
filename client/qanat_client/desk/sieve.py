"""What is surely not here, without asking the vault: a bit for each offer, some bits apart."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

__all__ = ["Sieve"]

_BITS_EACH: Final = 64
"""Of so many one is set: that often the vault is asked in vain."""

_LEAST_BITS: Final = 1 << 16


class Sieve:
    """Holds offers (16 bytes, which are spread evenly by nature) and can't give them back."""

    def __init__(self, offers: Iterable[bytes], count: int) -> None:
        """`count`: how many they are."""
        bits = max(_LEAST_BITS, 1 << (_BITS_EACH * count).bit_length())
        self._bits = bytearray(bits // 8)
        self._mask = bits - 1
        self._room = 4 * bits // _BITS_EACH
        for offer in offers:
            self.add(offer)

    @property
    def is_full(self) -> bool:
        """Whether it holds so many that it lets too much through."""
        return self._room <= 0

    def add(self, offer: bytes) -> None:
        """From now on this may be here."""
        at = int.from_bytes(offer[:8]) & self._mask
        self._bits[at >> 3] |= 1 << (at & 7)
        self._room -= 1

    def may_hold(self, offer: bytes) -> bool:
        """False for what was never added."""
        at = int.from_bytes(offer[:8]) & self._mask
        return bool(self._bits[at >> 3] & 1 << (at & 7))
