"""Targets of what strangers wrote and people then see: terminals, exports, names of files.

No escape sequence, no text that turns or hides its neighbours, no path that leads out of a folder.
"""

from __future__ import annotations

import functools
import json
import re
import unicodedata
from collections.abc import Iterable
from pathlib import Path

from tests.fuzz.folders import lasting_folder
from tests.fuzz.target import Shape, Target
from tests.fuzz.vectors import binaries
from tests.protocol.samples import SIGNER, parses_or_refuses

from qanat_client.desk.export_formats import escaped as markdown_escaped
from qanat_client.desk.export_formats import markdown_page
from qanat_client.desk.inbox import Custody, Item, PartState, Reference, SetAside
from qanat_client.desk.safe_names import free_place, safe_name
from qanat_client.desk.words import json_of, line_of, page_of, set_aside_line
from qanat_client.reporter.attachments import safe_name as sent_name
from qanat_client.reporter.relay_report import RelayReport
from qanat_client.terminal import human_size, printable, printable_line
from qanat_protocol.errors import error_for
from qanat_protocol.frame_codec import decode_frame, encode_frame
from qanat_protocol.frames import Error
from qanat_protocol.report import (
    Figure,
    File,
    PartRef,
    Report,
    decode_report,
    encode_report,
    report_id,
)

__all__ = ["TARGETS", "is_quiet", "is_quiet_line"]

_TURNING = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_OVERRIDING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_SEPARATING = frozenset("\u2028\u2029")
_MARKUP = frozenset("\\`*_[]<>#|!~&$")


def is_quiet(text: str) -> bool:
    """Whether a terminal shows this text and does nothing else."""
    return not any(
        (unicodedata.category(sign) in ("Cc", "Cs") and sign not in "\n\t") or sign in _OVERRIDING
        for sign in text
    )


def is_quiet_line(text: str) -> bool:
    """Whether it also stays on its line and leaves what stands beside it alone."""
    return is_quiet(text) and not any(
        sign in _TURNING or sign in _SEPARATING or sign in "\n\t" for sign in text
    )


def _item(report: Report, content: bytes) -> Item:
    number = len(content)
    states = ("verified", "missing", "bad")
    return Item(
        report_id=report_id(content),
        report=report,
        arrived_s=report.written_s % 2**33,
        urgent=bool(number % 2),
        parts=tuple(
            PartState(part, states[(number + at) % 3], 22 if (number + at) % 3 == 2 else None)
            for at, part in enumerate(report.parts)
        ),
        references=(Reference(bytes(32), bool(number & 2), bool(number & 4)),),
        custody=(Custody(bytes(32), bytes(32), 1, b""),),
        letters=(bytes(32),),
        expiry_day=19_100,
        checkpoint_document=None,
        refers_counts=bool(number & 8),
    )  # fmt: skip


def _shown(data: bytes) -> None:
    """A report by a stranger is shown, listed and exported without doing anything to a reader."""
    report: Report | None = parses_or_refuses(decode_report, data)
    if report is None:
        return
    item = _item(report, data)
    assert is_quiet_line(line_of(item))
    page, _, text = page_of(item, lambda relay: relay.hex()).partition("\n\n")
    assert all(is_quiet_line(line) for line in page.split("\n"))
    assert is_quiet(text)
    assert json.loads(json.dumps(json_of(item)))["what"] == report.what
    value = json_of(item)
    for word in value["custody"]:
        word["relay_name"] = word["relay"]
    for file in value["files"]:
        path = f"files/{safe_name(file['name'])}"
        file["exported"] = [{"rendition": "original", "path": path}]
    _check_markdown(markdown_page(value), item)


_PLACE = re.compile(r"\(<[^<>\n]*>\)")
_ESCAPED = re.compile(r"\\[^\n]")


def _check_markdown(document: str, item: Item) -> None:
    """What was written has no meaning in Markdown: behind its escapes only our own marks are left.

    Our own: one heading, quotes, list items, `**` around states, and links to the files.
    """
    headings = 0
    for line in document.splitlines():
        bare = _ESCAPED.sub("", _PLACE.sub("", line))
        headings += bare.startswith("## ")
        for mark in ("## ", "> ", "- "):
            if bare.startswith(mark):
                bare = bare.removeprefix(mark)
                break
        bare = re.sub(r"\*\*(missing|WITHDRAWN|CORRECTED)\*\*", "", bare)
        if re.search(r", (original|preview|thumbnail)\]$", bare):
            bare = bare.removeprefix("[").removesuffix("]")
        assert not _MARKUP & set(bare), line
    assert headings == 1
    assert is_quiet(document)


def _escape(data: bytes) -> None:
    """Escaped text is the text with backslashes before what Markdown would take for its own."""
    text = data.decode("utf-8", "ignore")
    escaped = markdown_escaped(text)
    bare = _ESCAPED.sub("", escaped)
    assert not _MARKUP & set(bare)
    assert re.sub(r"\\(.)", r"\1", escaped, flags=re.DOTALL) == text
    for line in escaped.split("\n"):
        assert not re.match(r"\s*(?:[-+=]|\d+[.)])", line), line


