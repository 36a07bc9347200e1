"""What reports say together of where and when, in a real vault with reports in five languages."""

from __future__ import annotations

import shutil
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.client.desk.newsroom import NOW_S, Newsroom, Writer, open_directly
from tests.client.desk.serve.window import window_on

from qanat_client.desk.catalogue import MAX_UNDERWAY_S, catch_up
from qanat_client.desk.decision_log import decision_log
from qanat_client.desk.decisions import mute, star
from qanat_client.desk.desk import Desk
from qanat_client.desk.finding import EVERYTHING, Wish, find
from qanat_client.desk.places.overview import (
    BUCKETS_S,
    DAY_S,
    HOUR_S,
    MAX_HOURS,
    overview,
)
from qanat_client.desk.vault import MIGRATIONS, Vault
from qanat_client.errors import BadInput
from qanat_protocol.report import Report, encode_report, report_id

ALMATY, AKSU = 1526384, 1524298
NOW = int(NOW_S)
SOMEBODY = b"\x01" * 32

# Where, the language, how long before its arrival it was written, whether it is urgent.
MORNING = [
    ("Алматы, Республика алаңы", "kk", HOUR_S, True),
    ("в Алматы", "ru", 2 * HOUR_S, False),
    ("Almaty, Republic Square", "en", 26 * HOUR_S, False),
    ("Alma-Ata, Flughafen", "de", 60, False),
    ("آلماتی", "fa", 60, False),
    ("Жаңаөзенде", "kk", 3 * HOUR_S, False),
    ("Аксу", "ru", HOUR_S, True),
    ("у моста", "ru", HOUR_S, False),
    ("У моста!", "ru", HOUR_S, False),
    ("", "en", HOUR_S, False),
]


async def bring_morning(desk: Desk) -> list[bytes]:
    """These reports, one by one; their ids."""
    ids = []
    for where, language, delay_s, urgent in MORNING:
        writer = Writer(desk.card, desk.today)
        identity, made = writer.write(
            where=where, language=language, written_s=NOW - delay_s, urgent=urgent
        )
        await open_directly(desk, made)
        ids.append(identity)
    catch_up(desk.vault)
    return ids


async def test_reports_of_one_city_in_five_languages_are_one_cluster(newsroom: Newsroom) -> None:
    newsroom.settle()
    desk = newsroom.open()
    await bring_morning(desk)
    found = overview(desk.vault, EVERYTHING)
    assert [
        (each.place.names["en"], each.reports, each.urgent, each.unsure) for each in found.clusters
    ] == [("Almaty", 5, 1, 0), ("Zhanaozen", 1, 0, 0), ("Aksu", 1, 1, 1)]
    assert {each.newest_s for each in found.clusters} == {NOW}
    assert (found.reports, found.unplaced) == (10, 3)
    assert [(each.where, each.reports) for each in found.unplaced_places] == [
        ("У моста!", 2),
        ("", 1),
    ]
    desk.vault.close()


