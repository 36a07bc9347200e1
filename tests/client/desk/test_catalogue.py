"""What reports are found by: folded words, fields, aliases; nothing of it readable on the disk."""

from __future__ import annotations

import random
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.client.desk.newsroom import Attached, Newsroom, Writer, open_directly
from tests.secret_search import runs_of, search

from qanat_client.desk.alias_words import ADJECTIVES, NOUNS
from qanat_client.desk.aliases import (
    alias_of,
    aliases_of,
    author_named,
    give_alias,
    words_for,
)
from qanat_client.desk.catalogue import (
    catalogue_some,
    catch_up,
    expression_for,
    uncatalogued,
    waiting,
)
from qanat_client.desk.decision_log import decision_log
from qanat_client.desk.decisions import (
    ReportState,
    gather,
    mark_read,
    mute,
    name_incident,
    set_state,
    star,
    tag,
)
from qanat_client.desk.desk import Desk
from qanat_client.desk.finding import Wish, count, find
from qanat_client.desk.folding import WORD_LETTERS, fold, words_of
from qanat_client.desk.inbox import items_of
from qanat_client.desk.vault import MIGRATIONS, VAULT_NAME, Vault
from qanat_client.errors import BadInput, DiskFull, HomeUnusable
from qanat_protocol.report import Basis, Figure, Report, encode_report, report_id
from qanat_protocol.signing import SigningKey


@pytest.mark.parametrize(
    ("wanted", "written"),
    [
        ("елка", "На площади горит ёлка."),
        ("ЁЛКА", "елка"),
        ("алматы", "Алматыда атыс болды"),
        ("Алматы", "алматылықтар"),
        ("казакстан", "Қазақстанда"),
        ("улкен", "үлкен"),
        ("كتاب", "این کتاب است"),
        ("کتاب", "هذا كتابٌ"),
        ("كتاب", "كِتَابُهُ"),
        ("کتاب", "کتاب\u200cها"),
        ("میخواهم", "می\u200cخواهم"),
        ("على", "علی"),
        ("مدرسة", "مدرسه"),
        ("احمد", "أحمد"),
        ("کتاب", "\ufed9\ufe98\ufe8e\ufe8f"),
        ("strasse", "In der Straße"),
        ("STRAẞE", "strasse"),
        ("muller", "Müller"),
        ("injur", "sixteen were injured"),
        ("больниц", "в больницу, в больнице, из больниц"),
        ("istanbul", "İstanbul"),
        ("lodz", "Łódź"),
        ("dont", "I don’t know"),
        ("16", "۱۶ نفر"),
        ("16", "١٦"),
        ("ｗｉｄｅ", "wide"),
        ("файл", "файл"),
        ("naïve", "nai\u0308ve"),
        ("взрыв улица", "улица, где был взрыв"),
        ("площадь", "на площади"),
        ("больницами", "в больницу"),
        ("взрывы", "один взрыв"),
        ("раненый", "сорок раненых"),
        ("Алматыда", "Алматы"),
        ("адамдар", "екі адам"),
        ("ауруханалардан", "аурухана"),
        ("Straßen", "eine Straße"),
        ("soldiers", "one soldier"),
        ("injuries", "sixteen injured"),
        ("press", "the press is here"),
        ("право", "правый берег"),
        ("правительственный", "правительственных зданий"),
    ],
)
def test_a_search_finds_what_is_written_in_another_way(wanted: str, written: str) -> None:
    vault = _vault_with([written, "Something else: другое, басқа, دیگر, anderes."])
    assert _texts(vault, Wish(words=wanted)) == [written]
    vault.close()


def test_words_that_only_begin_otherwise_or_stand_apart_are_not_found() -> None:
    vault = _vault_with(["ёлка на площади", "Straße", "injured", "много людей"])
    for wanted in ("люди", "лка", "strassburg", "injection", "плот", "елка strasse", "р", "ред"):
        assert _texts(vault, Wish(words=wanted)) == [], wanted
    vault.close()


