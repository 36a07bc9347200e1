"""What an export writes, put together once for all of its formats, and the facts that they show.

Everything in it is blacked out already; whatever renders it adds nothing of a report.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from qanat_client.desk.words import counted, time_words
from qanat_client.terminal import human_size, printable, printable_line

__all__ = ["ID", "Edition", "Fact", "facts_of", "figure_words", "line", "title_of", "writing"]

Fact = tuple[str, str]
"""What it is, and what is said of it."""

ID: Final = "Report"
"""The fact that holds the report's id."""

TITLE_CHARACTERS: Final = 60
_KNOWN_BY: Final = {"seen": "saw it", "heard": "heard it from others", "not said": ""}
_LANGUAGES: Final = {
    "de": "German", "en": "English", "fa": "Persian", "kk": "Kazakh", "ru": "Russian",
}  # fmt: skip

# XML and HTML take them for no characters at all.
_NONE = {0xFFFE: "\N{REPLACEMENT CHARACTER}", 0xFFFF: "\N{REPLACEMENT CHARACTER}"}


@dataclass(frozen=True, slots=True)
class Edition:
    """Reports as values (docs/export.md), and what is said about all of them.

    `published_s` of each report, in their order: 0 where it is not published. `urn`: the feed's.
    """

    desk_name: str
    desk_id: str
    urn: str
    exported_s: int
    is_public: bool
    reports: Sequence[Mapping[str, Any]]
    published_s: Sequence[int]
    set_aside: Sequence[Mapping[str, Any]] = ()

    @property
    def heading(self) -> str:
        """The desk's name and how many reports there are."""
        return f"{line(self.desk_name)}: {counted(len(self.reports), 'report')}"


def writing(text: str) -> str:
    """A text by strangers for a document: nothing that a reader can't show or that turns lines."""
    return printable(text.replace("\r\n", "\n")).translate(_NONE)


def line(text: str) -> str:
    """The same for one line."""
    return printable_line(text).translate(_NONE)


def title_of(value: Mapping[str, Any]) -> str:
    """What a report is about, in one line: in its writer's words, else its first ones."""
    if what := line(value["what"]).strip():
        return what
    if "short_id" in value:
        return f"Report {value['short_id']}"
    words = line(value["text"].partition("\n")[0]).strip()
    if len(words) > TITLE_CHARACTERS:
        words = words[: TITLE_CHARACTERS - 3].rstrip() + "..."
    return words or "Report"


def figure_words(figure: Mapping[str, Any]) -> str:
    """`wounded: 16 to 20`."""
    span = f"{figure['minimum']}"
    if figure["minimum"] != figure["maximum"]:
        span += f" to {figure['maximum']}"
    return f"{line(figure['what'])}: {span}"


def _language_words(tag: str) -> str:
    """Its English name where it is one of the app's, else the tag."""
    return _LANGUAGES.get(tag.casefold().partition("-")[0], tag)


def _time(value: Mapping[str, Any], key: str) -> str:
    return time_words(value[key]) if value.get(key) else ""


def facts_of(value: Mapping[str, Any]) -> list[Fact]:
    """Everything that is said of a report but its text and its files, in words for whoever reads a
    newspaper; of empty fields nothing."""
    alias = value.get("alias") or ""
    facts = [
        (ID, value["id"]),
        ("Written by", " ".join(filter(None, [line(alias), value.get("from", "")]))),
        ("Arrived", _time(value, "arrived_s") + ", urgent" * bool(value.get("urgent"))),
        ("Written", value.get("written_day") or _time(value, "written_s")),
        ("Language", _language_words(line(value["language"]))),
        ("Where", line(value["where"])),
        ("When", line(value["when"])),
        ("How the writer knows", _KNOWN_BY[value["basis"]]),
        *(("How many", figure_words(figure)) for figure in value["figures"]),
        *_references(value),
    ]
    if "decided" in value:
        facts += _decided(value["decided"])
    facts += [
        (
            "File",
            f"{line(file['name'])} ({line(file['media_type'])}, {human_size(file['size_bytes'])})"
            f" SHA-256 {file['sha256']}",
        )
        for file in value["files"]
        if "sha256" in file
    ]
    facts += [
        ("Receipt", f"{word['parcel_id'][:8]} held on {word['day']} by {line(word['relay_name'])}")
        for word in value.get("custody", ())
    ]
    return [(name, said.strip(" ,")) for name, said in facts if said.strip(" ,")]


def _references(value: Mapping[str, Any]) -> list[Fact]:
    found = []
    for verb in ("corrects", "withdraws"):
        if value.get(verb):
            is_claim = "reference_counts" in value and not value["reference_counts"]
            claim = ", which is not known to be by the same author" * is_claim
            found.append((verb.capitalize(), f"{value[verb]}{claim}"))
    for reference in value.get("referred_to_by", ()):
        who = "by the same author" if reference["counts"] else "somebody else's claim"
        found.append((f"{reference['how'].capitalize()} it", f"{reference['id']} ({who})"))
    return found


def _decided(decided: Mapping[str, Any]) -> list[Fact]:
    facts = [("Checked", decided["state"]), ("Tags", ", ".join(map(line, decided["tags"])))]
    for element, found in decided["elements"].items():
        note = f": {line(found['note'])}" if found["note"] else ""
        facts.append((element.capitalize(), found["confidence"] + note))
    facts += [("Incident", line(incident["name"])) for incident in decided["incidents"]]
    return facts
