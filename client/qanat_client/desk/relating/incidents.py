"""What an incident holds: its reports, what they count, their files, and who gathered them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from qanat_client.desk.decision_log import Logged, decision_log
from qanat_client.desk.desk import Desk
from qanat_client.desk.finding import Wish, find
from qanat_client.desk.inbox import Item, readable_items
from qanat_client.desk.relating.figures import Comparison, figures_of_incident

__all__ = ["Contents", "contents_of", "media_json"]


@dataclass(frozen=True, slots=True)
class Contents:
    """An incident's reports in the order of arrival, its figures, and the changes made to it.
    lost: the ids of those that can't be read."""

    items: tuple[Item, ...]
    lost: tuple[bytes, ...]
    figures: tuple[Comparison, ...]
    log: tuple[Logged, ...]


def contents_of(desk: Desk, incident: bytes) -> Contents:
    """All of it; a report that is not catalogued yet is not in it."""
    ids = find(desk.vault, Wish(incident=incident))[::-1]
    items, lost = readable_items(desk.vault, ids)
    return Contents(
        tuple(items),
        tuple(lost),
        tuple(figures_of_incident(desk.vault, incident)),
        tuple(decision_log(desk).incident_history(incident)),
    )


def media_json(items: Sequence[Item]) -> list[dict[str, Any]]:
    """Every file of these reports, and which of its renditions are here and verified."""
    return [
        {
            "report": item.report_id.hex(),
            "file": number,
            "name": file.name,
            "media_type": file.media_type,
            "size_bytes": file.size,
            "sha256": file.sha256.hex(),
            "here": [
                part.part.rendition.name.lower()
                for part in item.parts
                if part.part.file == number and part.state == "verified"
            ],
        }
        for item in items
        for number, file in enumerate(item.report.files)
    ]
