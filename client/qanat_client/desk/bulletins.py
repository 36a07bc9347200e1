"""Public documents of the desk: bulletins, and its cards for those who cannot fetch them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from qanat_client.desk.desk import Desk
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

__all__ = ["BULLETIN_DAYS", "is_card_queued", "picture_of", "queue_bulletin", "queue_card"]

BULLETIN_DAYS = 90
"""For how long relays carry a bulletin."""

MAX_PICTURES = 4


def picture_of(path: Path) -> Picture:
    """A picture file as a small JPEG without metadata. Raises BadInput for what is none."""
    try:
        # Pillow is the desk's extra, and only pictures need it.
        from qanat_client.reporter.pictures import render

        made = render(path)
    except ImportError as error:
        raise BadInput(
            "pictures need Pillow: install Qanat with its 'desk' extra: pip install '.[desk]'"
            " in its folder"
        ) from error
    if made.preview is None:
        raise BadInput(f"{path} can't be used as a picture: {made.problem or 'it stays too large'}")
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
) -> None:
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


def queue_bulletin(
    desk: Desk, text: str, *, title: str, language: str, pictures: Sequence[Picture]
) -> int:
    """Sign a bulletin and queue it for every relay; returns its serial.

    Raises BadInput for what does not fit a bulletin.
    """
    if not text and not title and not pictures:
        raise BadInput("a bulletin needs a text, a title or a picture")
    if len(pictures) > MAX_PICTURES:
        raise BadInput(f"a bulletin has at most {MAX_PICTURES} pictures")
    with desk.vault.transaction():
        newest = desk.vault.value(
            "SELECT max(serial) FROM documents WHERE class = ?", int(DocumentClass.BULLETIN)
        )
        serial = (newest or 0) + 1
        try:
            _queue(
                desk,
                document_class=DocumentClass.BULLETIN,
                serial=serial,
                expiry_day=desk.today + BULLETIN_DAYS,
                title=title,
                about=title or text[:40],
                language=language,
                text=text,
                pictures=pictures,
            )
        except LocalError as error:
            raise BadInput(f"the bulletin can't be sent: {error}") from error
    return serial


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
