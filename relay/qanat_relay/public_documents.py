"""Which public documents a relay takes: of desks that its operator added, verified, not older.

Judges a whole body; never stores one.
"""

from __future__ import annotations

from qanat_protocol.errors import Busy, OlderSerial, RefusedDesk
from qanat_protocol.parcel import Header
from qanat_protocol.public import DocumentClass, parse_public
from qanat_relay.node import Node


def check_carried(node: Node, header: Header) -> None:
    """Raise RefusedDesk unless the operator added the desk of this public tag."""
    if node.desks.find(header.tag) is None:
        raise RefusedDesk("this relay does not carry that desk's documents")


async def check_document(node: Node, header: Header, body: bytes) -> tuple[int, int]:
    """(class, serial) of a public document that may be stored.

    Raises what parse_public raises; RefusedDesk; NotCertified by the newest statement known, which
    may revoke what the document's own still certifies; OlderSerial or BadChain for a card that does
    not follow the newest one known, which it otherwise replaces; Busy where it can't.
    """
    document = parse_public(header, body)
    known = node.desks.find(header.tag)
    if known is None:
        raise RefusedDesk("this relay does not carry that desk's documents")
    if known.statement.serial > document.statement.serial:
        known.statement.check_certified(document.signer, document.issued_day)
    if document.card is not None:
        newer = await node.store.list_public(header.tag, DocumentClass.CARD, document.serial)
        if newer:
            raise OlderSerial("a newer card of that desk is here")
        try:
            node.desks.take(document.card)
        except OSError:
            raise Busy("the card could not be kept") from None
    return document.document_class, document.serial
