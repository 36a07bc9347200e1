"""Files put through a darkroom, as the desk does it, and what came of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from qanat_client.desk.media.asking import Form, Head, Job
from qanat_client.desk.media.darkroom import Darkroom
from qanat_client.desk.media.limits import FILM_LIMITS, PICTURE_LIMITS, Limits
from qanat_client.desk.media.room import whole

PIECE_BYTES = 1 << 16


@dataclass(frozen=True)
class Developed:
    """What came out. note: what was left out."""

    head: Head
    data: bytes
    note: str


def in_pieces(data: bytes) -> Iterator[bytes]:
    """The file as it comes from the spool."""
    for at in range(0, len(data), PIECE_BYTES):
        yield data[at : at + PIECE_BYTES]


def developed(
    darkroom: Darkroom,
    form: Form,
    data: bytes,
    *,
    limits: Limits | None = None,
    boxes: tuple[tuple[float, float, float, float], ...] = (),
    **changed: Any,
) -> Developed:
    """All that a file is made into; `changed` are limits that are not the usual ones."""
    usual = FILM_LIMITS if form in (Form.FILM, Form.SOUND, Form.PUBLIC) else PICTURE_LIMITS
    job = Job(form, len(data), replace(limits or usual, **changed), boxes)
    development = darkroom.develop(job, in_pieces(data))
    head, out = whole(development)
    return Developed(head, out, development.note)
