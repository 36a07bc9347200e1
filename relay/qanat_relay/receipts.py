"""The custody receipts of a relay (SPEC section 13). Signs; whoever calls knows that it is true."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from qanat_protocol.frames import Receipt
from qanat_protocol.receipt import MAX_RECEIPT_IDS, sign_receipt
from qanat_relay.node import Node


def receipts_for(node: Node, day: int, ids: Sequence[bytes]) -> Iterator[Receipt]:
    """Receipts over any number of parcel ids, 512 in each."""
    for first in range(0, len(ids), MAX_RECEIPT_IDS):
        yield sign_receipt(node.keys.signing, day, ids[first : first + MAX_RECEIPT_IDS])
