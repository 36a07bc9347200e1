"""Public documents of the desk: bulletins, and its cards for those who cannot fetch them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

from qanat_client.desk.corrections import Corrected, Wording, corrected, correction_of
from qanat_client.desk.desk import Desk, check_can_sign
from qanat_client.desk.outgoing import Outbox
from qanat_client.errors import BadInput
from qanat_protocol.errors import LocalError
from qanat_protocol.public import (
    NO_DOCUMENT_BEFORE,
    DocumentClass,
    Picture,
    parse_public,
    seal_public,
)

__all__ = [
    "BULLETIN_DAYS",
    "is_card_queued",
    "picture_of",
    "queue_bulletin",
    "queue_card",
]

BULLETIN_DAYS = 90
"""For how long relays carry a bulletin."""

MAX_PICTURES = 4


def picture_of(given: Path | BinaryIO, name: str = "") -> Picture:
    """A picture file as a small JPEG without metadata; `name` is what errors call it. Raises
    BadInput for what is none."""
    try:
        # Pillow is the desk's extra, and only pictures need it.
        from qanat_client.reporter.pictures import render

        made = render(given)
    except ImportError as error:
        raise BadInput(
            "pictures need Pillow: install Qanat with its 'desk' extra: pip install '.[desk]'"
            " in its folder"
        ) from error
    if made.preview is None:
        raise BadInput(
            f"{name or given} can't be used as a picture: {made.problem or 'it stays too large'}"
        )
    return Picture("image/jpeg", made.preview)


def _queue(
    desk: Desk,
    *,
    document_class: DocumentClass,
    serial: int,
    expiry_day: int,
    title: str,
    about: str,
    language: str = "",
    text: str = "",
    pictures: Sequence[Picture] = (),
    card: bytes | None = None,
) -> bytes:
    """Sign, chain and queue one; returns the id of its parcel."""
    before = desk.vault.value(
        "SELECT hash FROM documents WHERE class = ? AND serial < ? ORDER BY serial DESC LIMIT 1",
        int(document_class),
        serial,
    )
    sealed = seal_public(
        desk.signing,
        statement=desk.card.statement_bytes,
        document_class=document_class,
        serial=serial,
        previous=NO_DOCUMENT_BEFORE if before is None else before,
        issued_day=desk.today,
        expiry_day=expiry_day,
        language=language,
        title=title,
        text=text,
        pictures=tuple(pictures),
        card=card,
    )
    document = parse_public(sealed.header, sealed.body)
    desk.vault.run(
        "INSERT INTO documents VALUES (?, ?, ?, ?, ?)",
        int(document_class),
        serial,
        document.document_hash,
        title,
        sealed.content_key,
    )
    Outbox(desk.vault).add(
        sealed.header,
        sealed.body,
        what=document_class.name.lower(),
        about=about,
        made_s=int(desk.clock()),
    )
    return sealed.header.parcel_id


def queue_bulletin(
    desk: Desk,
    wordings: Sequence[Wording],
    *,
    pictures: Sequence[Picture] = (),
    corrects: int | None = None,
) -> list[int]:
    """Sign a bulletin in each of these languages and queue all for every relay; their serials.

    `corrects` is the serial of one that this corrects: a reader has no other word for it than the
    title and the first line, which say so. All are queued, or none. Raises BadInput for what does
    not fit a bulletin, UnknownBulletin, and as `check_can_sign`.
    """
    check_can_sign(desk)
    if not wordings:
        raise BadInput("a bulletin needs a text")
    if len({wording.language for wording in wordings}) < len(wordings):
        raise BadInput("one bulletin says a thing in each language once")
    if len(pictures) > MAX_PICTURES:
        raise BadInput(f"a bulletin has at most {MAX_PICTURES} pictures")
    with desk.vault.transaction():
        newest = desk.vault.value(
            "SELECT max(serial) FROM documents WHERE class = ?", int(DocumentClass.BULLETIN)
        )
        first = (newest or 0) + 1
        serials = list(range(first, first + len(wordings)))
        for serial, wording in zip(serials, wordings, strict=True):
            before = None if corrects is None else corrected(desk.vault, corrects, wording.language)
            _queue_wording(
                desk, wording, serial=serial, together=first, pictures=pictures, before=before
            )
    return serials


def _queue_wording(
    desk: Desk,
    wording: Wording,
    *,
    serial: int,
    together: int,
    pictures: Sequence[Picture],
    before: Corrected | None,
) -> None:
    said = wording if before is None else correction_of(wording, before)
    if not wording.text and not wording.title and not pictures:
        raise BadInput("a bulletin needs a text, a title or a picture")
    try:
        parcel_id = _queue(
            desk,
            document_class=DocumentClass.BULLETIN,
            serial=serial,
            expiry_day=desk.today + BULLETIN_DAYS,
            title=said.title,
            about=said.title or said.text[:40],
            language=said.language,
            text=said.text,
            pictures=pictures,
        )
    except LocalError as error:
        raise BadInput(f"the bulletin can't be sent: {error}") from error
    desk.vault.run(
        "INSERT INTO bulletins (serial, parcel_id, made_s, language, title, text, pictures,"
        " corrects, together) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        serial,
        parcel_id,
        int(desk.clock()),
        said.language,
        said.title,
        said.text,
        len(pictures),
        None if before is None else before.serial,
        together,
    )


def is_card_queued(desk: Desk) -> bool:
    """Whether the newest card was published; the first one goes from hand to hand."""
    found = desk.vault.value(
        "SELECT 1 FROM documents WHERE class = ? AND serial = ?",
        int(DocumentClass.CARD),
        desk.card.serial,
    )
    return desk.card.serial == 1 or found is not None


def queue_card(desk: Desk) -> None:
    """Queue the newest card as a public document, so that it reaches the country by itself."""
    card = desk.card
    with desk.vault.transaction():
        _queue(
            desk,
            document_class=DocumentClass.CARD,
            serial=card.serial,
            expiry_day=card.expiry_day(card.last_epoch),
            title=card.name,
            about=f"card {card.serial}",
            card=card.envelope,
        )
