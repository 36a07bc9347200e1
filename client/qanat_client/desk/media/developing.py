"""What each form is made by, inside the worker. Importing this loads every decoder."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping
from typing import Final

from qanat_client.desk.media import pictures, recordings
from qanat_client.desk.media.asking import Form, Head, Job, NotShown, Piece
from qanat_client.desk.media.films import (
    film,
    poster,
    poster_image,
    published_recording,
    recorded_forms,
    sound,
)
from qanat_client.desk.media.formats import FIRST_BYTES, Format, format_of, refusal_of
from qanat_client.desk.media.likeness import can_hash, print_of
from qanat_client.desk.media.particulars import particulars_of
from qanat_client.desk.media.pictures import decoded, opened, picture, published

__all__ = ["JOBS", "Emit", "Task", "can_hash", "warm_up"]

Emit = Callable[[Head | Piece], None]
Task = Callable[[Job, io.BytesIO, Emit], str]
"""Sends what it makes; returns what was left out of it, in words."""

_PIECE_BYTES: Final = 512 << 10
_HASHED_SIDE: Final = 1024
_FOR: Final = {
    Form.PICTURE: "picture",
    Form.BLACKED: "picture",
    Form.POSTER: "recording",
    Form.FILM: "recording",
    Form.SOUND: "recording",
}


def warm_up() -> None:
    """Load what the libraries load late."""
    pictures.warm_up()
    recordings.warm_up()


def _format(data: io.BytesIO, form: Form) -> Format:
    first = bytes(data.getbuffer()[:FIRST_BYTES])
    found = format_of(first)
    if found is None:
        raise NotShown(refusal_of(first))
    if found.kind != _FOR.get(form, found.kind):
        raise NotShown(f"this is a {found.words} and no {form.value}")
    return found


def _send(head: Head, made: bytes, emit: Emit) -> str:
    emit(head)
    for at in range(0, len(made), _PIECE_BYTES):
        emit(Piece(at, made[at : at + _PIECE_BYTES]))
    return ""


def _picture(job: Job, data: io.BytesIO, emit: Emit) -> str:
    return _send(*picture(data, _format(data, job.form)), emit)


def _poster(job: Job, data: io.BytesIO, emit: Emit) -> str:
    return _send(*poster(data, _format(data, job.form)), emit)


def _blacked(job: Job, data: io.BytesIO, emit: Emit) -> str:
    found = _format(data, job.form)
    return _send(*published(opened(data, found), found, job.boxes), emit)


def _public(job: Job, data: io.BytesIO, emit: Emit) -> str:
    found = _format(data, job.form)
    if found.kind == "picture":
        return _send(*published(opened(data, found), found, ()), emit)
    return published_recording(data, found, emit, job.limits.output_bytes)


def _film(job: Job, data: io.BytesIO, emit: Emit) -> str:
    return film(data, _format(data, job.form), emit, job.limits.output_bytes)


def _sound(job: Job, data: io.BytesIO, emit: Emit) -> str:
    return sound(data, _format(data, job.form), emit, job.limits.output_bytes)


def _particulars(job: Job, data: io.BytesIO, emit: Emit) -> str:
    found = _format(data, job.form)
    return _send(Head("application/json", found.words), particulars_of(data, found).as_json(), emit)


def _forms(job: Job, data: io.BytesIO, emit: Emit) -> str:
    found = _format(data, job.form)
    told = {Form.PICTURE: ""} if found.kind == "picture" else recorded_forms(data, found)
    return _send(Head("application/json", found.words), json.dumps(told).encode(), emit)


def _print(job: Job, data: io.BytesIO, emit: Emit) -> str:
    found = _format(data, job.form)
    if found.kind == "picture":
        image = decoded(opened(data, found), found, _HASHED_SIDE)
    else:
        image = poster_image(data, found)
    return _send(Head("application/json", found.words), print_of(image), emit)


JOBS: Final[Mapping[Form, Task]] = {
    Form.PICTURE: _picture,
    Form.POSTER: _poster,
    Form.FILM: _film,
    Form.SOUND: _sound,
    Form.PARTICULARS: _particulars,
    Form.FORMS: _forms,
    Form.PRINT: _print,
    Form.BLACKED: _blacked,
    Form.PUBLIC: _public,
}
