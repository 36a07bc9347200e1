"""When two reports are of one place: by its words in any form and alphabet, and by its city."""

from __future__ import annotations

import pytest
from tests.client.desk.room import Room

from qanat_client.desk.relating.figures import figures_of
from qanat_client.desk.relating.keys import place_keys
from qanat_client.desk.relating.suggestions import Kind
from qanat_protocol.report import Figure


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Алматы", "Алматыда"),
        ("Алматы", "Almaty"),
        ("Қызылорда", "Qyzylorda"),
        ("Жаңаөзенде", "Zhanaozen"),
        ("Павлодар", "Pavlodar"),
        ("Шымкентте", "Shymkent"),
        ("алаңы", "алаңда"),
        ("Талдықорған", "Taldykorgan"),
        ("Straße", "STRASSE"),
        ("آلماتی", "Алматы"),
    ],
)
def test_a_place_is_the_same_in_another_form_and_in_another_alphabet(one: str, other: str) -> None:
    assert place_keys(one) == place_keys(other)
    assert len(place_keys(one)) == 1


def test_places_that_begin_alike_are_told_apart() -> None:
    names = ["Жаңаөзен", "Жаңатас", "Алматы", "Алға", "Ақтау", "Ақтөбе", "Астана", "Атырау"]
    assert len({*map(str, map(place_keys, names))}) == len(names)
    assert place_keys("") == place_keys("- , a") == ()
    assert place_keys("7") == ("7",)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Алматы", "الماتی"),
        ("Алма-Ата, центр", "Almaty"),
        ("Астанада", "Nur-Sultan"),
        ("Целиноград", "آستانه"),
        ("Мандалай", "မန္တလေး"),
    ],
)
async def test_a_city_is_one_place_whatever_it_is_called(room: Room, one: str, other: str) -> None:
    await room.take("one", "a b", where=one, figures=(Figure("wounded", 7, 7),))
    await room.take("other", "c d", where=other, figures=(Figure("wounded", 9, 9),))
    await room.take("elsewhere", "e f", where="Aktau", figures=(Figure("wounded", 8, 8),))
    for name, found in (("one", "other"), ("other", "one")):
        assert room.related(name) == {found: {Kind.PLACE, Kind.TIME}}
        (compared,) = figures_of(room.desk.vault, room.ids[name])
        assert [said.item.report_id for said in compared.others] == [room.ids[found]]


async def test_the_same_city_under_another_name_is_named_by_both(room: Room) -> None:
    await room.take("one", "a b", where="Целиноград, вокзал")
    await room.take("other", "c d", where="Астана")
    reasons = room.found("one").suggestions[0].reasons
    assert "the same place: Целиноград (Astana)" in {reason.words for reason in reasons}


async def test_a_name_that_several_cities_have_is_compared_by_its_words(room: Room) -> None:
    await room.take("one", "a b", where="Аксу")
    await room.take("other", "c d", where="Аксу, Павлодарская область")
    assert room.related("one") == {"other": {Kind.PLACE, Kind.TIME}}
