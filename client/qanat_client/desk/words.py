"""Reports as an editor reads them on a terminal, and as machine-readable values.

Everything that strangers wrote is made printable first: no control character reaches a terminal.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from qanat_client.desk.inbox import Item, PartState, SetAside
from qanat_client.terminal import human_size, printable, printable_line
from qanat_protocol.days import iso
from qanat_protocol.report import Basis
from qanat_protocol.verdicts import Verdict

__all__ = [
    "BASIS_WORDS",
    "counted",
    "first_words",
    "json_of",
    "line_of",
    "page_of",
    "set_aside_line",
    "time_words",
    "verdict_name",
]

FIRST_WORDS_CHARACTERS = 48
BASIS_WORDS = {Basis.NOT_SAID: "not said", Basis.SEEN: "seen", Basis.HEARD: "heard"}

RelayName = Callable[[bytes], str]


def counted(number: int, noun: str) -> str:
    """`1 report`, `2 reports`: for nouns that take an s."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def time_words(unix_s: int) -> str:
    """A time as 2022-01-06 14:03 UTC; a number where no calendar has it."""
    try:
        return datetime.fromtimestamp(unix_s, UTC).strftime("%Y-%m-%d %H:%M UTC")
    except (OverflowError, ValueError, OSError):
        return f"{unix_s} s"


def verdict_name(verdict: int | None) -> str:
    """A verdict's name from SPEC section 20, its number if it has none."""
    try:
        return Verdict(verdict or 0).name.lower()
    except ValueError:
        return str(verdict)


def first_words(item: Item) -> str:
    """What a report says, in one short line."""
    text = item.report.what or item.report.text.replace("\n", " ") or "(no text)"
    words = printable_line(text)
    if len(words) <= FIRST_WORDS_CHARACTERS:
        return words
    return words[: FIRST_WORDS_CHARACTERS - 3].rstrip() + "..."


def _marks(item: Item) -> str:
    marks = ["urgent"] if item.urgent else []
    if item.report.corrects is not None:
        marks.append(_refers(item, "corrects", item.report.corrects))
    if item.report.withdraws is not None:
        marks.append(_refers(item, "withdraws", item.report.withdraws))
    marks += [f"{ref.words} {ref.report_id.hex()[:8]}" for ref in item.references]
    return f" [{'; '.join(marks)}]" if marks else ""


def _refers(item: Item, verb: str, other: bytes) -> str:
    if item.refers_counts:
        return f"{verb} {other.hex()[:8]}"
    return f"claims: {verb} {other.hex()[:8]}, which is not known to be by the same author"


def line_of(item: Item) -> str:
    """One line for the list."""
    report = item.report
    return (
        f"{item.short_id}  {iso(item.day)}  {printable_line(report.language) or '-':<5}"
        f'  {printable_line(report.where) or "-"}  "{first_words(item)}"'
        f"  files {item.files_here}/{len(report.files)}  from {item.pseudonym}"
        f"  held {item.custody_words}  {item.state}{_marks(item)}"
    )


def set_aside_line(entry: SetAside) -> str:
    """One line for what did not open or verify."""
    return (
        f"{entry.parcel_id.hex()[:8]}  {time_words(entry.arrived_s)}"
        f"  {verdict_name(entry.verdict)}: {printable_line(entry.detail)}"
    )


def _part_words(part: PartState) -> str:
    name = part.part.rendition.name.lower()
    if part.state == "bad":
        return f"{name} set aside ({verdict_name(part.verdict)})"
    return f"{name} {'here' if part.state == 'verified' else 'missing'}"