def _printed(data: bytes) -> None:
    """Whatever is printed is quiet, and what was quiet is left as it is."""
    text = data.decode("utf-8", "surrogateescape")
    shown, line = printable(text), printable_line(text)
    assert is_quiet(shown)
    assert is_quiet_line(line)
    assert len(shown) == len(line) == len(text)
    assert not is_quiet(text) or shown == text
    assert printable(shown) == shown
    assert printable_line(line) == line
    assert human_size(len(data) ** 9)


def _relay_said(data: bytes) -> None:
    """What a relay gives as its reason stays on its line in what a sync tells."""
    frame = parses_or_refuses(decode_frame, data)
    if not isinstance(frame, Error):
        return
    said = str(error_for(frame.verdict, frame.detail))
    for reached in (True, False):
        report = RelayReport("https://relay.example", "DE", reached)
        report.problem = f"the relay says: {said}"
        report.refuse(1, said)
        report.news.append(said)
        report.advice.append(said)
        assert all(is_quiet_line(line) for line in report.lines())
    assert is_quiet_line(set_aside_line(SetAside(bytes(32), 1, frame.verdict, said, 1, bytes(32))))


@functools.cache
def _folder() -> Path:
    return lasting_folder()


def _name(data: bytes) -> None:
    """A stranger's name for a file is one name in the folder, for every disk and terminal."""
    name = data.decode("utf-8", "surrogateescape")
    for given in (name, data.decode("utf-8", "replace")):
        safe = safe_name(given)
        assert 0 < len(safe.encode()) <= 120
        assert not set(safe) & set('/\\:*?"<>|')
        assert is_quiet_line(safe)
        assert safe not in (".", "..")
        assert safe[-1] not in " ."
        assert safe[0] not in " ."
        assert not re.fullmatch(r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\..*)?", safe)
        made = [free_place(_folder(), safe) for _ in range(2)]
        try:
            assert all(path.parent == _folder() and path.is_file() for path in made)
            assert made[0] != made[1]
        finally:
            for path in made:
                path.unlink()
    # What a reporter sends is a name that the protocol takes.
    sent = sent_name(name)
    assert 0 < len(sent.encode()) <= 255
    digest = bytes(32)
    part = PartRef(0, 3, "a/b", 1, digest, digest, digest)  # type: ignore[arg-type]
    report = Report(SIGNER.public, bytes(16), files=(File(sent, "a/b", 1, digest),), parts=(part,))
    assert decode_report(encode_report(report)).files[0].name == sent


def _shown_seeds() -> Iterable[bytes]:
    yield from binaries("decode_report", "content", max_bytes=2500)
    digest = bytes(32)
    part = PartRef(0, 3, "a/b", 1, digest, digest, digest)  # type: ignore[arg-type]
    yield encode_report(
        Report(
            SIGNER.public, bytes(16), text="1. a\n- b\n\t# c <b> \u202e", what="[x](y)",
            figures=(Figure("a|b", 1, 2),), files=(File("a <b>.jpg", "a/b", 1, digest),),
            parts=(part,), checkpoint=(2**40, digest), withdraws=digest,
        )
    )  # fmt: skip


def _said_seeds() -> Iterable[bytes]:
    for verdict, detail in ((1, "no"), (99, "\u202eno"), (0, ""), (32, "a\u2028b")):
        yield encode_frame(Error(verdict, detail))


def _text_seeds() -> Iterable[bytes]:
    yield from (
        b"plain", "\x1b[31m\u202e\u2066\x9b".encode(), b"1. a\n- b\n* c\n# d\n=\n    code\n",
        b"<b>&amp;</b>", b"\xed\xa0\x80", b"a\r\nb\x85c", b"\\\\[a](b)", b" + a\n\t2) b",
    )  # fmt: skip


def _name_seeds() -> Iterable[bytes]:
    yield from (
        b"../../etc/passwd", b"a.jpg", b"CON.txt", b"nul", b". . .", b"a" * 300 + b".jpeg",
        "\u202egpj.exe".encode(), b"a.\xff", b"a/b\\c:d", b"." + b"x" * 30, b"a .", b"-", b"com1 ",
        "e\u0301.\u00e9".encode(), b"x." + b"y" * 16, b"\x1b]0;a\x07",
    )  # fmt: skip


TARGETS = (
    Target("shown", _shown, _shown_seeds, Shape.RECORD, brief_runs=400),
    Target("escaped", _escape, _text_seeds, max_bytes=300, brief_runs=3000),
    Target("printed", _printed, _text_seeds, max_bytes=300, brief_runs=3000),
    Target("relay-said", _relay_said, _said_seeds, Shape.RECORD, 400, brief_runs=1000),
    Target("name", _name, _name_seeds, max_bytes=400, brief_runs=300,
           words=(b"CON", b"com1", b".", b" ", "\u202e".encode())),
)  # fmt: skip
