"""Attachments as they are read for the worker: what the vault knows of a part, then its bytes.

The vault is asked once, in its own thread; the bytes come from the spool in any other, decrypted
piece by piece and verified by the end.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from qanat_client.desk.desk import Desk
from qanat_client.desk.media.asking import NotShown
from qanat_client.desk.spool import Spool
from qanat_protocol.errors import RemoteError
from qanat_protocol.parcel import parse_header
from qanat_protocol.part import PartOpener, Rendition

__all__ = ["Source", "source_of"]


@dataclass(frozen=True, slots=True)
class Source:
    """One verified rendition of one file, and how to open it."""

    report_id: bytes
    file: int
    rendition: Rendition
    home: Path
    header: bytes
    parcel_id: bytes
    content_key: bytes
    length: int
    sha256: bytes

    def pieces(self) -> Iterator[bytes]:
        """Its bytes; whole and right only when the iterator has ended. Raises NotShown."""
        opener = PartOpener(parse_header(self.header), self.content_key, self.length, self.sha256)
        try:
            yield from opener.data(Spool(self.home).blocks(self.parcel_id))
        except RemoteError:
            raise NotShown("it is damaged on this disk; the next pull asks for it again") from None


def source_of(desk: Desk, report_id: bytes, file: int, rendition: Rendition) -> Source:
    """What the vault knows of a part, in the vault's thread. Raises NotShown if it is not here."""
    found = desk.vault.row(
        "SELECT p.parcel_id, p.content_key, p.length, p.sha256, p.state, q.header FROM parts p"
        " LEFT JOIN parcels q ON q.id = p.parcel_id"
        " WHERE p.report_id = ? AND p.file = ? AND p.rendition = ?",
        report_id,
        file,
        int(rendition),
    )
    name = rendition.name.lower()
    if found is None:
        raise NotShown(f"the report has no {name} of this file")
    parcel_id, content_key, length, sha256, state, header = found
    if state == "bad":
        raise NotShown(f"what came as the {name} is not what its letter says")
    if state != "verified" or header is None:
        raise NotShown(f"the {name} has not arrived yet")
    return Source(
        report_id, file, rendition, desk.home, header, parcel_id, content_key, length, sha256
    )
