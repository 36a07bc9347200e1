"""A bulletin that corrects another. The wire has no field for it (SPEC 11), so that the title and
the first line say it, in the bulletin's language where its words are here, else in English.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from qanat_client.desk.faults import UnknownBulletin
from qanat_client.desk.vault import Vault
from qanat_protocol.days import day_of, iso
from qanat_protocol.public import DocumentClass

__all__ = ["Corrected", "Wording", "corrected", "correction_of"]

MAX_TITLE_BYTES: Final = 256

# For the title, and for the first line with the number, the day and the title of the other.
_WORDS: Final = {
    "de": ("Berichtigung", "Dies berichtigt die Meldung {number}{day}{title}."),
    "en": ("Correction", "This corrects bulletin {number}{day}{title}."),
    "fa": ("اصلاحیه", "این خبرنامهٔ {number}{day}{title} را اصلاح می‌کند."),
    "kk": ("Түзету", "Бұл {number}-бюллетеньді түзетеді{day}{title}."),
    "ru": ("Исправление", "Это исправляет сводку {number}{day}{title}."),
}


@dataclass(frozen=True, slots=True)
class Wording:
    """What a bulletin says in one language."""

    text: str
    title: str = ""
    language: str = ""


@dataclass(frozen=True, slots=True)
class Corrected:
    """A bulletin that another corrects; `day` (ISO) and `title` are empty where they are not
    known."""

    serial: int
    day: str
    title: str


def corrected(vault: Vault, serial: int, language: str) -> Corrected:
    """The bulletin with this serial, or what was made together with it in this language. Raises
    UnknownBulletin."""
    title = vault.value(
        "SELECT title FROM documents WHERE class = ? AND serial = ?",
        int(DocumentClass.BULLETIN),
        serial,
    )
    if title is None:
        raise UnknownBulletin(f"there is no bulletin {serial} that could be corrected")
    found = vault.row(
        "SELECT serial, made_s, title FROM bulletins WHERE together ="
        " (SELECT together FROM bulletins WHERE serial = ?1)"
        " ORDER BY language = ?2 DESC, serial = ?1 DESC LIMIT 1",
        serial,
        language,
    )
    if found is None:
        return Corrected(serial, "", title)
    return Corrected(found[0], iso(day_of(found[1])), found[2])


def correction_of(wording: Wording, before: Corrected) -> Wording:
    """The same, saying in its title and its first line what it corrects."""
    known = wording.language.casefold().partition("-")[0]
    word, line = _WORDS.get(known, _WORDS["en"])
    first = line.format(
        number=before.serial,
        day=f" ({before.day})" if before.day else "",
        title=f" «{before.title}»" if before.title else "",
    )
    title = f"{word}: {wording.title or before.title or before.serial}"
    cut = title.encode()[:MAX_TITLE_BYTES].decode(errors="ignore")
    return replace(wording, title=cut, text=f"{first}\n\n{wording.text}")
