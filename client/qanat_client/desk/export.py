"""Reports and their attachments, readable, in a folder that the editor names.

Every attachment is verified again while it is written; nothing that is there is overwritten.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from qanat_client.desk.desk import Desk
from qanat_client.desk.faults import BodyDamaged
from qanat_client.desk.inbox import Item, PartState, inbox, set_aside
from qanat_client.desk.safe_names import free_place, safe_name
from qanat_client.desk.spool import Spool
from qanat_client.desk.vault import disk_faults
from qanat_client.desk.words import (
    counted,
    json_of,
    page_of,
    set_aside_line,
    time_words,
    verdict_name,
)
from qanat_client.errors import BadInput
from qanat_client.terminal import printable_line
from qanat_protocol.errors import RemoteError
from qanat_protocol.parcel import parse_header
from qanat_protocol.part import PartOpener, Rendition

__all__ = ["Exported", "export"]

FORMATS = ("json", "md")
_MARKDOWN = re.compile(r"([\\`*_\[\]<>#|!~&$])|^(\s*)([-+=]|\d+[.)])", re.MULTILINE)


@dataclass(slots=True)
class Exported:
    """What was written where, and what could not be. kept: files of an earlier export."""

    folder: Path
    reports: int = 0
    files: int = 0
    kept: int = 0
    size_bytes: int = 0
    documents: list[Path] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)


class _Attachments:
    def __init__(self, desk: Desk, done: Exported, advance: Callable[[int], None]) -> None:
        self._desk = desk
        self._spool = Spool(desk.home)
        self._done = done
        self._advance = advance

    def _plain(self, part: PartState) -> Iterator[bytes]:
        header = self._desk.vault.value(
            "SELECT header FROM parcels WHERE id = ?", part.part.parcel_id
        )
        opener = PartOpener(
            parse_header(header), part.part.content_key, part.part.length, part.part.sha256
        )
        yield from opener.data(self._spool.blocks(part.part.parcel_id))

    def write(self, item: Item, part: PartState, name: str) -> Path:
        """Decrypt one part to its place; whole and verified, or not at all. Raises RemoteError."""
        folder = self._done.folder / "files" / item.short_id
        with disk_faults(str(folder)):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if (same := _same_file(folder / name, part)) is not None:
            self._done.kept += 1
            return same
        spare = free_place(folder, f".{name}.part")
        try:
            with disk_faults(str(spare)), spare.open("wb") as file:
                for piece in self._plain(part):
                    file.write(piece)
                    self._advance(len(piece))
                file.flush()
                os.fsync(file.fileno())
            place = free_place(folder, name)
            with disk_faults(str(place)):
                spare.replace(place)
        finally:
            with contextlib.suppress(OSError):
                spare.unlink(missing_ok=True)
        self._done.files += 1
        self._done.size_bytes += part.part.length
        return place


def _same_file(path: Path, part: PartState) -> Path | None:
    """The file of an earlier export, if it holds the very same bytes."""
    with disk_faults(str(path)):
        if not path.is_file() or path.stat().st_size != part.part.length:
            return None
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").digest()
    return path if digest == part.part.sha256 else None


def _chosen(item: Item, file: int, *, all_renditions: bool) -> list[PartState]:
    """The original; where it is missing, the best rendition that is here; or all that are."""
    here = [p for p in item.parts if p.part.file == file and p.state == "verified"]
    here.sort(key=lambda part: part.part.rendition, reverse=True)
    return here if all_renditions else here[:1]


def _name_of(item: Item, part: PartState) -> str:
    name = safe_name(item.report.files[part.part.file].name)
    if part.part.rendition is Rendition.ORIGINAL:
        return name
    return f"{name}.{part.part.rendition.name.lower()}.jpg"


def _write_files(
    item: Item, attachments: _Attachments, done: Exported, *, all_renditions: bool
) -> dict[int, list[tuple[str, str]]]:
    """Write a report's attachments; (rendition, place in the folder) by file number."""
    written: dict[int, list[tuple[str, str]]] = {}
    for number, file in enumerate(item.report.files):
        name = printable_line(file.name)
        written[number] = []
        original = item.original_of(number)
        if original.state != "verified":
            why = "did not arrive" if original.verdict is None else verdict_name(original.verdict)
            done.missing.append(f"{item.short_id}: {name} ({why})")
        for part in _chosen(item, number, all_renditions=all_renditions):
            try:
                place = attachments.write(item, part, _name_of(item, part))
            except (RemoteError, BodyDamaged) as error:
                done.missing.append(f"{item.short_id}: {name} (damaged on this disk: {error})")
                continue
            rendition = part.part.rendition.name.lower()
            written[number].append((rendition, str(place.relative_to(done.folder))))
    return written


