"""Somebody who writes reports to spoil the desk's screen: what one person sends is never dear."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest
from tests.client.desk.newsroom import NOW_S, Newsroom, Writer, open_directly

from qanat_client.desk.black_out import BlackOut
from qanat_client.desk.catalogue import catch_up
from qanat_client.desk.decision_log import decision_log
from qanat_client.desk.decisions import gather, name_incident
from qanat_client.desk.desk import Desk
from qanat_client.desk.places.matching import find_place
from qanat_client.desk.relating.figures import figures_of, figures_of_incident
from qanat_client.desk.relating.suggestions import related
from qanat_protocol.report import MAX_FIGURES, MAX_TEXT_BYTES, MAX_WHERE_BYTES, Figure

DEAR = "Nothing that one reporter writes keeps the desk's screen waiting for longer than seconds."
MOST_CPU_S = 5.0
REPORTS = 24
INCIDENT = b"i" * 16


@pytest.fixture
def desk(newsroom: Newsroom) -> Iterator[Desk]:
    newsroom.settle()
    desk = newsroom.open()
    yield desk
    desk.vault.close()


def cost_s(work: Callable[[], object]) -> float:
    """Processor seconds of this thread."""
    begun_s = time.thread_time()
    work()
    return time.thread_time() - begun_s


def cut(text: str, most_bytes: int) -> str:
    """As much of it as a field takes."""
    return text.encode()[:most_bytes].decode(errors="ignore").strip()


def dear_figures() -> tuple[Figure, ...]:
    """As many as a report holds, of one thing, each in as many words as there is room for."""
    endings = " ".join(f"арестованными{number}" for number in range(9))
    return tuple(
        Figure(cut(f"погибших {number} {endings}", 250), number, number + 5)
        for number in range(MAX_FIGURES)
    )


@pytest.mark.promise(DEAR)
async def test_figures_of_many_long_reports_are_compared_in_a_moment(desk: Desk) -> None:
    ids = []
    for number in range(REPORTS):
        writer = Writer(desk.card, desk.today)
        ident, parcels = writer.write(
            "-", figures=dear_figures(), where="Алматы", written_s=int(NOW_S) - number
        )
        await open_directly(desk, parcels)
        ids.append(ident)
    catch_up(desk.vault)
    changes = [name_incident(INCIDENT, "All"), *(gather(INCIDENT, each, True) for each in ids)]
    decision_log(desk).record(changes)
    (row, *_) = compared = figures_of(desk.vault, ids[0])
    assert (len(compared), len(row.others)) == (MAX_FIGURES, (REPORTS - 1) * MAX_FIGURES)
    assert cost_s(lambda: figures_of(desk.vault, ids[0])) < MOST_CPU_S
    assert cost_s(lambda: figures_of_incident(desk.vault, INCIDENT)) < MOST_CPU_S
    assert cost_s(lambda: related(desk.vault, ids[0])) < MOST_CPU_S


@pytest.mark.promise(DEAR)
async def test_a_report_of_the_longest_fields_is_made_ready_in_a_moment(desk: Desk) -> None:
    for text in ("а ", "кошеси ", "\u1019\u102d\u102f ", "ab1", "ﷺ"):
        writer = Writer(desk.card, desk.today)
        where = cut(text * MAX_WHERE_BYTES, MAX_WHERE_BYTES)
        _, parcels = writer.write(cut(text * MAX_TEXT_BYTES, MAX_TEXT_BYTES), where=where)
        await open_directly(desk, parcels)
        find_place("Almaty")
        assert cost_s(lambda: catch_up(desk.vault)) < MOST_CPU_S


@pytest.mark.promise(DEAR)
@pytest.mark.parametrize(
    ("written", "word"),
    [("ali", "ali"), ("a\u0300", "a"), ("1", "12345"), ("1_", "11111112"), ("a ", "a b")],
)
def test_a_word_that_fills_a_text_is_blacked_out_in_a_moment(written: str, word: str) -> None:
    text = cut(written * MAX_TEXT_BYTES, MAX_TEXT_BYTES)
    assert cost_s(lambda: BlackOut([word]).text(text)) < MOST_CPU_S
