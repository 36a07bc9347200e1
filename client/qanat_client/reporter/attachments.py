"""Files that go with a report: named, measured and sealed as they are read, in constant memory.

Writes nothing but ciphertext, and nothing outside the outbox.
"""

from __future__ import annotations

import mimetypes
import os
import stat
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from qanat_client.errors import BadInput
from qanat_client.reporter.pictures import PICTURE_TYPES, Renditions, pillow_is_here, render
from qanat_client.reporter.sealing_room import SealingRoom
from qanat_client.terminal import printable_line
from qanat_protocol.errors import LocalTooLarge
from qanat_protocol.limits import MAX_PART_BODY_BYTES, MAX_PREVIEW_BYTES, MAX_THUMBNAIL_BYTES
from qanat_protocol.part import PartSealer, Rendition
from qanat_protocol.report import File, PartRef, check_name
from qanat_protocol.sealing import capacity
from qanat_protocol.sizes import part_body_size

if TYPE_CHECKING:
    from qanat_protocol.part import SealedBlock

__all__ = [
    "Attachment",
    "SealedFiles",
    "inspect",
    "safe_name",
    "seal_attachments",
    "without_doubles",
]

_MAX_NAME_BYTES = 255
_LARGEST_BYTES = capacity(MAX_PART_BODY_BYTES)
_READ_BYTES = 1 << 20
_BLOCKS_AT_ONCE = 256
"""Blocks stored in one transaction (4 MiB): what `send` holds in memory at most."""

_LOST_SIGNS = frozenset(["Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"])
_KEPT_SIGNS = frozenset("\u200c\u200d")
"""Joiners, without which Persian and many emoji are spelt wrong."""


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file to send, as it was when it was looked at."""

    path: Path
    name: str
    media_type: str
    size: int
    identity: tuple[int, int, int]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SealedFiles:
    """What a report says of its attachments once they are sealed."""

    files: tuple[File, ...]
    parts: tuple[PartRef, ...]


def safe_name(name: str) -> str:
    """A name that every desk can keep: no path, no sign that is not seen or that turns others.

    Longer ones are shortened, their ending kept.
    """
    kept = "".join(
        sign if sign in _KEPT_SIGNS or unicodedata.category(sign) not in _LOST_SIGNS else "_"
        for sign in name.encode("utf-8", "replace").decode("utf-8")
    )
    kept = kept.replace("/", "_").replace("\\", "_").strip()
    if kept in ("", ".", ".."):
        return "file"
    if len(kept.encode()) > _MAX_NAME_BYTES:
        stem, dot, ending = kept.rpartition(".")
        tail = dot + ending if stem and len(ending.encode()) <= 16 else ""
        room = _MAX_NAME_BYTES - len(tail.encode())
        head = (stem if tail else kept).encode()[:room].decode("utf-8", "ignore")
        kept = head + tail
    check_name(kept)
    return kept


def _media_type(name: str) -> str:
    guessed, encoding = mimetypes.guess_type(name, strict=False)
    if guessed is None or encoding is not None or len(guessed) > 127 or not guessed.isascii():
        return "application/octet-stream"
    return guessed


def _identity(facts: os.stat_result) -> tuple[int, int, int]:
    return facts.st_ino, facts.st_size, facts.st_mtime_ns


def inspect(path: Path) -> Attachment:
    """Look at a file before anything is sealed. Raises BadInput for what can't be sent."""
    shown = printable_line(str(path))
    try:
        # Not blocking: a named pipe would wait for whoever writes it.
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        raise BadInput(f"there is no file {shown}") from None
    except PermissionError:
        raise BadInput(f"{shown} can't be read: no permission") from None
    except (OSError, ValueError) as error:
        raise BadInput(f"{shown} can't be read: {error}") from None
    try:
        facts = os.fstat(handle)
    finally:
        os.close(handle)
    if stat.S_ISDIR(facts.st_mode):
        raise BadInput(f"{shown} is a directory: pack it into one file, or attach its files")
    if not stat.S_ISREG(facts.st_mode):
        raise BadInput(f"{shown} is not an ordinary file")
    name = safe_name(path.name)
    notes = () if name == path.name else (f"{shown} will be called {name}",)
    try:
        part_body_size(facts.st_size, Rendition.ORIGINAL)
    except LocalTooLarge:
        raise BadInput(
            f"{shown} is too large: {facts.st_size:,} bytes, at most {_LARGEST_BYTES:,}"
            " (just under 1 GiB): cut it and send it in pieces"
        ) from None
    return Attachment(path, name, _media_type(name), facts.st_size, _identity(facts), notes)