async def test_hours_are_counted_by_both_clocks_and_delays_between_them(
    newsroom: Newsroom,
) -> None:
    newsroom.settle()
    desk = newsroom.open()
    await bring_morning(desk)
    found = overview(desk.vault, EVERYTHING)
    hour = NOW // HOUR_S * HOUR_S
    written = Counter((NOW - delay_s) // HOUR_S * HOUR_S for _, _, delay_s, _ in MORNING)
    assert found.step_s == HOUR_S
    assert {span.start_s: span.written for span in found.spans if span.written} == written
    assert {span.start_s: span.arrived for span in found.spans if span.arrived} == {hour: 10}
    delays = found.delays
    assert (delays.p50_s, delays.p90_s) == (HOUR_S, 3 * HOUR_S)
    assert {each.up_to_s: each.reports for each in delays.buckets if each.reports} == {
        900: 2,
        HOUR_S: 5,
        3 * HOUR_S: 2,
        2 * DAY_S: 1,
    }
    desk.vault.close()


async def test_the_filters_of_the_inbox_narrow_the_map_too(newsroom: Newsroom) -> None:
    newsroom.settle()
    desk = newsroom.open()
    ids = await bring_morning(desk)
    author = desk.vault.value("SELECT author FROM reports WHERE id = ?", ids[0])
    decision_log(desk).record([star(ids[1]), mute(author)])

    def cities(wish: Wish) -> dict[str, int]:
        found = overview(desk.vault, wish)
        assert found.reports == len(find(desk.vault, wish))
        counts = {each.place.names["en"]: each.reports for each in found.clusters}
        return counts | ({"-": found.unplaced} if found.unplaced else {})

    assert cities(Wish(is_urgent=True)) == {"Almaty": 1, "Aksu": 1}
    assert cities(Wish(languages=("ru",))) == {"Almaty": 1, "Aksu": 1, "-": 2}
    assert cities(Wish(is_starred=True)) == {"Almaty": 1}
    assert cities(Wish(cities=(ALMATY,))) == {"Almaty": 5}
    assert cities(Wish(cities=(ALMATY, AKSU), is_muted=False)) == {"Almaty": 4, "Aksu": 1}
    assert cities(Wish(cities=(0,))) == {"-": 3}
    assert cities(Wish(cities=(0,), words="моста")) == {"-": 2}
    assert cities(Wish(words="площадь")) == {}
    assert cities(Wish(since_s=NOW + 1)) == {}
    assert overview(desk.vault, Wish(cities=(ALMATY,))).unplaced_places == ()
    with pytest.raises(BadInput, match="no word"):
        overview(desk.vault, Wish(words="!"))
    desk.vault.close()


def vault_with(times: list[tuple[int, int]]) -> Vault:
    """A vault in memory with a report for each (written_s, arrived_s), catalogued."""
    vault = Vault.in_memory()
    with vault.transaction():
        for number, (written_s, arrived_s) in enumerate(times):
            content = encode_report(
                Report(
                    author=SOMEBODY,
                    text="A report.",
                    nonce=number.to_bytes(16),
                    written_s=written_s,
                )
            )
            identity = report_id(content)
            vault.run(
                "INSERT INTO parcels (id, offer, header, kind, state, bitmap, blocks_held, relay,"
                " arrived_s, expiry_day) VALUES (?1, ?1, x'', 1, 'opened', x'', 1, x'', 0, 1)",
                identity,
            )
            vault.run(
                "INSERT INTO reports (id, parcel_id, author, content, signature, urgent,"
                " arrived_s) VALUES (?1, ?1, ?2, ?3, x'', 0, ?4)",
                identity,
                SOMEBODY,
                content,
                arrived_s,
            )
    catch_up(vault)
    return vault


def test_clocks_that_cannot_be_right_are_counted_apart() -> None:
    vault = vault_with([
        (NOW - HOUR_S, NOW),
        (0, NOW),
        (NOW + 1, NOW),
        (NOW + 400 * DAY_S, NOW),
        (NOW - MAX_UNDERWAY_S, NOW),
        (NOW - MAX_UNDERWAY_S - 1, NOW),
        (1, NOW),
    ])  # fmt: skip
    found = overview(vault, EVERYTHING)
    delays = found.delays
    assert (delays.early, delays.absurd, delays.not_said) == (2, 2, 1)
    assert sum(each.reports for each in delays.buckets) == 2
    # A clock that is a second fast is right enough for the hour.
    assert sum(span.written for span in found.spans) == 3
    assert sum(span.arrived for span in found.spans) == 7
    vault.close()


def test_what_lasts_months_is_counted_by_the_day() -> None:
    vault = vault_with([(NOW - at * HOUR_S - 60, NOW - at * HOUR_S) for at in (0, 1, MAX_HOURS)])
    found = overview(vault, EVERYTHING)
    assert found.step_s == DAY_S
    assert all(span.start_s % DAY_S == 0 for span in found.spans)
    assert sum(span.arrived for span in found.spans) == 3
    vault.close()


def test_a_desk_without_a_report_has_an_empty_map() -> None:
    vault = Vault.in_memory()
    found = overview(vault, EVERYTHING)
    assert (found.reports, found.clusters, found.unplaced, found.spans) == (0, (), 0, ())
    assert (found.delays.p50_s, found.delays.p90_s) == (None, None)
    vault.close()


@given(
    st.lists(
        st.tuples(st.integers(0, 2**33), st.integers(1, 2**33)),
        max_size=30,
        unique=True,
    )
)
def test_every_report_is_counted_once_whatever_its_clock(times: list[tuple[int, int]]) -> None:
    vault = vault_with(times)
    found = overview(vault, EVERYTHING)
    delays = found.delays
    assert found.reports == len(times) == found.unplaced
    assert sum(span.arrived for span in found.spans) == len(times)
    timed = sum(each.reports for each in delays.buckets)
    assert timed + delays.early + delays.absurd + delays.not_said == len(times)
    assert tuple(each.up_to_s for each in delays.buckets) == BUCKETS_S
    starts = [span.start_s for span in found.spans]
    assert starts == sorted(set(starts))
    if delays.p50_s is not None and delays.p90_s is not None:
        assert 0 <= delays.p50_s <= delays.p90_s <= MAX_UNDERWAY_S
    vault.close()


async def test_a_vault_of_before_knows_its_cities_behind_the_next_look(
    newsroom: Newsroom, tmp_path: Any
) -> None:
    newsroom.settle()
    (newsroom.home / "desk.vault").unlink()
    older = tmp_path / "migrations"
    older.mkdir()
    for step in MIGRATIONS.glob("*.sql"):
        if int(step.name.partition("_")[0]) < 7:
            shutil.copy(step, older)
    path = newsroom.home / "desk.vault"
    vault = Vault._connect(path, newsroom.passphrase)
    vault.close()
    vault = Vault.open(newsroom.home, newsroom.passphrase, migrations=older)
    content = encode_report(
        Report(author=SOMEBODY, text="A report.", nonce=bytes(16), where="в Алматыда")
    )
    with vault.transaction():
        vault.run(
            "INSERT INTO parcels (id, offer, header, kind, state, bitmap, blocks_held, relay,"
            " arrived_s, expiry_day) VALUES (?1, ?1, x'', 1, 'opened', x'', 1, x'', 0, 1)",
            report_id(content),
        )
        vault.run(
            "INSERT INTO reports (id, parcel_id, author, content, signature, urgent, arrived_s)"
            " VALUES (?1, ?1, ?2, ?3, x'', 0, 5)",
            report_id(content),
            SOMEBODY,
            content,
        )
    vault.close()
    vault = Vault.open(newsroom.home, newsroom.passphrase)
    assert overview(vault, EVERYTHING).reports == 0
    catch_up(vault)
    assert [each.place.number for each in overview(vault, EVERYTHING).clusters] == [ALMATY]
    vault.close()


async def test_the_server_tells_the_map_and_shows_a_city_in_the_inbox(newsroom: Newsroom) -> None:
    newsroom.settle()
    async with window_on(newsroom) as window:
        ids = await bring_morning(window.desk)
        found = await window.post("/api/overview", {"languages": ["kk", "ru"]})
        assert found["reports"] == 6
        almaty, _, aksu = found["clusters"]
        assert almaty == {
            "place": "Almaty",
            "names": {"en": "Almaty", "kk": "Алматы", "ru": "Алматы"},
            "country": "KZ",
            "is_region": False,
            "lat": 43.252,
            "lon": 76.912,
            "reports": 2,
            "urgent": 1,
            "unsure": 0,
            "region": None,
            "namesakes": [],
            "newest_s": NOW,
        }
        assert (aksu["place"], aksu["unsure"]) == (f"Aksu {AKSU}", 1)
        assert aksu["region"] == "Pavlodar region"
        other = {"place": "Aksu 1525462", "region": "Turkistan region"}
        assert other in aksu["namesakes"]
        assert found["unplaced"] == {
            "place": "none",
            "n": 2,
            "places": [{"where": "У моста!", "n": 2}],
        }
        for city, expected in [
            ("Almaty", ids[:5]),
            ("алматы", ids[:5]),
            (aksu["place"], ids[6:7]),
            ("none", ids[7:]),
        ]:
            page = await window.post("/api/inbox", {"cities": [city]})
            assert [row["id"] for row in page["rows"]] == [each.hex() for each in expected[::-1]]
        said = await window.ask("POST", "/api/overview", {"cities": ["Atlantis"]})
        assert (said.status, "Atlantis" in said.value["error"]) == (400, True)
        assert (await window.ask("POST", "/api/overview", {"limit": 3})).status == 400
        window.session = None
        assert (await window.ask("POST", "/api/overview", {})).status == 401
