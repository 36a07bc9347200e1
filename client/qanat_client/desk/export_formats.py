"""An edition as text: JSON, Markdown, CSV. What strangers wrote stays text in each of them."""

from __future__ import annotations

import csv
import io
import json
import re
import unicodedata
from collections.abc import Mapping
from typing import Any, Final

from qanat_client.desk.edition import Edition, facts_of, figure_words, line, title_of, writing
from qanat_client.desk.words import time_words

__all__ = ["csv_of", "escaped", "json_document", "markdown_of", "markdown_page"]

_MARKDOWN: Final = re.compile(r"([\\`*_\[\]<>#|!~&$])|^(\s*)([-+=]|\d+[.)])", re.MULTILINE)

# OWASP, "CSV Injection": what spreadsheets take for a formula, and the wide forms of the same.
_FORMULA_SIGNS: Final = "=+-@\t\r\n|%＝＋－＠"


def json_document(edition: Edition) -> str:
    """As docs/export.md has it."""
    whole = {
        "format": 1,
        "desk": {"name": edition.desk_name, "id": edition.desk_id},
        "exported_s": edition.exported_s,
        "public": edition.is_public,
        "reports": list(edition.reports),
    }
    if edition.is_public:
        whole["desk"] = {"name": edition.desk_name}
    else:
        whole["set_aside"] = list(edition.set_aside)
    return json.dumps(whole, ensure_ascii=False, indent=2) + "\n"


def escaped(text: str) -> str:
    """Text that Markdown takes for text."""
    return _MARKDOWN.sub(lambda m: f"{m[2] or ''}\\{m[1] or m[3]}", text)


def markdown_page(value: Mapping[str, Any]) -> str:
    """One report, below its heading."""
    lines = [f"## {escaped(title_of(value))}", ""]
    if value["state"] in ("withdrawn", "corrected"):
        lines += [f"**{value['state'].upper()}** by the same author.", ""]
    text = writing(value["text"]) or "(no text)"
    lines += [f"> {escaped(each)}" for each in text.splitlines()]
    lines += ["", *(f"- {name}: {escaped(said)}" for name, said in facts_of(value))]
    for file in value["files"]:
        name = escaped(line(file["name"]))
        exported = file.get("exported")
        if exported is not None and all(each["rendition"] != "original" for each in exported):
            lines.append(f"- **missing**: {name}")
        for each in exported or ():
            # Between angle brackets a place may hold spaces; a safe name holds no brackets.
            lines.append(f"- [{name}, {each['rendition']}](<{each['path']}>)")
    return "\n".join(lines) + "\n"


def markdown_of(edition: Edition) -> str:
    """One page: a heading for each report."""
    head = f"# {escaped(edition.heading)}\n\nExported {time_words(edition.exported_s)}.\n"
    pages = [head, *map(markdown_page, edition.reports)]
    if edition.set_aside and not edition.is_public:
        aside = "".join(
            f"- {each['parcel_id'][:8]}: {each['verdict']}: {escaped(line(each['detail']))}\n"
            for each in edition.set_aside
        )
        pages.append(f"## Set aside\n\n{aside}")
    return "\n".join(pages)


def _seen(cell: str) -> str:
    """What a spreadsheet may see of a cell when it has taken off what has no width or is blank."""
    kept = (c for c in cell if not c.isspace() and unicodedata.category(c) not in ("Cf", "Cc"))
    return "".join(kept)


def _cell(text: str) -> str:
    """A cell that no spreadsheet takes for a formula."""
    text = writing(text)
    is_formula = text.startswith(tuple(_FORMULA_SIGNS)) or _seen(text)[:1] in {*_FORMULA_SIGNS}
    return f"'{text}" if is_formula else text


def _time_cell(unix_s: int | None) -> str:
    return time_words(unix_s) if unix_s else ""


def _row(value: Mapping[str, Any]) -> dict[str, str]:
    decided = value.get("decided", {})
    elements = decided.get("elements", {})
    row = {
        "id": value["id"],
        "alias": value.get("alias") or "",
        "from": value.get("from", ""),
        "arrived": _time_cell(value.get("arrived_s")),
        "written": value.get("written_day") or _time_cell(value.get("written_s")),
        "urgent": "yes" if value.get("urgent") else "",
        "state": value["state"],
        "checked": decided.get("state", ""),
        "tags": ", ".join(decided.get("tags", ())),
        "notes": "; ".join(
            f"{name} {found['confidence']} {found['note']}".strip()
            for name, found in elements.items()
        ),
        "language": value["language"],
        "where": value["where"],
        "when": value["when"],
        "basis": value["basis"],
        "figures": "; ".join(map(figure_words, value["figures"])),
        "what": value["what"],
        "text": value["text"],
        "files": "; ".join(
            each["path"] for file in value["files"] for each in file.get("exported", ())
        )
        or "; ".join(file["name"] for file in value["files"]),
        "corrects": value["corrects"] or "",
        "withdraws": value.get("withdraws") or "",
    }
    return {name: _cell(said) for name, said in row.items()}


_DESK_COLUMNS: Final = (
    "id", "alias", "from", "arrived", "written", "urgent", "state", "checked", "tags", "notes",
    "language", "where", "when", "basis", "figures", "what", "text", "files", "corrects",
    "withdraws",
)  # fmt: skip
_PUBLIC_COLUMNS: Final = (
    "id", "alias", "written", "state", "language", "where", "when", "basis", "figures", "what",
    "text", "files", "corrects",
)  # fmt: skip


def csv_of(edition: Edition) -> str:
    """RFC 4180 behind a byte order mark, by which Excel knows UTF-8; every cell quoted."""
    columns = _PUBLIC_COLUMNS if edition.is_public else _DESK_COLUMNS
    made = io.StringIO(newline="")
    written = csv.DictWriter(
        made, columns, extrasaction="ignore", quoting=csv.QUOTE_ALL, lineterminator="\r\n"
    )
    written.writeheader()
    written.writerows(map(_row, edition.reports))
    return "\ufeff" + made.getvalue()
