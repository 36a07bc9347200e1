"""Targets of what editors decide and look for: records of decisions, and texts that are folded."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from functools import cache

from tests.fuzz.target import Shape, Target
from tests.protocol.samples import SIGNER, STRANGER, parses_or_refuses

from qanat_client.desk.catalogue import expression_for
from qanat_client.desk.decisions import (
    Confidence,
    Decision,
    Element,
    ReportState,
    assess,
    decision_id,
    decode_decision,
    delete_incident,
    encode_decision,
    gather,
    mute,
    name_incident,
    set_state,
    sign_decision,
    tag,
    verify_decision,
)
from qanat_client.desk.folding import WORD_LETTERS, beginnings_of, fold, words_of
from qanat_client.desk.standing import fold as fold_decisions

__all__ = ["TARGETS"]

_DESK_ID = bytes(range(32))
_REPORT = b"report" * 5 + b"id"


def _decision_law(data: bytes) -> None:
    """What is read means the same when it is written again, folds, and needs its signature."""
    decision = parses_or_refuses(decode_decision, data)
    if decision is None:
        return
    assert decode_decision(encode_decision(decision)) == decision
    fold_decisions([(decision_id(data), decision), (b"", decision)])
    if decision.author == SIGNER.public:
        signature = sign_decision(SIGNER, _DESK_ID, data)
        verified = verify_decision(
            data, signature, desk_id=_DESK_ID, editors=[SIGNER.public, STRANGER.public]
        )
        assert verified == decision


def _decision_seeds() -> Iterable[bytes]:
    changes = [
        set_state(_REPORT, ReportState.DOUBTFUL),
        assess(_REPORT, Element.PLACE, Confidence.HIGH, "the fountain\nis in the picture"),
        tag(_REPORT, "больница"),
        mute(STRANGER.public),
        name_incident(b"i" * 16, "The square"),
        gather(b"i" * 16, _REPORT),
        delete_incident(b"i" * 16),
    ]
    for clock, change in enumerate(changes, 1):
        yield encode_decision(Decision(SIGNER.public, clock, 1_641_470_400, change))


@cache
def _index() -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:", check_same_thread=False)
    connection.execute(
        "CREATE VIRTUAL TABLE w USING fts5 (words, detail = none, columnsize = 0,"
        " tokenize = 'ascii', prefix = '2 3 4 5 6 7')"
    )
    return connection


def _folding_law(data: bytes) -> None:
    """A folded text folds to itself, and a search with any text finds that text or has no word."""
    text = data.decode("utf-8", "replace")
    assert fold(fold(text)) == fold(text)
    words = words_of(text)
    assert all(0 < len(word) <= WORD_LETTERS for word in [*words, *beginnings_of(text)])
    expression = expression_for(text)
    assert bool(expression) == bool(words)
    if expression:
        index = _index()
        index.execute("DELETE FROM w")
        index.execute("INSERT INTO w (rowid, words) VALUES (1, ?)", (" ".join(words),))
        assert index.execute("SELECT rowid FROM w WHERE w MATCH ?", (expression,)).fetchall()
        index.rollback()


def _folding_seeds() -> Iterable[bytes]:
    for text in (
        "На площади горит ёлка; Алматыда атыс болды.",
        "می\u200cخواهم این کِتاب را، ۱۶ نفر",
        "In der Straße: STRAẞE, İstanbul, naïve, Łódź, ﷺ",
        '"text* AND NOT NEAR(x) ^a:b',
        "𝓐\u0300\u0345\ufb03\uff21Ǆ",
    ):
        yield text.encode()


TARGETS = (
    Target("decision", _decision_law, _decision_seeds, shape=Shape.RECORD),
    Target("folding", _folding_law, _folding_seeds, max_bytes=2048),
)
