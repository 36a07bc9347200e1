"""What all relays of a run hold together of each body. Nobody in a run knows it: by it a relay
tells a desk of blocks when these make something whole, and else more seldom than real ones do."""

from __future__ import annotations

from collections.abc import Callable

from qanat_protocol.merkle import block_count
from qanat_protocol.parcel import Header

__all__ = ["Together"]


class Together:
    """tellers: of each relay, who tells its desks that something under a tag is to be fetched."""

    def __init__(self) -> None:
        self._bits: dict[bytes, int] = {}
        self.tellers: list[Callable[[set[bytes], set[bytes]], None]] = []

    def is_made_whole(self, header: Header, bits: int) -> bool:
        """One relay holds these blocks now: whether all of it is somewhere, for the first time."""
        parcel_id, whole = header.parcel_id, (1 << block_count(header.body_size)) - 1
        before = self._bits.get(parcel_id, 0)
        now = self._bits[parcel_id] = before | bits
        return now == whole and before != whole

    def tell(self, tags: set[bytes]) -> None:
        """Bodies under these tags are all there."""
        for tell in self.tellers:
            tell(tags, set())
