"""What a parcel takes of a store's room, at most, before anything is measured."""

from __future__ import annotations

from qanat_protocol.limits import BLOCK_BYTES
from qanat_protocol.merkle import block_count

LEAST_BODY_BYTES = 4096
"""What the smallest letter has (SPEC 3)."""

ROW_BYTES = 1024
"""What a parcel costs beside its body: header, indexes, the rest of a page. At most."""

BLOCK_ROW_BYTES = 512
"""What a block costs beside its data."""


def cost_of(body_size: int) -> int:
    """What a whole parcel with a body of this size takes."""
    blocks = 0 if body_size <= BLOCK_BYTES else block_count(body_size)
    return ROW_BYTES + body_size + blocks * BLOCK_ROW_BYTES
