"""What a file is, by its first bytes alone. It is decoded as that and as nothing else, so that a
file which is two things at once is only ever one of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

__all__ = ["FIRST_BYTES", "Format", "format_of", "refusal_of"]

FIRST_BYTES: Final = 512
"""As many as are looked at."""


@dataclass(frozen=True, slots=True)
class Format:
    """words: for people. name: Pillow's of a picture, the demuxer's of a recording. needs_threads:
    its library decodes in a thread of its own, or not at all."""

    words: str
    kind: Literal["picture", "recording"]
    name: str
    needs_threads: bool = False


_JPEG: Final = Format("JPEG picture", "picture", "JPEG")
_PNG: Final = Format("PNG picture", "picture", "PNG")
_GIF: Final = Format("GIF picture", "picture", "GIF")
_WEBP: Final = Format("WebP picture", "picture", "WEBP")
_HEIF: Final = Format("HEIC picture", "picture", "HEIF", needs_threads=True)
_MP4: Final = Format("MP4 recording", "recording", "mov")
_MATROSKA: Final = Format("Matroska or WebM recording", "recording", "matroska")
_AVI: Final = Format("AVI recording", "recording", "avi")
_MPEGTS: Final = Format("MPEG transport stream", "recording", "mpegts")
_OGG: Final = Format("Ogg recording", "recording", "ogg")
_WAV: Final = Format("WAV recording", "recording", "wav")
_MP3: Final = Format("MP3 recording", "recording", "mp3")
_AAC: Final = Format("AAC recording", "recording", "aac")
_FLAC: Final = Format("FLAC recording", "recording", "flac")
_AMR: Final = Format("AMR recording", "recording", "amr")

_BEGINNINGS: Final = (
    (b"\xff\xd8\xff", _JPEG),
    (b"\x89PNG\r\n\x1a\n", _PNG),
    (b"GIF87a", _GIF),
    (b"GIF89a", _GIF),
    (b"\x1a\x45\xdf\xa3", _MATROSKA),
    (b"OggS", _OGG),
    (b"fLaC", _FLAC),
    (b"#!AMR", _AMR),
    (b"ID3", _MP3),
)
_RIFF: Final = {b"WEBP": _WEBP, b"WAVE": _WAV, b"AVI ": _AVI}
_HEIF_BRANDS: Final = (b"heic", b"heix", b"heim", b"heis", b"mif1", b"hevc", b"hevx")
_AVIF_BRANDS: Final = (b"avif", b"avis")
_OLD_QUICKTIME: Final = (b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot")

_REFUSED: Final = (
    (b"%PDF", "a PDF document"),
    (b"PK\x03\x04", "a ZIP archive or an office document"),
    (b"Rar!", "a RAR archive"),
    (b"7z\xbc\xaf", "a 7z archive"),
    (b"MZ", "a program for Windows"),
    (b"\x7fELF", "a program for Linux"),
    (b"#!", "a script"),
    (b"\xd0\xcf\x11\xe0", "an office document"),
    (b"#EXTM3U", "a playlist, which would fetch what it names"),
)
_TRANSPORT_PACKET: Final = 188


def format_of(first: bytes) -> Format | None:
    """The format that begins with these bytes; None of what the desk does not decode."""
    for beginning, found in _BEGINNINGS:
        if first.startswith(beginning):
            return found
    if first[:4] == b"RIFF":
        return _RIFF.get(first[8:12])
    if first[4:8] == b"ftyp":
        if first[8:12] in _AVIF_BRANDS:
            return None
        return _HEIF if first[8:12] in _HEIF_BRANDS else _MP4
    if first[4:8] in _OLD_QUICKTIME:
        return _MP4
    if first[:1] == b"\x47" and first[_TRANSPORT_PACKET : _TRANSPORT_PACKET + 1] == b"\x47":
        return _MPEGTS
    if len(first) > 1 and first[0] == 0xFF and first[1] & 0xF6 == 0xF0:
        return _AAC
    if len(first) > 1 and first[0] == 0xFF and first[1] & 0xE6 == 0xE2:
        return _MP3
    return None


def refusal_of(first: bytes) -> str:
    """Why what begins with these bytes is not shown."""
    if not first:
        return "the file is empty"
    for beginning, words in _REFUSED:
        if first.startswith(beginning):
            return f"this is {words}: the desk shows only pictures, films and sound"
    text = first.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if text.startswith((b"<svg", b"<?xml", b"<!doctype", b"<html", b"<script")):
        return "this is a web page or drawing that can hold programs: the desk does not show it"
    return "this is no picture, film or sound of a kind that the desk shows"