def _escaped(text: str) -> str:
    return _MARKDOWN.sub(lambda m: f"{m[2] or ''}\\{m[1] or m[3]}", text)


def _markdown(item: Item, written: dict[int, list[tuple[str, str]]], desk: Desk) -> str:
    page, _, text = page_of(item, desk.relay_name).partition("\n\n")
    title = printable_line(item.report.what) or f"Report {item.short_id}"
    lines = [f"## {_escaped(title)}", ""]
    if item.is_withdrawn or item.is_corrected:
        lines += [f"**{item.state.upper()}** by the same author.", ""]
    lines += [f"> {_escaped(line)}" for line in text.splitlines()]
    lines += ["", *(f"- {_escaped(line)}" for line in page.splitlines())]
    for number, places in written.items():
        name = _escaped(printable_line(item.report.files[number].name))
        if all(rendition != "original" for rendition, _ in places):
            lines.append(f"- **missing**: {name}")
        for rendition, place in places:
            # Between angle brackets a place may hold spaces; a safe name holds no brackets.
            lines.append(f"- [{name}, {rendition}](<{place}>)")
    return "\n".join(lines) + "\n"


def _write_document(done: Exported, name: str, content: str) -> None:
    place = free_place(done.folder, name)
    with disk_faults(str(place)):
        place.write_text(content, "utf-8")
    done.documents.append(place)


def export(
    desk: Desk,
    folder: Path,
    *,
    formats: tuple[str, ...],
    all_renditions: bool,
    advance: Callable[[int], None],
) -> Exported:
    """Write the whole inbox to a folder; the keys of the JSON are in docs/export.md.

    Raises BadInput, DiskFull, HomeReadOnly. What lacks an attachment is exported without it.
    """
    if folder.exists() and not folder.is_dir():
        raise BadInput(f"{printable_line(str(folder))} is a file; name a folder with -o")
    done = Exported(folder)
    with disk_faults(str(folder)):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    attachments = _Attachments(desk, done, advance)
    values: list[dict[str, Any]] = []
    pages: list[str] = []
    for item in inbox(desk.vault):
        written = _write_files(item, attachments, done, all_renditions=all_renditions)
        value = json_of(item)
        for number, places in written.items():
            value["files"][number]["exported"] = [
                {"rendition": rendition, "path": place} for rendition, place in places
            ]
        values.append(value)
        pages.append(_markdown(item, written, desk))
        done.reports += 1
    aside = set_aside(desk.vault)
    if "json" in formats:
        whole = {
            "format": 1,
            "desk": {"name": desk.card.name, "id": desk.card.desk_id.hex()},
            "exported_s": int(desk.clock()),
            "reports": values,
            "set_aside": [
                {
                    "parcel_id": entry.parcel_id.hex(),
                    "verdict": verdict_name(entry.verdict),
                    "detail": entry.detail,
                    "arrived_s": entry.arrived_s,
                }
                for entry in aside
            ],
        }
        _write_document(
            done, "reports.json", json.dumps(whole, ensure_ascii=False, indent=2) + "\n"
        )
    if "md" in formats:
        head = f"# {_escaped(desk.card.name)}: {counted(done.reports, 'report')}\n\n"
        head += f"Exported {time_words(int(desk.clock()))}.\n"
        foot = "".join(f"- {_escaped(set_aside_line(entry))}\n" for entry in aside)
        tail = [f"## Set aside\n\n{foot}"] if aside else []
        _write_document(done, "reports.md", "\n".join([head, *pages, *tail]))
    return done
