"""What of a report may be published: nothing that ties it to a phone, a person or a transmission.

A report's id, its files' hashes, its parcels and its author's key are on the phone that wrote it,
and at relays: whoever has one of them and a publication that names it has proof. They are left
out, and what a publication is called by follows from a secret of this desk.
"""

from __future__ import annotations

import hmac
import uuid
from collections.abc import Mapping, Sequence
from secrets import token_hex
from typing import Any, Final

from qanat_client.desk.decisions import ReportState, What, decode_decision
from qanat_client.desk.vault import Vault, in_portions
from qanat_protocol.days import day_of, iso
from qanat_protocol.labels import label

__all__ = ["Names", "names_of", "public_value", "published_s"]

_SECRET_SETTING: Final = "publication_secret"  # noqa: S105 - the name of a setting
_SECRET_BYTES: Final = 32
_EXTENSIONS: Final = {"image": "jpg", "video": "webm", "audio": "webm"}


class Names:
    """What reports and the feed are called by in publications: always the same at one desk."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def urn(self, named: bytes) -> str:
        """`urn:uuid:` of a report or a desk by its id; nobody without the vault can tell which."""
        digest = bytearray(hmac.digest(self._secret, label("publication") + named, "sha256")[:16])
        # A UUID of version 8 (RFC 9562 section 5.8).
        digest[6] = digest[6] & 0x0F | 0x80
        digest[8] = digest[8] & 0x3F | 0x80
        return f"urn:uuid:{uuid.UUID(bytes=bytes(digest))}"


def names_of(vault: Vault) -> Names:
    """This desk's; their secret is made with the first publication."""
    found = vault.setting(_SECRET_SETTING)
    if found is None:
        with vault.transaction():
            found = vault.setting(_SECRET_SETTING) or token_hex(_SECRET_BYTES)
            vault.set_setting(_SECRET_SETTING, found)
    return Names(bytes.fromhex(found))


def published_s(vault: Vault, report_ids: Sequence[bytes]) -> dict[bytes, int]:
    """When each was marked as published, by the clock of whoever did it; only of those that are."""
    found = {}
    for some in in_portions(report_ids):
        marks = ", ".join("?" * len(some))
        for report_id, content in vault.rows(
            "SELECT r.subject, d.content FROM registers r JOIN decisions d ON d.id = r.decision"  # noqa: S608
            f" WHERE r.what = ? AND r.number = ? AND r.subject IN ({marks})",
            int(What.STATE),
            int(ReportState.PUBLISHED),
            *some,
        ):
            found[report_id] = decode_decision(content).at_s
    return found


def public_value(value: Mapping[str, Any], names: Names, *, pseudonym: bool) -> dict[str, Any]:
    """What may be published of a report as `json_of` has it. `pseudonym`: with its alias."""
    corrects = value["corrects"] if value["reference_counts"] else None
    return {
        "id": names.urn(bytes.fromhex(value["id"])),
        **({"alias": value["alias"]} if pseudonym else {}),
        # Hours are for whoever looks through the records of a network.
        "written_day": value["written_s"] and iso(day_of(value["written_s"])),
        "language": value["language"],
        "text": value["text"],
        "what": value["what"],
        "where": value["where"],
        "when": value["when"],
        "basis": value["basis"],
        "figures": value["figures"],
        "state": value["state"] if value["state"] in ("corrected", "withdrawn") else "complete",
        "corrects": corrects and names.urn(bytes.fromhex(corrects)),
        # Names of files are the source's own words, often with a time in them.
        "files": [
            {"name": _file_name(number, file["media_type"]), "media_type": file["media_type"]}
            for number, file in enumerate(value["files"])
        ],
    }


def _file_name(number: int, media_type: str) -> str:
    extension = _EXTENSIONS.get(media_type.partition("/")[0], "bin")
    return f"file-{number + 1}.{extension}"