def _vault_with(texts: list[str]) -> Vault:
    """A vault in memory that holds reports with these texts, catalogued."""
    vault = _waiting_vault(texts)
    catch_up(vault)
    return vault


def _waiting_vault(texts: list[str]) -> Vault:
    vault = Vault.in_memory()
    author = SigningKey.generate().public
    with vault.transaction():
        for number, text in enumerate(texts):
            content = encode_report(Report(author=author, nonce=number.to_bytes(16), text=text))
            identity = report_id(content)
            vault.run(
                "INSERT INTO parcels (id, offer, header, kind, state, bitmap, blocks_held, relay,"
                " arrived_s, expiry_day) VALUES (?1, ?1, x'', 1, 'opened', x'', 1, x'', 0, 1)",
                identity,
            )
            vault.run(
                "INSERT INTO reports (id, parcel_id, author, content, signature, urgent,"
                " arrived_s) VALUES (?1, ?1, ?2, ?3, x'', 0, 0)",
                identity,
                author,
                content,
            )
    return vault


def test_however_many_reports_are_passed_over_the_others_are_catalogued() -> None:
    vault = _waiting_vault(["one", "two"])
    readable, unreadable = uncatalogued(vault)
    many = [number.to_bytes(32) for number in range(40_000)]
    with vault.transaction():
        assert catalogue_some(vault, 9, but=[unreadable, *many]) == 1
    assert uncatalogued(vault) == [unreadable]
    assert [item.report_id for item in items_of(vault, find(vault, Wish()))] == [readable]


def _texts(vault: Vault, wish: Wish) -> list[str]:
    return [item.report.text for item in items_of(vault, find(vault, wish))]


async def _desk_with(newsroom: Newsroom, texts: list[str]) -> Desk:
    newsroom.settle()
    desk = newsroom.open()
    for text in texts:
        await open_directly(desk, Writer(desk.card, desk.today).write(text)[1])
    catch_up(desk.vault)
    return desk


@given(st.text(max_size=60))
def test_folding_a_folded_text_changes_nothing_and_leaves_only_words(text: str) -> None:
    assert fold(fold(text)) == fold(text)
    for word in words_of(text):
        assert 0 < len(word) <= WORD_LETTERS
        assert words_of(word) == [word]


@given(st.text(max_size=40), st.integers(2, 12))
def test_the_beginning_of_any_word_asks_for_that_word(text: str, letters: int) -> None:
    connection = sqlite3.connect(":memory:")
    connection.execute(
        "CREATE VIRTUAL TABLE w USING fts5 (words, content = '', detail = none, columnsize = 0,"
        " tokenize = 'ascii', prefix = '2 3 4 5 6 7')"
    )
    connection.execute("INSERT INTO w (rowid, words) VALUES (1, ?)", (" ".join(words_of(text)),))
    for word in words_of(text):
        expression = expression_for(word[:letters] if len(word) > 1 else word)
        found = connection.execute("SELECT rowid FROM w WHERE w MATCH ?", (expression,)).fetchall()
        assert found, (word, expression)
    connection.close()


@pytest.mark.parametrize("wanted", ["", "  ", "?!", '"', "*", "\u200c", "()"])
def test_a_search_without_a_word_says_so(wanted: str) -> None:
    vault = _vault_with(["text"])
    with pytest.raises(BadInput, match="no word"):
        find(vault, Wish(words=wanted))
    vault.close()


@pytest.mark.parametrize(
    "wanted",
    ['"text', "text*", "text AND", "NOT text", "NEAR(text)", "^text", "words:text", "-text"],
)
def test_signs_of_the_index_mean_nothing_in_a_search(wanted: str) -> None:
    vault = _vault_with(["text and not near words"])
    assert _texts(vault, Wish(words=wanted)) == ["text and not near words"]
    vault.close()


