"""What this desk wrote, newest first, each with what became of it."""

from __future__ import annotations

from typing import Any, Final

from qanat_client.desk.desk import Desk
from qanat_client.desk.fates import fate_json, fate_of
from qanat_client.desk.inbox import SHORT_ID_DIGITS
from qanat_protocol.public import DocumentClass

__all__ = ["bulletins_json", "cards_json", "replies_json"]

MANY: Final = 500


def replies_json(desk: Desk, report_id: bytes | None = None) -> list[dict[str, Any]]:
    """Replies to one report, or the newest to any."""
    where = "1" if report_id is None else "report_id = ?"
    rows = desk.vault.rows(
        "SELECT number, report_id, parcel_id, made_s, text, wanted FROM replies"  # noqa: S608
        f" WHERE {where} ORDER BY number DESC LIMIT {MANY}",
        *([] if report_id is None else [report_id]),
    )
    return [
        {
            "number": number,
            "report": to.hex(),
            "short_id": to.hex()[:SHORT_ID_DIGITS],
            "at_s": made_s,
            "text": text,
            "wanted": [int(file) for file in wanted.split()],
        }
        | fate_json(fate_of(desk, parcel_id))
        for number, to, parcel_id, made_s, text, wanted in rows
    ]


def bulletins_json(desk: Desk) -> list[dict[str, Any]]:
    """The newest bulletins; of one that was made before the desk kept them, what is known."""
    rows = desk.vault.rows(
        "SELECT d.serial, d.title, b.language, b.text, b.made_s, b.pictures, b.corrects,"
        " b.together, b.parcel_id FROM documents d LEFT JOIN bulletins b ON b.serial = d.serial"
        " WHERE d.class = ? ORDER BY d.serial DESC LIMIT ?",
        int(DocumentClass.BULLETIN),
        MANY,
    )
    corrected_by = {row[6]: row[0] for row in reversed(rows) if row[6] is not None}
    return [
        {
            "serial": serial,
            "number": serial,
            "title": title,
            "language": language or "",
            "text": text or "",
            "at_s": made_s,
            "pictures": pictures or 0,
            "corrects": corrects,
            "corrected_by": corrected_by.get(serial),
            "together": together,
        }
        | fate_json(fate_of(desk, parcel_id or b""))
        for (
            serial,
            title,
            language,
            text,
            made_s,
            pictures,
            corrects,
            together,
            parcel_id,
        ) in rows
    ]


def cards_json(desk: Desk) -> list[dict[str, Any]]:
    """The cards that are on their way as public documents."""
    rows = desk.vault.rows(
        "SELECT id, number, about, made_s FROM outgoing WHERE what = ? ORDER BY number DESC",
        DocumentClass.CARD.name.lower(),
    )
    return [
        {"serial": int(about.split()[-1]), "number": number, "at_s": made_s}
        | fate_json(fate_of(desk, parcel_id))
        for parcel_id, number, about, made_s in rows
    ]
