"""Attachments as a report names them: files, and the parts that they travel as (SPEC section 7).

Never touches a file: names, sizes, hashes and keys only.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from qanat_protocol.errors import BadName, Malformed
from qanat_protocol.fields import binary, line, row, uint
from qanat_protocol.kinds import Rendition
from qanat_protocol.limits import HASH_BYTES
from qanat_protocol.record import Value

__all__ = [
    "MAX_FILES",
    "MAX_PARTS",
    "File",
    "PartRef",
    "check_name",
    "check_parts",
    "file_field",
    "media_type_field",
    "part_field",
]

MAX_FILES = 32
MAX_PARTS = 96
"""Three renditions of each file."""

MAX_NAME_BYTES = 255
"""What file systems take."""

MAX_MEDIA_TYPE_BYTES = 127
"""What registered media types keep to (RFC 6838 section 4.2)."""


@dataclass(frozen=True, slots=True)
class File:
    """An untouched original: its size in bytes and SHA-256."""

    name: str
    media_type: str
    size: int
    sha256: bytes


@dataclass(frozen=True, slots=True)
class PartRef:
    """Where a rendition of file number `file` travels, its true length in bytes, and its key."""

    file: int
    rendition: Rendition
    media_type: str
    length: int
    sha256: bytes
    parcel_id: bytes
    content_key: bytes = field(repr=False)


def check_name(name: str) -> None:
    """Raise `BadName` unless this is the name of a file: a line of 1 to 255 bytes, no path."""
    try:
        _NAME(name)
    except Malformed as error:
        raise BadName(f"not the name of a file: {name!r}") from error
    if "/" in name or "\\" in name or name in {".", ".."}:
        raise BadName(f"a path, not the name of a file: {name!r}")


def media_type_field(value: Value) -> str:
    """The field of a media type: 3 to 127 ASCII bytes with one slash, else `Malformed`."""
    checked = _MEDIA_TYPE(value)
    if not checked.isascii() or checked.count("/") != 1:
        raise Malformed(f"not a media type: {checked!r}")
    return checked


def file_field(value: Value) -> File:
    """The field of one row of a report's files."""
    return File(*_FILE(value))


def part_field(value: Value) -> PartRef:
    """The field of one row of a report's parts."""
    file, rendition, *rest = _PART(value)
    return PartRef(file, Rendition(rendition), *rest)


def check_parts(files: Sequence[File], parts: Sequence[PartRef]) -> None:
    """Raise `Malformed` unless the parts are those of the files, in the order of SPEC 7."""
    places = [(part.file, part.rendition) for part in parts]
    if any(one >= next_one for one, next_one in pairwise(places)):
        raise Malformed("parts stand in order of file and rendition, each once")
    if any(part.file >= len(files) for part in parts):
        raise Malformed("a part of a file that is not there")
    originals = {part.file: part for part in parts if part.rendition is Rendition.ORIGINAL}
    for number, file in enumerate(files):
        original = originals.get(number)
        if original is None:
            raise Malformed(f"the original of file {number} has no part")
        if (original.length, original.sha256) != (file.size, file.sha256):
            raise Malformed(f"the part of file {number} is not the file")
    for values in ([part.parcel_id for part in parts], [part.content_key for part in parts]):
        if len(set(values)) < len(values):
            raise Malformed("two parts have one parcel id or one content key")


def _name_field(value: Value) -> str:
    if not isinstance(value, str):
        raise Malformed("a file name is not a string")
    check_name(value)
    return value


_NAME = line(MAX_NAME_BYTES, least=1)
_MEDIA_TYPE = line(MAX_MEDIA_TYPE_BYTES, least=3)
_FILE = row(_name_field, media_type_field, uint(), binary(HASH_BYTES))
_PART = row(
    uint(most=MAX_FILES - 1),
    uint(Rendition.THUMBNAIL, Rendition.ORIGINAL),
    media_type_field,
    uint(),
    binary(HASH_BYTES),
    binary(HASH_BYTES),
    binary(32),
)
