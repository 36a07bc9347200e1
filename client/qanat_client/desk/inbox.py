"""The reports as an editor sees them: with what has arrived, what corrects them, who held them.

What only the writer or a relay claims is kept apart from what this desk has verified.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from qanat_client.desk.faults import UnknownReport, VaultDamaged
from qanat_client.desk.vault import Row, Vault, in_portions
from qanat_client.errors import BadInput
from qanat_protocol.card import parse_card
from qanat_protocol.days import day_of, iso
from qanat_protocol.part import Rendition
from qanat_protocol.report import PartRef, Report, decode_report

__all__ = [
    "REFERENCES",
    "Custody",
    "Item",
    "PartState",
    "Reference",
    "SetAside",
    "inbox",
    "item_of",
    "items_of",
    "readable_items",
    "report_in",
    "reports_of",
    "set_aside",
]

SHORT_ID_DIGITS = 8
MIN_ID_DIGITS = 4
PSEUDONYM_DIGITS = 20
ID_DIGITS = 64
IDS_NAMED = 20
REFERENCES = "what corrects or withdraws it"
_UNREAD = ("unknown", None)
"""The state of a part that is on a damaged page."""


@dataclass(frozen=True, slots=True)
class PartState:
    """One rendition of a file, and whether it is here and verified."""

    part: PartRef
    state: str
    verdict: int | None


@dataclass(frozen=True, slots=True)
class Reference:
    """A report that says that it corrects or withdraws another.

    `counts` only if both have the same author; otherwise it is somebody's claim.
    """

    report_id: bytes
    withdraws: bool
    counts: bool

    @property
    def words(self) -> str:
        """For people."""
        if self.counts:
            return "withdrawn by" if self.withdraws else "corrected by"
        return (
            "somebody else claims to withdraw it:"
            if self.withdraws
            else ("somebody else claims to correct it:")
        )


@dataclass(frozen=True, slots=True)
class Custody:
    """One relay's word that it held a parcel of this report on a day."""

    parcel_id: bytes
    relay: bytes
    day: int
    receipt: bytes


@dataclass(frozen=True, slots=True)
class Item:
    """A report in the inbox."""

    report_id: bytes
    report: Report
    arrived_s: int
    urgent: bool
    parts: tuple[PartState, ...]
    references: tuple[Reference, ...]
    custody: tuple[Custody, ...]
    letters: tuple[bytes, ...]
    expiry_day: int
    checkpoint_document: str | None
    refers_counts: bool | None
    unreadable: tuple[str, ...] = ()
    """What of it is on a damaged page and shown as if it were not there, in words."""

    @property
    def short_id(self) -> str:
        """Enough of the id to name it by."""
        return self.report_id.hex()[:SHORT_ID_DIGITS]

    @property
    def pseudonym(self) -> str:
        """The same for all reports of one code: 20 digits of the author's key.

        80 bits: nobody can make a key that looks like another's.
        """
        digits = self.report.author.hex()
        return "-".join(digits[at : at + 4] for at in range(0, PSEUDONYM_DIGITS, 4))

    @property
    def files_here(self) -> int:
        """How many files are here, untouched and verified."""
        return sum(
            part.part.rendition is Rendition.ORIGINAL and part.state == "verified"
            for part in self.parts
        )

    def original_of(self, file: int) -> PartState:
        """The part that brings a file."""
        return next(
            part
            for part in self.parts
            if part.part.file == file and part.part.rendition is Rendition.ORIGINAL
        )

    @property
    def is_withdrawn(self) -> bool:
        """Whether its own author withdrew it."""
        return any(ref.counts and ref.withdraws for ref in self.references)

    @property
    def is_corrected(self) -> bool:
        """Whether its own author corrected it."""
        return any(ref.counts and not ref.withdraws for ref in self.references)

    @property
    def state(self) -> str:
        """One word for the list."""
        if self.is_withdrawn:
            return "withdrawn"
        if self.is_corrected:
            return "corrected"
        return "complete" if self.files_here == len(self.report.files) else "files missing"

    @property
    def day(self) -> int:
        """The day on which it arrived here."""
        return day_of(self.arrived_s)

    @property
    def custody_words(self) -> str:
        """How many relays say that they held its letter, and since when by the word of all."""
        since: dict[bytes, int] = {}
        for word in self.custody:
            if word.parcel_id in self.letters:
                since[word.relay] = min(word.day, since.get(word.relay, word.day))
        return f"{iso(max(since.values()))} x{len(since)}" if since else "-"


