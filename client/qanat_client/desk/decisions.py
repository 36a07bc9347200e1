"""Decisions of editors as signed records: what was decided about a report, by whom, after what.

A record is canonical msgpack: version 1, author's key (32 bytes), clock, unix seconds, what,
subject, part, number, words; the last four as the table of `What` says. The signature covers the
desk's id and the record. Never asks which decision is in force: that is `standing`.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Collection
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final

from qanat_client.desk.faults import ForeignDecision
from qanat_protocol.errors import Malformed, our_own
from qanat_protocol.fields import Field, binary, line, row, text, uint, version
from qanat_protocol.hashing import sha256
from qanat_protocol.labels import label
from qanat_protocol.limits import HASH_BYTES, SIGNING_KEY_BYTES
from qanat_protocol.record import Value, pack_checked, unpack
from qanat_protocol.signing import SigningKey, check_key, verify_signature

__all__ = [
    "INCIDENT_BYTES",
    "Change",
    "Confidence",
    "Decision",
    "Element",
    "ReportState",
    "What",
    "assess",
    "decision_id",
    "decode_decision",
    "delete_incident",
    "encode_decision",
    "gather",
    "mark_read",
    "mute",
    "name_incident",
    "set_state",
    "sign_decision",
    "star",
    "tag",
    "tag_of",
    "verify_decision",
]

INCIDENT_BYTES: Final = 16
"""An incident's id: random."""

MAX_TAG_BYTES: Final = 64
MAX_NAME_BYTES: Final = 256
MAX_NOTE_BYTES: Final = 4096
MAX_RECORD_BYTES: Final = 8192
"""More than a record with the longest note has."""

_LABEL: Final = "decision"


class What(IntEnum):
    """What is decided. Behind each: subject; part; number; words."""

    STATE = 1
    """A report; -; ReportState; -."""
    ELEMENT = 2
    """A report; one byte, the Element; Confidence; a note."""
    STARRED = 3
    """A report; -; 0 or 1; -."""
    TAG = 4
    """A report; the tag in UTF-8; 1 added, 0 removed; -."""
    READ = 5
    """A report; -; 0 or 1; -."""
    MUTED = 6
    """A pseudonym's key; -; 0 or 1; -."""
    INCIDENT = 7
    """An incident's id; -; -; its name."""
    GATHERED = 8
    """An incident's id; a report; 1 added, 0 removed; -."""
    DELETED = 9
    """An incident's id; -; 1 deleted, 0 brought back; -. Counts while no report is in it."""


class ReportState(IntEnum):
    """How far the desk has come with a report."""

    NEW = 0
    CHECKING = 1
    CORROBORATED = 2
    DOUBTFUL = 3
    PUBLISHED = 4
    REJECTED = 5


class Element(IntEnum):
    """What of a report is checked on its own."""

    SOURCE = 0
    DATE = 1
    PLACE = 2
    CONTENT = 3


class Confidence(IntEnum):
    """How sure the desk is of an element."""

    UNKNOWN = 0
    LOW = 1
    MEDIUM = 2
    HIGH = 3


@dataclass(frozen=True, slots=True)
class Change:
    """What a decision says, without who says it; What has the meaning of each field."""

    what: What
    subject: bytes
    part: bytes = b""
    number: int = 0
    words: str = ""

    @property
    def register(self) -> tuple[What, bytes, bytes]:
        """What a later decision replaces."""
        return self.what, self.subject, self.part


@dataclass(frozen=True, slots=True)
class Decision:
    """A change, and who made it.

    `clock` is above that of every decision that the author knew; `at_s` unix seconds by the
    author's own clock, which orders nothing.
    """

    author: bytes
    clock: int
    at_s: int
    change: Change


def set_state(report_id: bytes, state: ReportState) -> Change:
    """A report's state."""
    return Change(What.STATE, report_id, number=state)


def assess(report_id: bytes, element: Element, confidence: Confidence, note: str = "") -> Change:
    """How sure the desk is of one element, and why."""
    return Change(What.ELEMENT, report_id, bytes([element]), confidence, note)


def star(report_id: bytes, is_starred: bool = True) -> Change:
    """A star on a report, or none any more."""
    return Change(What.STARRED, report_id, number=int(is_starred))


def tag(report_id: bytes, words: str, is_added: bool = True) -> Change:
    """A tag (see `tag_of`) on a report, or not any more."""
    return Change(What.TAG, report_id, words.encode(), int(is_added))


def mark_read(report_id: bytes, is_read: bool = True) -> Change:
    """Whether somebody has read a report."""
    return Change(What.READ, report_id, number=int(is_read))


def mute(author: bytes, is_muted: bool = True) -> Change:
    """A pseudonym whose reports are left out of lists, or not any more."""
    return Change(What.MUTED, author, number=int(is_muted))


def name_incident(incident: bytes, name: str) -> Change:
    """An incident's name: its first makes it."""
    return Change(What.INCIDENT, incident, words=name)


