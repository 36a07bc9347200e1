"""Which city a reporter's words mean, in five languages; what cannot be told is never dropped."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qanat_client.desk.places.matching import NOWHERE, find_place
from qanat_client.desk.places.naming import NO_CITY, city_named, name_of
from qanat_client.desk.places.table import all_places, place_numbered
from qanat_client.errors import BadInput

ALMATY, ASTANA = 1526384, 1526273
KAZAKH_LETTERS = re.compile("[әғқңөұүһі]")


@pytest.mark.parametrize(
    ("where", "language", "city"),
    [
        ("Almaty, Republic Square", "en", "Almaty"),
        ("в Алматыда", "ru", "Almaty"),
        ("алматы", "ru", "Almaty"),
        ("АЛМАТЫ қаласы", "kk", "Almaty"),
        ("Алматыдан шығар жолда", "kk", "Almaty"),
        ("алматылықтар алаңда", "kk", "Almaty"),
        ("Алма-Ата", "ru", "Almaty"),
        ("Алма Ата, площадь", "ru", "Almaty"),
        ("Almaty’s old square", "en", "Almaty"),
        ("Нур-Султан", "ru", "Astana"),
        ("Нурсултан, левый берег", "ru", "Astana"),
        ("Nur-Sultan", "en", "Astana"),
        ("Нұр-Сұлтанда", "kk", "Astana"),
        ("Астана", "kk", "Astana"),
        ("в Целинограде", "ru", "Astana"),
        ("в Караганде", "ru", "Karagandy"),
        ("Қарағандыда", "kk", "Karagandy"),
        ("Qarağandı", "kk", "Karagandy"),
        ("Актобе", "ru", "Aktobe"),
        ("Ақтөбеде", "kk", "Aktobe"),
        ("в Актюбинске", "ru", "Aktobe"),
        ("Жаңаөзенде", "kk", "Zhanaozen"),
        ("в Жанаозене, у акимата", "ru", "Zhanaozen"),
        ("Усть-Каменогорск", "ru", "Ust-Kamenogorsk"),
        ("усть каменогорске", "ru", "Ust-Kamenogorsk"),
        ("Өскеменде", "kk", "Ust-Kamenogorsk"),
        ("в Уральске", "ru", "Oral"),
        ("Орал", "kk", "Oral"),
        ("в Рудном", "ru", "Rudnyy"),
        ("Семей", "kk", "Semey"),
        ("под Семипалатинском", "ru", "Semey"),
        ("Талдықорғандағы", "kk", "Taldykorgan"),
        ("Каскелен", "ru", "Kaskelen"),
        ("Kökschetau", "de", "Kokshetau"),
        ("Шымкенттен", "kk", "Shymkent"),
        ("Шу", "ru", "Shu"),
        ("تهران، میدان آزادی", "fa", "Tehran"),
        ("در تهران", "fa", "Tehran"),
        ("مشهد", "fa", "Mashhad"),
        ("قم", "fa", "Qom"),
        ("Teheran", "de", "Tehran"),
        ("ရန်ကုန်မြို့ လှည်းတန်း", "my", "Yangon"),
        ("ရန်ကုန်မြို့မှာ", "my", "Yangon"),
        ("Yangon, Hledan", "en", "Hledan"),
        ("ঢাকায় শাহবাগ", "bn", "Dhaka"),
        ("চট্টগ্রামে", "bn", "Chattogram"),
        ("Minsk", "en", "Minsk"),
        ("у Мінску", "be", "Minsk"),
        ("в Минске, площадь Независимости", "ru", "Minsk"),
        ("Kampala", "en", "Kampala"),
    ],
)
def test_a_city_is_found_by_the_words_that_people_write(
    where: str, language: str, city: str
) -> None:
    found = find_place(where, language)
    assert found.place is not None
    assert (found.place.names["en"], found.is_sure) == (city, True)


@pytest.mark.parametrize(
    ("where", "place"),
    [
        ("Карагандинская область", "Karaganda region"),
        ("Алматинская обл.", "Almaty region"),
        ("Алматы облысында", "Almaty region"),
        ("Almaty region", "Almaty region"),
        ("область Абай", "Abai region"),
        ("ВКО", "East Kazakhstan region"),
        ("Талгар, Алматинская область", "Talghar"),
        ("Алматы облысы, Талғар", "Talghar"),
        ("улица Абая, Алматы", "Almaty"),
        ("Абай 12, Алматы", "Almaty"),
        ("Абай көшесі, Алматы", "Almaty"),
        ("Боралдай, Алматы", "Boralday"),
    ],
)
def test_the_longest_name_counts_and_a_street_is_no_city(where: str, place: str) -> None:
    found = find_place(where, "ru").place
    assert found is not None
    assert found.names["en"] == place


@pytest.mark.parametrize(
    ("where", "number", "is_sure"),
    [
        ("Аксу", 1524298, False),
        ("Аксу, Павлодарская область", 1524298, True),
        ("Аксу, Туркестанская область", 1525462, True),
        ("Абай", 1526970, False),
        ("Алматы, Астана", ALMATY, False),
        ("Астана Алматы", ALMATY, False),
        ("Актау", 610612, True),
    ],
)
def test_what_may_as_well_be_another_place_says_so(where: str, number: int, is_sure: bool) -> None:
    found = find_place(where, "ru")
    assert (found.number, found.is_sure) == (number, is_sure)


@pytest.mark.parametrize(
    "where",
    [
        "", "  ", "\u200b", "🙂", "the square in front of the city hall", "у моста",
        "на озере у мира", "Rest area at the main road", "у шу реки вода", "Казахстан",
        "Қазақстан", "Kazakhstan",
        "центральная площадь", "алаңда", "خیابان اصلی", "у больницы номер 2", "улица", "область",
        "2", "Republic Square", "Hauptplatz",
    ],
)  # fmt: skip
def test_words_that_name_no_city_are_taken_for_none(where: str) -> None:
    assert find_place(where) == NOWHERE


def test_the_same_word_means_the_city_of_the_country_whose_language_it_is_in() -> None:
    persian = find_place("بابل", "fa").place
    assert persian is not None
    assert persian.country == "IR"
    assert all(
        (place := find_place("Мир", language).place) is None or place.country == "BY"
        for language in ("ru", "be", "kk")
    )


def test_every_place_of_the_table_is_sound_and_has_a_name_of_its_own_in_filters() -> None:
    places = all_places()
    assert len({place.number for place in places}) == len(places)
    for place in places:
        assert -90 <= place.lat <= 90
        assert -180 <= place.lon <= 180
        assert place.population >= 0
        name = place.names["en"]
        assert name == name.strip()
        assert city_named(name_of(place)) == place.number


def test_every_city_of_kazakhstan_has_a_name_in_three_languages() -> None:
    places = [place for place in all_places() if place.country == "KZ"]
    assert len([place for place in places if place.is_region]) == 17
    for place in places:
        assert set(place.names) == {"en", "kk", "ru"}, place.names
        if not place.is_region or not place.names["ru"].startswith("область"):
            assert not KAZAKH_LETTERS.search(place.names["ru"].casefold()), place.names
        assert 40 < place.lat < 56
        assert 46 < place.lon < 88


def test_the_largest_cities_of_kazakhstan_have_these_names() -> None:
    cities = sorted(
        (place for place in all_places() if place.country == "KZ"),
        key=lambda place: -place.population,
    )
    assert [(city.names["kk"], city.names["ru"]) for city in cities[:20]] == [
        ("Алматы", "Алматы"),
        ("Астана", "Астана"),
        ("Шымкент", "Шымкент"),
        ("Ақтөбе", "Актобе"),
        ("Қарағанды", "Караганда"),
        ("Тараз", "Тараз"),
        ("Қызылорда", "Кызылорда"),
        ("Орал", "Уральск"),
        ("Павлодар", "Павлодар"),
        ("Өскемен", "Усть-Каменогорск"),
        ("Семей", "Семей"),
        ("Атырау", "Атырау"),
        ("Түркістан", "Туркестан"),
        ("Қостанай", "Костанай"),
        ("Петропавл", "Петропавловск"),
        ("Теміртау", "Темиртау"),
        ("Көкшетау", "Кокшетау"),
        ("Ақтау", "Актау"),
        ("Рудный", "Рудный"),
        ("Екібастұз", "Экибастуз"),
    ]
    assert all(one.population >= other.population for one, other in pairwise(cities))


def test_a_filter_names_a_city_in_any_language_and_one_of_many_by_its_number() -> None:
    for words in ("Almaty", "алматы", "Алма-Ата", str(ALMATY), "Whatever 1526384"):
        assert city_named(words) == ALMATY
    assert city_named(" NONE ") == 0 == city_named(NO_CITY)
    second = place_numbered(1525462)
    assert second is not None
    assert name_of(second) == "Aksu 1525462"
    for words in ("nowhere at all", "", "17", "999999999"):
        with pytest.raises(BadInput, match="in the table of cities"):
            city_named(words)


@given(st.text(max_size=60), st.sampled_from(["", "kk", "ru", "fa", "my", "bn", "zz-Zzzz"]))
def test_any_words_are_a_place_or_none(where: str, language: str) -> None:
    found = find_place(where, language)
    assert found.place is None or place_numbered(found.number) is found.place
    assert found.is_sure or found.place is not None


@given(
    st.sampled_from([place for place in all_places() if place.population > 100_000]),
    st.sampled_from(["{}", "{}, у вокзала", "  {} ", "около {}, 5 января", "({})", "{}\n"]),
    st.booleans(),
)
def test_a_large_city_is_found_wherever_it_stands(place: object, frame: str, upper: bool) -> None:
    name = place.names["en"]  # type: ignore[attr-defined]
    where = frame.format(name.upper() if upper else name)
    assert find_place(where).number == find_place(name).number != 0


def test_a_very_long_text_is_looked_at_only_so_far() -> None:
    assert find_place("x " * 500_000 + "Almaty") == NOWHERE
    assert find_place("Almaty " + "x " * 500_000).number == ALMATY
