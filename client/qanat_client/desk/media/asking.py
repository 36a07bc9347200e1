"""What the desk asks of the worker, and how both sides put it on a pipe. Never decodes media.

Asked: four bytes of length, a JSON object, the file. Answered: records of one byte of kind, four of
length, and that many. What comes back was perhaps written by whoever took the worker over, so every
value is checked for its kind and size before anybody reads it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any, Final

from qanat_client.desk.media.limits import Limits
from qanat_client.errors import BadInput

__all__ = [
    "Answers",
    "DecodersMissing",
    "Form",
    "Head",
    "Job",
    "NotShown",
    "Piece",
    "Readiness",
    "Record",
    "job_bytes",
    "parse_job",
    "record_bytes",
]

PIECE_BYTES: Final = 64 << 10
MAX_RECORD_BYTES: Final = 1 << 20
MAX_RECORDS: Final = 1 << 17
"""Hours of film come in fewer; each costs the server a turn of its loop."""
MAX_SENTENCE: Final = 300
_LENGTH_BYTES: Final = 4
_OFFSET_BYTES: Final = 8
_TYPES: Final = ("image/jpeg", "image/png", "video/webm", "audio/webm", "application/json")


class NotShown(BadInput):
    """The file is not shown, for the reason in the message; the original can still be exported."""


class DecodersMissing(NotShown):
    """The worker does not start: the reason says what to do. The file may be as it should."""


class Form(StrEnum):
    """What a file is made into. PRINT is its perceptual hash, BLACKED a picture with black boxes,
    PUBLIC a picture, film or sound to publish, whichever it is; FORMS says as which of picture,
    film and sound it can be shown."""

    PICTURE = "picture"
    POSTER = "poster"
    FILM = "film"
    SOUND = "sound"
    PARTICULARS = "particulars"
    FORMS = "forms"
    PRINT = "print"
    BLACKED = "blacked"
    PUBLIC = "public"


class Record(StrEnum):
    """What a record of an answer holds: a Head, a Piece, the end, or a sentence for people."""

    HEAD = "H"
    PIECE = "P"
    END = "E"
    FAULT = "F"


@dataclass(frozen=True, slots=True)
class Job:
    """One file and what to make of it. boxes: x, y, width, height in parts of 1, to be blacked."""

    form: Form
    length: int
    limits: Limits
    boxes: tuple[tuple[float, float, float, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Head:
    """What the pieces will be. words: what the file is. note: what was left out of it."""

    media_type: str
    words: str
    width: int = 0
    height: int = 0
    duration_s: float = 0.0
    note: str = ""


@dataclass(frozen=True, slots=True)
class Piece:
    """Bytes at a place; a later one may replace what an earlier one put there."""

    at: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Readiness:
    """What the worker has. has_no_network: a namespace without one. refuses_calls: the kernel lets
    it make only the calls of `confinement`. can_hash: pictures that look alike can be found."""

    has_no_network: bool = False
    refuses_calls: bool = False
    can_hash: bool = False


def job_bytes(job: Job) -> bytes:
    """What goes in front of the file."""
    text = json.dumps(asdict(job)).encode()
    return len(text).to_bytes(_LENGTH_BYTES, "big") + text


def parse_job(text: bytes) -> Job:
    """The other way, in the worker, of what its own parent wrote."""
    value = json.loads(text)
    return Job(
        Form(value["form"]),
        value["length"],
        Limits(**value["limits"]),
        tuple((x, y, width, height) for x, y, width, height in value["boxes"]),
    )


def record_bytes(record: Record, content: Head | Piece | str) -> bytes:
    """One record of an answer."""
    if isinstance(content, Head):
        payload = json.dumps(asdict(content)).encode()
    elif isinstance(content, Piece):
        payload = content.at.to_bytes(_OFFSET_BYTES, "big") + content.data
    else:
        payload = content.encode(errors="replace")
    return record.encode() + len(payload).to_bytes(_LENGTH_BYTES, "big") + payload


def _number(value: Any, most: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= most:
        raise NotShown("its decoder broke")
    return value


def _sentence(value: Any) -> str:
    if not isinstance(value, str) or len(value) > MAX_SENTENCE:
        raise NotShown("its decoder broke")
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in value)


def _head(payload: bytes) -> Head:
    try:
        value = json.loads(payload)
    except (ValueError, RecursionError):
        raise NotShown("its decoder broke") from None
    if not isinstance(value, dict) or value.get("media_type") not in _TYPES:
        raise NotShown("its decoder broke")
    return Head(
        value["media_type"],
        _sentence(value.get("words")),
        int(_number(value.get("width"), 1 << 16)),
        int(_number(value.get("height"), 1 << 16)),
        float(_number(value.get("duration_s"), 1e7)),
        _sentence(value.get("note")),
    )


@dataclass(slots=True)
class Answers:
    """Takes an answer apart as it comes. Raises NotShown for a fault, and for what is no answer."""

    # note: what was left out, known at the end.
    most_bytes: int
    is_ended: bool = False
    note: str = ""
    _waiting: bytearray = field(default_factory=bytearray)
    _head: Head | None = None
    _records: int = 0
    _sent_bytes: int = 0

    def feed(self, data: bytes) -> Iterator[Head | Piece]:
        """The records that are whole with these bytes; the first is a Head."""
        self._waiting += data
        while len(self._waiting) > _LENGTH_BYTES:
            size = int.from_bytes(self._waiting[1 : 1 + _LENGTH_BYTES], "big")
            if self.is_ended or size > MAX_RECORD_BYTES:
                raise NotShown("its decoder broke")
            end = 1 + _LENGTH_BYTES + size
            if len(self._waiting) < end:
                return
            kind = bytes(self._waiting[:1])
            payload = bytes(self._waiting[1 + _LENGTH_BYTES : end])
            del self._waiting[:end]
            self._count(size)
            if (found := self._take(kind, payload)) is not None:
                yield found

    def _count(self, size_bytes: int) -> None:
        """A muxer mends a few bytes that it sent; who sends the same for ever is stopped."""
        self._records += 1
        self._sent_bytes += size_bytes
        most_bytes = 2 * self.most_bytes + MAX_RECORD_BYTES
        if self._records > MAX_RECORDS or self._sent_bytes > most_bytes:
            raise NotShown("its decoder broke: it says more than any file holds")

    def _take(self, kind: bytes, payload: bytes) -> Head | Piece | None:
        if kind == Record.FAULT.encode():
            raise NotShown(_sentence(payload.decode(errors="replace")))
        if kind == Record.HEAD.encode() and self._head is None:
            self._head = _head(payload)
            return self._head
        if self._head is None:
            raise NotShown("its decoder broke")
        if kind == Record.PIECE.encode() and len(payload) >= _OFFSET_BYTES:
            piece = Piece(int.from_bytes(payload[:_OFFSET_BYTES], "big"), payload[_OFFSET_BYTES:])
            if piece.at + len(piece.data) > self.most_bytes:
                raise NotShown("what it decodes to is too large")
            return piece
        if kind == Record.END.encode():
            self.is_ended = True
            self.note = _sentence(payload.decode(errors="replace"))
            return None
        raise NotShown("its decoder broke")