@dataclass(frozen=True, slots=True)
class SetAside:
    """A parcel that did not open or verify, and why."""

    parcel_id: bytes
    kind: int
    verdict: int
    detail: str
    arrived_s: int
    relay: bytes


def _documents(vault: Vault) -> dict[bytes, str]:
    """The desk's own signed documents by hash: what a checkpoint can name."""
    found = {
        parse_card(envelope).card_hash: f"this desk's card {serial}"
        for serial, envelope in vault.rows("SELECT serial, envelope FROM cards")
    }
    for number, serial, document_hash in vault.rows("SELECT class, serial, hash FROM documents"):
        found[document_hash] = f"this desk's {'bulletin' if number == 1 else 'card'} {serial}"
    return found


def inbox(vault: Vault, digits: str = "") -> list[Item]:
    """The reports whose id begins with these hexadecimal digits, in the order of arrival."""
    first, last = (bytes.fromhex(digits.ljust(ID_DIGITS, fill)) for fill in "0f")
    if first == last:
        # Looks at no other report, which may be on a damaged page.
        rows = vault.rows("SELECT id FROM reports WHERE id = ?", first)
    else:
        rows = vault.rows(
            "SELECT id FROM reports WHERE id BETWEEN ? AND ? ORDER BY arrived_s, id", first, last
        )
    return items_of(vault, [report_id for (report_id,) in rows])


def items_of(vault: Vault, report_ids: Sequence[bytes]) -> list[Item]:
    """These reports of the vault, in this order. Raises VaultDamaged where one can't be read."""
    items, lost = readable_items(vault, report_ids)
    if lost:
        raise VaultDamaged(f"{_named(lost)} can't be read: a page of the vault is damaged")
    return items


def readable_items(vault: Vault, report_ids: Sequence[bytes]) -> tuple[list[Item], list[bytes]]:
    """Those that can be read, in this order, and the ids of those that can't."""
    unread: set[str] = set()
    try:
        documents = _documents(vault)
    except VaultDamaged:
        documents = {}
        unread.add("the desk's own documents")
    items: list[Item] = []
    lost: list[bytes] = []
    for some in in_portions(report_ids):
        try:
            items += _items(vault, some, documents, None)
        except VaultDamaged:
            for report_id in some:
                try:
                    items += _items(vault, [report_id], documents, {*unread})
                except VaultDamaged:
                    lost.append(report_id)
    return items, lost


def _named(report_ids: Sequence[bytes]) -> str:
    digits = " ".join(report_id.hex()[:SHORT_ID_DIGITS] for report_id in report_ids[:IDS_NAMED])
    return f"report {digits}" if len(report_ids) == 1 else f"{len(report_ids)} reports ({digits})"


