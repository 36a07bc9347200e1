"""The newest signed document that was seen here: proof that what is written now is not older."""

from __future__ import annotations

import sqlite3

from qanat_client.reporter.database import disk_errors
from qanat_client.reporter.desks import Desks
from qanat_client.reporter.home import Home

__all__ = ["newest_checkpoint"]


def newest_checkpoint(
    home: Home, connection: sqlite3.Connection, desks: Desks
) -> tuple[int, bytes]:
    """Its day and its hash (32 bytes): a card's or a public document's.

    What a revoked key has signed counts only where there is nothing else (SPEC 11).
    """
    cards = desks.all()
    revoked = {card.desk_id: desks.revoked(card.desk_id) for card in cards}
    found = [(c.issued_day, c.card_hash) for c in cards if c.signer not in revoked[c.desk_id]]
    with disk_errors(home.database):
        for desk_id, day, document_hash, header, body in connection.execute(
            "SELECT desk, issued_day, hash, header, body FROM document ORDER BY issued_day DESC"
        ):
            if not _is_of(revoked.get(desk_id), header, body):
                found.append((day, document_hash))
                break
    return max(found or [(card.issued_day, card.card_hash) for card in cards])


def _is_of(keys: frozenset[bytes] | None, header: bytes, body: bytes) -> bool:
    if not keys:
        return False
    # Only now: `send` reads no public document where no key was ever revoked.
    from qanat_protocol.parcel import parse_header
    from qanat_protocol.public import parse_public

    return parse_public(parse_header(header), body).signer in keys