async def test_place_figures_and_names_of_files_are_found_too(newsroom: Newsroom) -> None:
    newsroom.settle()
    desk = newsroom.open()
    written, parcels = Writer(desk.card, desk.today).write(
        "Text.",
        [Attached("больница.jpg", b"a")],
        where="Алматы, Республика алаңы",
        what="Shooting",
        when="yesterday evening",
        figures=(Figure("wounded", 2, 3),),
    )
    await open_directly(desk, parcels)
    catch_up(desk.vault)
    for words in ("больниц jpg", "республика алан", "shoot wounded", "yesterday", "text"):
        assert find(desk.vault, Wish(words=words)) == [written], words
    desk.vault.close()


async def test_conditions_combine_and_the_newest_come_first(newsroom: Newsroom) -> None:
    newsroom.settle()
    desk = newsroom.open()
    one, two = Writer(desk.card, desk.today), Writer(desk.card, desk.today)
    fields: list[tuple[Writer, dict[str, Any], bool]] = [
        (one, {"language": "kk-Cyrl", "where": "Almaty, hospital 7", "basis": Basis.SEEN}, True),
        (one, {"language": "ru", "where": "Алматы", "basis": Basis.HEARD}, False),
        (two, {"language": "kk", "where": "Астана", "basis": Basis.SEEN}, False),
        (two, {"language": "kkx", "where": "", "basis": Basis.NOT_SAID}, True),
    ]
    ids = []
    for writer, named, urgent in fields:
        identity, parcels = writer.write("What happened.", urgent=urgent, **named)
        await open_directly(desk, parcels)
        newsroom.clock.now_s += 3600
        ids.append(identity)
    catch_up(desk.vault)
    a, b, c, d = ids
    log = decision_log(desk)
    log.record(
        [
            set_state(a, ReportState.CHECKING),
            set_state(b, ReportState.REJECTED),
            mark_read(a),
            star(c),
            tag(a, "hospital"),
            tag(a, "video"),
            tag(c, "video"),
            tag(d, "video"),
            tag(d, "video", is_added=False),
            name_incident(b"i" * 16, "Square"),
            gather(b"i" * 16, a),
            gather(b"i" * 16, c),
            gather(b"i" * 16, d),
            gather(b"i" * 16, d, is_added=False),
            mute(two.key.public),
        ]
    )
    begun_s = int(newsroom.clock()) - 4 * 3600
    expected = {
        Wish(): [d, c, b, a],
        Wish(words="happen"): [d, c, b, a],
        Wish(is_urgent=True): [d, a],
        Wish(is_first_hand=True): [c, a],
        Wish(languages=("KK",)): [c, a],
        Wish(languages=("ru", "kkx")): [d, b],
        Wish(places=("алмат",)): [b],
        Wish(places=("alm hosp",)): [a],
        Wish(places=("lmaty",)): [],
        Wish(states=frozenset({ReportState.NEW})): [d, c],
        Wish(states=frozenset({ReportState.NEW, ReportState.CHECKING})): [d, c, a],
        Wish(is_unread=True): [d, c, b],
        Wish(is_starred=True): [c],
        Wish(tags=("video",)): [c, a],
        Wish(tags=("video", "hospital")): [a],
        Wish(incident=b"i" * 16): [c, a],
        Wish(incident=b"j" * 16): [],
        Wish(author=one.key.public): [b, a],
        Wish(since_s=begun_s + 3600): [d, c, b],
        Wish(is_muted=True): [d, c],
        Wish(is_muted=False): [b, a],
        Wish(words="what", tags=("video",), is_first_hand=True, is_unread=True): [c],
        Wish(words="alm", languages=("kk",), is_urgent=True, author=one.key.public): [a],
        Wish(words="what", is_muted=False, states=frozenset({ReportState.REJECTED})): [b],
    }
    for wish, wanted in expected.items():
        assert find(desk.vault, wish) == wanted, wish
        assert find(desk.vault, wish, limit=1) == wanted[:1], wish
        assert count(desk.vault, wish) == len(wanted), wish
    desk.vault.close()


