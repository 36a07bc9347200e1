"""Which public documents a relay takes: of desks that its operator added, verified, not older.

Judges a whole body; never stores one.
"""

from __future__ import annotations

from qanat_protocol.card import DeskCard
from qanat_protocol.errors import Busy, RefusedDesk
from qanat_protocol.limits import MAX_INT
from qanat_protocol.parcel import Header
from qanat_protocol.public import parse_public
from qanat_relay.node import Node


def check_carried(node: Node, header: Header) -> None:
    """Raise RefusedDesk unless the operator added the desk of this public tag."""
    if node.desks.find(header.tag) is None:
        raise RefusedDesk("this relay does not carry that desk's documents")


def check_document(node: Node, header: Header, body: bytes) -> tuple[int, int]:
    """(class, serial) of a public document that may be stored.

    A card is judged by the one that is carried, whatever older documents lie here: their signer may
    be revoked since, and then their serials bind nobody (SPEC sections 9 and 11).

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
        try:
            node.desks.take(document.card)
        except OSError:
            raise Busy("the card could not be kept") from None
    return document.document_class, document.serial


def card_serials(known: DeskCard | None, claimed: int) -> tuple[int, int]:
    """Which cards go to whoever claims to have one: those above the first serial, up to the second.

    A card beyond the one that is carried is of a revoked key. Where a key was revoked, the card
    that the other side claims may be of that key: then the one that is carried goes to it as well.
    """
    if known is None:
        return claimed, MAX_INT
    if claimed > known.serial and known.statement.revoked:
        return known.serial - 1, known.serial
    return claimed, known.serial
