"""How much a store takes. Measures nothing."""

from __future__ import annotations

from dataclasses import dataclass

from qanat_protocol.limits import HASH_BYTES
from qanat_protocol.merkle import block_count, page_count
from qanat_relay.store.costs import LEAST_BODY_BYTES


@dataclass(frozen=True, slots=True)
class StoreLimits:
    """How much the store takes. Raises ValueError for limits that contradict each other.

    max_body_bytes: the largest body that is taken; max_store_bytes: pages of the database in use;
    max_partial_bytes: bodies that are not complete, all together, with their lists of leaves;
    partial_ttl_days: days without a
    new block after which such a body is dropped; tag_share: how many times what is free one tag may
    have (all replies count as one), None for no such share.
    """

    max_body_bytes: int = 256 * 2**20
    max_store_bytes: int = 16 * 2**30
    max_partial_bytes: int = 2 * 2**30
    partial_ttl_days: int = 14
    tag_share: int | None = None

    def __post_init__(self) -> None:
        if self.max_body_bytes < LEAST_BODY_BYTES:
            raise ValueError(f"max_body_bytes is below {LEAST_BODY_BYTES}, the smallest letter")
        if self.max_body_bytes > self.max_partial_bytes:
            raise ValueError(
                "max_body_bytes is above max_partial_bytes: it could never be complete"
            )
        if self.max_partial_bytes > self.max_store_bytes:
            raise ValueError("max_partial_bytes is above max_store_bytes")
        if self.partial_ttl_days < 1:
            raise ValueError("partial_ttl_days is below 1")
        if self.tag_share is not None and self.tag_share < 1:
            raise ValueError("tag_share is below 1")

    @property
    def partial_quota_bytes(self) -> int:
        """The quota of bodies that are not complete. The lists of the largest one are on top of
        what was asked for: else it could never be complete where it has all the quota."""
        leaves = block_count(self.max_body_bytes) + page_count(self.max_body_bytes)
        return self.max_partial_bytes + leaves * HASH_BYTES