def _chunks(attachment: Attachment, advance: Callable[[int], None]) -> Iterator[bytes]:
    shown = printable_line(str(attachment.path))
    try:
        with attachment.path.open("rb") as file:
            if _identity(os.fstat(file.fileno())) != attachment.identity:
                raise BadInput(f"{shown} was changed while the report was written")
            left = attachment.size
            while left:
                data = file.read(min(left, _READ_BYTES))
                if not data:
                    raise BadInput(f"{shown} became shorter while it was read")
                left -= len(data)
                yield data
                advance(len(data))
            if file.read(1) or _identity(os.fstat(file.fileno())) != attachment.identity:
                raise BadInput(f"{shown} was changed while it was read")
    except OSError as error:
        raise BadInput(f"{shown} can't be read: {error.strerror or error}") from None


class _Sealing:
    """One report's parts on their way into the outbox."""

    def __init__(self, room: SealingRoom, batch: str, tag: bytes, expiry_day: int) -> None:
        self._room = room
        self._batch = batch
        self._tag = tag
        self._expiry_day = expiry_day
        self._position = 0

    def seal(
        self, file: int, rendition: Rendition, media_type: str, length: int, data: Iterator[bytes]
    ) -> PartRef:
        sealer = PartSealer(
            tag=self._tag, expiry_day=self._expiry_day, length=length, rendition=rendition
        )
        self._position += 1
        key = self._room.begin_part(self._batch, self._position)
        blocks: list[SealedBlock] = []
        for block in sealer.blocks(data):
            blocks.append(block)
            if len(blocks) == _BLOCKS_AT_ONCE:
                self._store(key, blocks)
        self._store(key, blocks)
        self._room.finish_part(key, sealer.header)
        return PartRef(
            file=file,
            rendition=rendition,
            media_type=media_type,
            length=length,
            sha256=sealer.sha256,
            parcel_id=sealer.header.parcel_id,
            content_key=sealer.content_key,
        )

    def _store(self, key: int, blocks: list[SealedBlock]) -> None:
        if blocks:
            self._room.add_blocks(key, [(b.index, b.leaf, b.data) for b in blocks])
            blocks.clear()


def _renditions(attachment: Attachment, tell: Callable[[str], None]) -> Renditions:
    """The smaller pictures of a picture, where they are smaller than the file itself."""
    if attachment.media_type not in PICTURE_TYPES or attachment.size <= MAX_THUMBNAIL_BYTES:
        return Renditions()
    if not pillow_is_here():
        tell(f"{attachment.name}: no thumbnail/preview: install qanat[pictures]")
        return Renditions()
    made = render(attachment.path)
    if made.problem:
        tell(f"{attachment.name}: no thumbnail/preview: {made.problem}; the file goes as it is")
    return made if attachment.size > MAX_PREVIEW_BYTES else replace(made, preview=None)


def seal_attachments(
    attachments: Sequence[Attachment],
    *,
    room: SealingRoom,
    batch: str,
    tag: bytes,
    expiry_day: int,
    tell: Callable[[str], None],
    advance: Callable[[int], None],
) -> SealedFiles:
    """Seal every file, with what is smaller of pictures, into a batch of the outbox.

    `advance` is told of the bytes read. Raises BadInput where a file changes meanwhile.
    """
    sealing = _Sealing(room, batch, tag, expiry_day)
    files: list[File] = []
    parts: list[PartRef] = []
    for number, attachment in enumerate(attachments):
        made = _renditions(attachment, tell)
        for rendition, picture in (
            (Rendition.THUMBNAIL, made.thumbnail),
            (Rendition.PREVIEW, made.preview),
        ):
            if picture is not None:
                parts.append(
                    sealing.seal(number, rendition, "image/jpeg", len(picture), iter([picture]))
                )
        with closing(_chunks(attachment, advance)) as chunks:  # type: ignore[type-var]
            original = sealing.seal(
                number, Rendition.ORIGINAL, attachment.media_type, attachment.size, chunks
            )
        parts.append(original)
        files.append(File(attachment.name, attachment.media_type, attachment.size, original.sha256))
    return SealedFiles(tuple(files), tuple(parts))


def without_doubles(attachments: Sequence[Attachment]) -> list[Attachment]:
    """The same files, where those of one name get a number; the desk keeps them side by side."""
    seen: set[str] = set()
    found = []
    for attachment in attachments:
        name, count = attachment.name, 1
        while name in seen:
            count += 1
            stem, dot, ending = attachment.name.rpartition(".")
            numbered = f"{stem}-{count}{dot}{ending}" if stem else f"{attachment.name}-{count}"
            name = safe_name(numbered)
        seen.add(name)
        if name == attachment.name:
            found.append(attachment)
        else:
            note = f"{printable_line(str(attachment.path))} will be called {name}"
            found.append(replace(attachment, name=name, notes=(note,)))
    return found
