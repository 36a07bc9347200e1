"""What reports of a shutdown count, in Kazakh, Russian, English, German and Persian, folded.

A short list and no dictionary: what is not in it is compared by its own words.
"""

from __future__ import annotations

from typing import Final

__all__ = ["CONCEPTS", "EXACT", "NOBODY"]

_BEGINNINGS: Final = {
    "dead": """
        dead death died kill fatal corpse bodies погиб убит мертв умер труп олген олтир опат кайтыс
        getotet gestorb leiche todesopf کشته مرده جانباخت شهید قتل
    """,
    "wounded": """
        wound injur ранен поранен пострада травмир жарала жаралы жаракат verletz verwund زخمی مجروح
        جریح جرح مصاب
    """,
    "detained": """
        detain arrest задерж арест усталг усталд камауга камалг festgeno verhaft بازداشت دستگیر
        معتقل اعتقال
    """,
    "missing": "missing disappea пропал пропавш жогал хабарсыз vermiss مفقود ناپدید",
    "protesters": """
        protest demonstr marcher протест митинг демонстр шеруш наразы معترض تظاهر
    """,
    "soldiers": "soldier troop солдат военн сарбаз аскер soldat سرباز نظام",
    "police": "polic полиц милици polizei polizist پلیس",
}

CONCEPTS: Final = {name: tuple(words.split()) for name, words in _BEGINNINGS.items()}
"""What a folded word begins with, by what is counted."""

# As beginnings they would be others too: a telephone, a Kazakh, the total.
_DEAD: Final = "body тел тела каза мерт tot tote toten toter"
EXACT: Final = {name: frozenset[str]() for name in CONCEPTS} | {
    "dead": frozenset(_DEAD.split()),
    "wounded": frozenset({"hurt"}),
}
"""Whole folded words, by the same."""

_NOBODY: Final = "people person человек люд адам mensch leute نفر مردم"
NOBODY: Final = tuple(_NOBODY.split())
"""Beginnings of words that say only that people are counted."""