async def test_what_is_opened_waits_for_the_catalogue_and_is_taken_once(
    newsroom: Newsroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    newsroom.settle()
    desk = newsroom.open()
    writer = Writer(desk.card, desk.today)
    ids = []
    for number in range(5):
        identity, parcels = writer.write(f"report {number}")
        # The same letter twice is one report.
        await open_directly(desk, parcels)
        ids.append(identity)
    assert uncatalogued(desk.vault) == ids
    assert find(desk.vault, Wish()) == []
    monkeypatch.setattr("qanat_client.desk.catalogue.REPORTS_IN_A_COMMIT", 2)
    steps: list[int] = []
    assert catch_up(desk.vault, steps.append) == 5
    assert steps == [2, 2, 1]
    assert find(desk.vault, Wish()) == ids[::-1]
    assert waiting(desk.vault) == catch_up(desk.vault) == 0
    assert find(desk.vault, Wish(words="report")) == ids[::-1]
    desk.vault.close()


async def test_a_catalogue_that_is_cut_goes_on_where_it_was(
    newsroom: Newsroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    newsroom.settle()
    desk = newsroom.open()
    writer = Writer(desk.card, desk.today)
    for number in range(5):
        await open_directly(desk, writer.write(f"report {number}")[1])
    monkeypatch.setattr("qanat_client.desk.catalogue.REPORTS_IN_A_COMMIT", 2)
    run, calls = desk.vault.run, 0

    def full(statement: str, *parameters: object) -> int:
        nonlocal calls
        if "catalogue_words" in statement:
            calls += 1
            if calls == 4:
                raise DiskFull("the disk is full")
        return run(statement, *parameters)

    monkeypatch.setattr(desk.vault, "run", full)
    with pytest.raises(DiskFull):
        catch_up(desk.vault)
    assert count(desk.vault, Wish()) == 2
    assert catch_up(desk.vault) == 3
    assert count(desk.vault, Wish(words="report")) == 5
    desk.vault.close()


async def test_a_desk_of_an_older_version_is_catalogued_when_it_is_first_looked_through(
    tmp_path: Path, newsroom: Newsroom
) -> None:
    older = tmp_path / "older"
    older.mkdir()
    for step in sorted(MIGRATIONS.glob("*.sql"))[:2]:
        shutil.copy(step, older)
    desk = await _desk_with(newsroom, [])
    identity, parcels = Writer(desk.card, desk.today).write("Алматыда")
    await open_directly(desk, parcels)
    row = desk.vault.row("SELECT * FROM reports")
    parcel = desk.vault.row("SELECT * FROM parcels")
    desk.vault.close()
    assert row is not None
    assert parcel is not None
    home = tmp_path / "home"
    home.mkdir()
    vault = _vault_at(home, older)
    with vault.transaction():
        for name, values in (("parcels", parcel), ("reports", row)):
            vault.run(f"INSERT INTO {name} VALUES ({', '.join('?' * len(values))})", *values)  # noqa: S608
    vault.close()
    upgraded = Vault.open(home, newsroom.passphrase)
    assert uncatalogued(upgraded) == [identity]
    catch_up(upgraded)
    assert find(upgraded, Wish(words="алматы")) == [identity]
    upgraded.close()


def _vault_at(home: Path, migrations: Path) -> Vault:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("qanat_client.desk.vault.MIGRATIONS", migrations)
        return Vault.create(home / VAULT_NAME, Newsroom(home).passphrase)


async def test_the_folder_without_the_passphrase_shows_no_eight_bytes_of_a_report(
    newsroom: Newsroom,
) -> None:
    chance = random.Random(5)
    texts = [
        "На площади горит ёлка, раненых везут в больницу на улице Толе би.",
        "Алматыда кеше кешке қарай атыс болды, көпшілік үйлеріне тарады.",
        "In der Straße wurden sechzehn Menschen verletzt; the injured lie on the pavement.",
        "این کتاب را در میدان پیدا کردم و می\u200cخواهم آن را برگردانم",
        *("".join(chance.choices("abcdefghij klmnop", k=400)) for _ in range(200)),
    ]
    desk = await _desk_with(newsroom, texts)
    note = "the fountain is in the picture, and the witness is known"
    log = decision_log(desk)
    some = find(desk.vault, Wish(), limit=1)[0]
    log.record([tag(some, "a tag of eight or more"), name_incident(b"i" * 16, note)])
    assert find(desk.vault, Wish(words="больниц"))
    secrets = [
        *texts,
        *map(fold, texts),
        *(" ".join(words_of(text)) for text in texts),
        note,
        "a tag of eight or more",
        bytes.fromhex(desk.vault.setting("alias_secret") or ""),
        *(row[0] for row in desk.vault.rows("SELECT seed FROM editors")),
        *(row[0].encode() for row in desk.vault.rows("SELECT words FROM aliases")),
        *(row[0] for row in desk.vault.rows("SELECT content FROM decisions")),
    ]
    runs = runs_of(secrets)
    # Once while it is written, with the journal beside it, and once closed.
    with desk.vault.transaction():
        desk.vault.run("UPDATE catalogue SET place = place || ' somewhere'")
        desk.vault.run("DELETE FROM registers")
        assert (newsroom.home / f"{VAULT_NAME}-journal").exists()
        assert search([newsroom.home], runs) == []
    desk.vault.close()
    assert search([newsroom.home], runs) == []
    assert newsroom.home.joinpath(VAULT_NAME).stat().st_size > sum(map(len, texts))


def test_the_words_of_aliases_are_256_each_and_told_apart() -> None:
    for words in (ADJECTIVES, NOUNS):
        assert len(set(words)) == len(words) == 256
        assert all(word.isascii() and word.islower() and word.isalpha() for word in words)
    assert not set(ADJECTIVES) & set(NOUNS)


def test_an_alias_is_stable_at_one_desk_and_another_at_the_next() -> None:
    vault, other = Vault.in_memory(), Vault.in_memory()
    authors = [bytes([number]) * 32 for number in range(60)]
    with vault.transaction():
        first = [give_alias(vault, author) for author in authors]
    with vault.transaction():
        assert [give_alias(vault, author) for author in authors] == first
    with other.transaction():
        elsewhere = [give_alias(other, author) for author in authors]
    assert len(set(first)) == len(first)
    assert sum(mine == theirs for mine, theirs in zip(first, elsewhere, strict=True)) < 5
    assert aliases_of(vault, authors) == dict(zip(authors, first, strict=True))
    assert alias_of(vault, b"x" * 32) is None
    for author, alias in zip(authors, first, strict=True):
        assert author_named(vault, alias) == author
        assert author_named(vault, alias.replace("-", " ").upper()) == author


def test_two_who_get_the_same_words_are_told_apart_by_a_number() -> None:
    vault = Vault.in_memory()
    with vault.transaction():
        first = give_alias(vault, bytes(32))
        secret = bytes.fromhex(vault.setting("alias_secret") or "")
        wanted = words_for(secret, bytes(32))
        same = next(
            author
            for author in (number.to_bytes(32) for number in range(1, 1_000_000))
            if words_for(secret, author) == wanted
        )
        second = give_alias(vault, same)
    assert second == f"{first}-2"
    assert author_named(vault, second) == same
    assert author_named(vault, first) == bytes(32)
    for unknown in ("nobody here", f"{first}-3", f"{first}-{'9' * 30}", "", first.split("-")[0]):
        with pytest.raises(BadInput, match="nobody here is called"):
            author_named(vault, unknown)


def test_aliases_are_spread_over_all_the_words() -> None:
    seen = {words_for(b"s" * 32, number.to_bytes(32)) for number in range(5000)}
    # Of 65,536 pairs 5,000 throws hit 4,814 on average.
    assert 4700 < len(seen) < 4930
    assert len({words.split("-")[0] for words in seen}) == 256
    assert len({words.split("-")[1] for words in seen}) == 256


def test_a_vault_refuses_what_the_index_can_not_hold_by_name() -> None:
    vault = Vault.in_memory()
    with pytest.raises(HomeUnusable):
        vault.rows("SELECT rowid FROM catalogue_words WHERE catalogue_words MATCH '\"'")
    vault.close()