def page_of(item: Item, relay_name: RelayName) -> str:
    """Everything about one report."""
    report = item.report
    lines = [
        f"report     {item.report_id.hex()}",
        f"from       {item.pseudonym} ({'can be answered' if report.reply_box else 'no code'})",
        f"arrived    {time_words(item.arrived_s)}{', urgent' if item.urgent else ''}",
        "written    "
        + (f"{time_words(report.written_s)} (by the writer's clock)" if report.written_s else "-"),
        f"carried    until {iso(item.expiry_day)}",
        f"language   {printable_line(report.language) or '-'}",
        f"what       {printable_line(report.what) or '-'}",
        f"where      {printable_line(report.where) or '-'}",
        "when       "
        + (f"{printable_line(report.when)} (in the writer's words)" if report.when else "-"),
        f"basis      {BASIS_WORDS[report.basis]}",
    ]
    for figure in report.figures:
        span = f"{figure.minimum}" + (
            "" if figure.minimum == figure.maximum else f" to {figure.maximum}"
        )
        lines.append(f"figure     {printable_line(figure.what)}: {span}")
    if report.corrects is not None:
        lines.append(f"reference  {_refers(item, 'corrects', report.corrects)}")
    if report.withdraws is not None:
        lines.append(f"reference  {_refers(item, 'withdraws', report.withdraws)}")
    lines += [f"reference  {ref.words} {ref.report_id.hex()[:8]}" for ref in item.references]
    if report.checkpoint is not None:
        day, _ = report.checkpoint
        known = item.checkpoint_document
        lines.append(
            f"checkpoint written not before {iso(day)}: it names {known}"
            if known
            else f"checkpoint it claims to know a document of {iso(day)}, none of this desk's"
        )
    for number, file in enumerate(report.files):
        parts = ", ".join(_part_words(part) for part in item.parts if part.part.file == number)
        lines.append(
            f"file {number + 1}     {printable_line(file.name)} ({printable_line(file.media_type)},"
            f" {human_size(file.size)}): {parts}"
        )
    for word in item.custody:
        what = "letter" if word.parcel_id in item.letters else "part"
        lines.append(
            f"custody    {what} {word.parcel_id.hex()[:8]} held on {iso(word.day)}:"
            f" {relay_name(word.relay)} says so, and signed it"
        )
    if item.unreadable:
        lines.append(f"damaged    on a damaged page of the vault: {', '.join(item.unreadable)}")
    lines += ["", printable(report.text) or "(no text)"]
    return "\n".join(lines)


def json_of(item: Item) -> dict[str, Any]:
    """The same for programs; every key is documented in docs/export.md."""
    report = item.report
    return {
        "id": item.report_id.hex(),
        "short_id": item.short_id,
        "from": item.pseudonym,
        "author": report.author.hex(),
        "arrived_s": item.arrived_s,
        "written_s": report.written_s or None,
        "urgent": item.urgent,
        "language": report.language,
        "text": report.text,
        "what": report.what,
        "where": report.where,
        "when": report.when,
        "basis": BASIS_WORDS[report.basis],
        "figures": [
            {"what": figure.what, "minimum": figure.minimum, "maximum": figure.maximum}
            for figure in report.figures
        ],
        "files": [
            {
                "name": file.name,
                "media_type": file.media_type,
                "size_bytes": file.size,
                "sha256": file.sha256.hex(),
                "parts": [
                    {
                        "rendition": part.part.rendition.name.lower(),
                        "media_type": part.part.media_type,
                        "size_bytes": part.part.length,
                        "sha256": part.part.sha256.hex(),
                        "parcel_id": part.part.parcel_id.hex(),
                        "state": part.state,
                        "verdict": None if part.verdict is None else verdict_name(part.verdict),
                    }
                    for part in item.parts
                    if part.part.file == number
                ],
            }
            for number, file in enumerate(report.files)
        ],
        "files_arrived": item.files_here,
        "state": item.state,
        "corrects": report.corrects.hex() if report.corrects else None,
        "withdraws": report.withdraws.hex() if report.withdraws else None,
        "reference_counts": item.refers_counts,
        "referred_to_by": [
            {
                "id": ref.report_id.hex(),
                "how": "withdraws" if ref.withdraws else "corrects",
                "counts": ref.counts,
            }
            for ref in item.references
        ],
        "can_be_answered": report.reply_box is not None,
        "not_before": None
        if report.checkpoint is None
        else {
            "day": iso(report.checkpoint[0]),
            "hash": report.checkpoint[1].hex(),
            "document": item.checkpoint_document,
        },
        "custody": [
            {
                "parcel_id": word.parcel_id.hex(),
                "relay": word.relay.hex(),
                "day": iso(word.day),
                "receipt": word.receipt.hex(),
            }
            for word in item.custody
        ],
        "letters": [parcel_id.hex() for parcel_id in item.letters],
        **({"unreadable": list(item.unreadable)} if item.unreadable else {}),
    }