def gather(incident: bytes, report_id: bytes, is_added: bool = True) -> Change:
    """A report in an incident, or not any more."""
    return Change(What.GATHERED, incident, report_id, int(is_added))


def delete_incident(incident: bytes, is_deleted: bool = True) -> Change:
    """An incident that is not needed any more, or is again."""
    return Change(What.DELETED, incident, number=int(is_deleted))


def tag_of(given: str) -> str:
    """A tag as it is kept: whatever the keyboard, the same tag is the same bytes."""
    return " ".join(unicodedata.normalize("NFC", given).casefold().split())


def encode_decision(decision: Decision) -> bytes:
    """The record. Raises a `LocalError` for what `decode_decision` would not take."""
    change = decision.change
    fields: list[Value] = [
        1,
        decision.author,
        decision.clock,
        decision.at_s,
        int(change.what),
        change.subject,
        change.part,
        int(change.number),
        change.words,
    ]
    with our_own():
        _checked(fields)
    return pack_checked(fields)


def decode_decision(content: bytes) -> Decision:
    """The decision in a record. Raises a `RemoteError`."""
    return _checked(unpack(content, max_bytes=MAX_RECORD_BYTES))


def decision_id(content: bytes) -> bytes:
    """The id (32 bytes) of a decision, over its record."""
    return sha256(label("decision-id"), content)


def sign_decision(key: SigningKey, desk_id: bytes, content: bytes) -> bytes:
    """The author's signature (65 bytes) over a record for one desk."""
    return key.sign(_LABEL, desk_id, content)


def verify_decision(
    content: bytes, signature: bytes, *, desk_id: bytes, editors: Collection[bytes]
) -> Decision:
    """The decision in a record that one of these editors signed for this desk.

    Raises ForeignDecision for another author, and a `RemoteError`: what `decode_decision` raises,
    BadSignature, UnknownSuite, Malformed where there is no signature.
    """
    decision = decode_decision(content)
    if decision.author not in editors:
        raise ForeignDecision(f"a decision by {decision.author[:8].hex()}, no editor of this desk")
    verify_signature(decision.author, signature, _LABEL, desk_id, content)
    return decision


def _author(value: Value) -> bytes:
    key = _KEY(value)
    check_key(key)
    return key


def _checked(unpacked: list[Value]) -> Decision:
    _, author, clock, at_s, number, *said = _FIELDS(unpacked)
    what = What(number)
    subject, part, value, words = _SAID[what](list(said))
    if what is What.ELEMENT and part[0] > max(Element):
        raise Malformed(f"element {part[0]}; this program knows 0 to {int(max(Element))}")
    if what is What.TAG:
        _check_tag(part)
    if what is What.MUTED:
        check_key(subject)
    return Decision(author, clock, at_s, Change(what, subject, part, value, words))


def _check_tag(part: bytes) -> None:
    try:
        words = part.decode()
    except UnicodeDecodeError as error:
        raise Malformed("a tag is not UTF-8") from error
    _TAG(words)
    if tag_of(words) != words:
        raise Malformed("a tag is not in the form in which tags are kept")


_KEY = binary(SIGNING_KEY_BYTES)
_TAG = line(MAX_TAG_BYTES, least=1)
_ANY = binary(most=MAX_RECORD_BYTES)
_FIELDS: Field[tuple[Any, ...]] = row(
    version(),
    _author,
    uint(least=1),
    uint(),
    uint(least=min(What), most=max(What)),
    _ANY,
    _ANY,
    uint(),
    text(MAX_NOTE_BYTES),
)


def _said(subject: int, part: Field[bytes], most: int, words: Field[str]) -> Field[tuple[Any, ...]]:
    return row(binary(subject), part, uint(most=most), words)


_NOTHING = binary(0)
_NO_WORDS = line(0)
_SAID: Final = {
    What.STATE: _said(HASH_BYTES, _NOTHING, max(ReportState), _NO_WORDS),
    What.ELEMENT: _said(HASH_BYTES, binary(1), max(Confidence), text(MAX_NOTE_BYTES)),
    What.STARRED: _said(HASH_BYTES, _NOTHING, 1, _NO_WORDS),
    What.TAG: _said(HASH_BYTES, binary(least=1, most=MAX_TAG_BYTES), 1, _NO_WORDS),
    What.READ: _said(HASH_BYTES, _NOTHING, 1, _NO_WORDS),
    What.MUTED: _said(SIGNING_KEY_BYTES, _NOTHING, 1, _NO_WORDS),
    What.INCIDENT: _said(INCIDENT_BYTES, _NOTHING, 0, line(MAX_NAME_BYTES, least=1)),
    What.GATHERED: _said(INCIDENT_BYTES, binary(HASH_BYTES), 1, _NO_WORDS),
    What.DELETED: _said(INCIDENT_BYTES, _NOTHING, 1, _NO_WORDS),
}