def _items(
    vault: Vault,
    report_ids: Sequence[bytes],
    documents: dict[bytes, str],
    unread: set[str] | None,
) -> list[Item]:
    """unread: None to raise VaultDamaged; else what beside the report can't be read is left out of
    it and named there."""
    # Numbered, since one query names them twice.
    marks = f"({', '.join(f'?{number}' for number in range(1, len(report_ids) + 1))})"

    def rows(query: str, what: str | None = None) -> list[Row]:
        try:
            return vault.rows(query.replace("(IDS)", marks), *report_ids)
        except VaultDamaged:
            if unread is None or what is None:
                raise
            unread.add(what)
            return []

    states = {
        (report_id, file, rendition): (state, verdict)
        for report_id, file, rendition, state, verdict in rows(
            "SELECT report_id, file, rendition, state, verdict FROM parts WHERE report_id IN (IDS)",
            "what arrived of its files",
        )
    }
    found = {
        row[0]: row
        for row in rows(
            "SELECT id, content, arrived_s, urgent, author, refers FROM reports WHERE id IN (IDS)"
        )
    }
    expiry_days: dict[bytes, int] = {
        row[0]: row[1]
        for row in rows(
            "SELECT r.id, p.expiry_day FROM reports r JOIN parcels p ON p.id = r.parcel_id"
            " WHERE r.id IN (IDS)",
            "the parcel that brought it",
        )
    }
    authors = {report_id: row[4] for report_id, row in found.items()}
    for report_id, author in rows(
        "SELECT id, author FROM reports WHERE id IN (SELECT refers FROM reports WHERE id IN (IDS))",
        REFERENCES,
    ):
        authors[report_id] = author
    letters: dict[bytes, list[bytes]] = {}
    for parcel_id, report_id in rows(
        "SELECT parcel_id, report_id FROM copies WHERE report_id IN (IDS)",
        "the parcel that brought it",
    ):
        letters.setdefault(report_id, []).append(parcel_id)
    references: dict[bytes, list[Reference]] = {}
    for report_id, author, refers, withdraws in rows(
        "SELECT id, author, refers, withdraws FROM reports WHERE refers IN (IDS)"
        " ORDER BY arrived_s, id",
        REFERENCES,
    ):
        reference = Reference(report_id, bool(withdraws), authors.get(refers) == author)
        references.setdefault(refers, []).append(reference)
    custody: dict[bytes, list[Custody]] = {}
    for parcel_id, relay, day, receipt in rows(
        "SELECT parcel_id, relay, day, receipt FROM receipts WHERE parcel_id IN"
        " (SELECT parcel_id FROM copies WHERE report_id IN (IDS)"
        " UNION SELECT parcel_id FROM parts WHERE report_id IN (IDS))"
        " ORDER BY day, relay",
        "who held it",
    ):
        custody.setdefault(parcel_id, []).append(Custody(parcel_id, relay, day, receipt))
    items = []
    for wanted in report_ids:
        report_id, content, arrived_s, urgent, author, refers = found[wanted]
        report = decode_report(content)
        own = [*letters.get(report_id, []), *(part.parcel_id for part in report.parts)]
        known = None
        if report.checkpoint is not None:
            known = documents.get(report.checkpoint[1])
        items.append(
            Item(
                report_id=report_id,
                report=report,
                arrived_s=arrived_s,
                urgent=bool(urgent),
                parts=tuple(
                    PartState(
                        part, *states.get((report_id, part.file, int(part.rendition)), _UNREAD)
                    )
                    for part in report.parts
                ),
                references=tuple(references.get(report_id, [])),
                custody=tuple(word for parcel in own for word in custody.get(parcel, [])),
                letters=tuple(sorted(letters.get(report_id, []))),
                expiry_day=expiry_days.get(report_id, 0),
                checkpoint_document=known,
                refers_counts=None if refers is None else authors.get(refers) == author,
                unreadable=tuple(sorted(unread or ())),
            )
        )
    return items


def report_in(vault: Vault, report_id: bytes) -> Report:
    """What a report that is here says, without what has arrived of it."""
    return decode_report(vault.value("SELECT content FROM reports WHERE id = ?", report_id))


def reports_of(vault: Vault, author: bytes) -> list[bytes]:
    """The ids of all reports of one pseudonym, in the order of arrival."""
    rows = vault.rows("SELECT id FROM reports WHERE author = ? ORDER BY arrived_s, id", author)
    return [report_id for (report_id,) in rows]


def item_of(vault: Vault, wanted: str) -> Item:
    """The report whose id begins with these hexadecimal digits. Raises UnknownReport where there is
    none, BadInput for what names none or several."""
    digits = wanted.strip().lower()
    if len(digits) < MIN_ID_DIGITS or any(digit not in "0123456789abcdef" for digit in digits):
        raise BadInput(f"{wanted!r} is no report id; `qanat-desk list` shows them")
    found = inbox(vault, digits) if len(digits) <= ID_DIGITS else []
    if not found:
        raise UnknownReport(f"there is no report {digits}; `qanat-desk list` shows them")
    if len(found) > 1:
        ids = " ".join(item.report_id.hex() for item in found)
        raise BadInput(f"{len(found)} reports begin with {digits}: give more digits of one: {ids}")
    return found[0]


def set_aside(vault: Vault) -> list[SetAside]:
    """What did not open or verify, in the order of arrival."""
    return [
        SetAside(*row)
        for row in vault.rows(
            "SELECT id, kind, verdict, detail, arrived_s, relay FROM parcels"
            " WHERE state = 'set-aside' ORDER BY arrived_s, id"
        )
    ]
