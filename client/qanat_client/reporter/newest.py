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
    """Its day and its hash (32 bytes): a card's or a public document's."""
    found = [(card.issued_day, card.card_hash) for card in desks.all()]
    with disk_errors(home.database):
        found += connection.execute(
            "SELECT issued_day, hash FROM document ORDER BY issued_day DESC LIMIT 1"
        ).fetchall()
    return max(found)
