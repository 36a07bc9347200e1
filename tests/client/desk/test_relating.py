"""What may belong together and what agrees: suggested with reasons, one person one source."""

from __future__ import annotations

from typing import Any

from tests.client.desk.newsroom import Attached, Newsroom, open_directly
from tests.client.desk.room import Room

from qanat_client.desk.catalogue import MAX_UNDERWAY_S, catch_up
from qanat_client.desk.decisions import ReportState, gather, mute, name_incident, set_state
from qanat_client.desk.relating.figures import Range, figures_of, figures_of_incident
from qanat_client.desk.relating.keys import counted_keys
from qanat_client.desk.relating.suggestions import Kind, Related, related
from qanat_protocol.report import Basis, Figure

HOUR_S = 3600
INCIDENT = b"i" * 16


def test_what_is_counted_is_the_same_in_five_languages() -> None:
    for words in (
        [
            "wounded",
            "wounded people",
            "injured",
            "раненых",
            "жараланғандар",
            "жаралылар",
            "Verletzte",
            "زخمی",
        ],
        ["dead", "people killed", "погибшие", "қаза тапқан", "Tote", "کشته"],
        ["detained", "арестованных", "қамауға алынған", "Verhaftete", "بازداشت شده"],
    ):
        concepts = [{key for key in counted_keys(word) if key.startswith("=")} for word in words]
        assert all(found == concepts[0] and len(found) == 1 for found in concepts), words
    assert counted_keys("wounded") != counted_keys("dead") != counted_keys("wounded soldiers")
    assert counted_keys("people")
    assert counted_keys("") == frozenset()
    assert counted_keys("burnt trucks") == counted_keys("truck, burnt")


async def test_rare_words_suggest_a_report_and_are_named(room: Room) -> None:
    await room.take_others()
    await room.take("one", "The fountain at the circus was shelled at noon.", after_s=-HOUR_S)
    await room.take("two", "Shelling: a fountain is gone, nothing else", after_s=-40 * HOUR_S)
    await room.take("three", "nothing of interest, the queue")
    (best, *rest) = room.found("one").suggestions
    assert best.report_id == room.ids["two"]
    assert {reason.kind for reason in best.reasons} == {Kind.WORDS}
    assert "fountain" in best.reasons[0].words
    assert "shelled" in best.reasons[0].words
    assert rest == []


async def test_place_and_time_together_suggest_a_report_and_alone_none_does(room: Room) -> None:
    await room.take("one", "a b", where="Алматы, алаң", after_s=-HOUR_S)
    await room.take("near", "c d", where="Almaty", after_s=-3 * HOUR_S)
    await room.take("late", "e f", where="Almaty", after_s=-50 * HOUR_S)
    await room.take("elsewhere", "g h", where="Aktau")
    assert room.related("one") == {"near": {Kind.PLACE, Kind.TIME}}
    (found,) = room.found("one").suggestions
    assert {reason.words for reason in found.reasons} == {
        "the same place: Алматы",
        "written 2 hours apart",
    }
    assert 0 < found.score < 1


async def test_a_wrong_clock_is_not_believed(room: Room) -> None:
    await room.take("one", "a b", where="Almaty")
    await room.take("of 1970", "c d", where="Almaty", written_s=12)
    await room.take("of 2040", "e f", where="Almaty", written_s=2_208_988_800)
    await room.take("old", "g h", where="Almaty", after_s=-MAX_UNDERWAY_S)
    found = room.found("one").suggestions
    assert {each.report_id for each in found} == {room.ids["of 1970"], room.ids["of 2040"]}
    for each in found:
        assert "arrived less than a minute apart" in {reason.words for reason in each.reasons}


async def test_the_same_file_is_found_before_it_is_here_and_an_empty_one_is_none(
    room: Room,
) -> None:
    picture, empty = Attached("площадь.jpg", b"one picture"), Attached("empty.txt", b"")
    await room.take("one", "a b", files=[picture, empty])
    await room.take("same", "c d", files=[Attached("other name.jpg", b"one picture")])
    await room.take("empty", "e f", files=[empty])
    _, (letter, _) = room.writer().write("g h", [picture])
    await open_directly(room.desk, [letter])
    found = room.found("one").suggestions
    assert len(found) == 2
    assert all(each.reasons[0].kind is Kind.SAME_FILE for each in found)
    assert all(each.reasons[0].words == "the same file: площадь.jpg" for each in found)
    assert found[0].score > 0.9


async def test_nearly_the_same_picture_counts_the_more_the_nearer_it_is(room: Room) -> None:
    await room.take("one", "a b")
    await room.take("close", "c d")
    await room.take("far", "e f")
    near = [(room.ids["far"], 0, 60), (room.ids["close"], 1, 4)]
    assert list(room.related("one", near=near)) == ["close", "far"]
    words = {reason.words for reason in room.found("one", near=near).suggestions[0].reasons}
    assert "file 2 there is nearly the same picture (4 of 256 bits differ)" in words


async def test_one_pseudonym_does_not_fill_the_suggestions_and_a_muted_one_is_not_there(
    room: Room,
) -> None:
    loud, muted = room.writer(), room.writer()
    await room.take("one", "a b", where="Almaty")
    for number in range(6):
        await room.take(f"loud {number}", "loud", writer=loud, where="Almaty")
    await room.take("muted", "quiet", writer=muted, where="Almaty")
    await room.take("quiet", "quiet", where="Almaty", after_s=-5 * HOUR_S)
    room.decide(mute(muted.key.public))
    found = room.related("one")
    assert sum(name.startswith("loud") for name in found) == 3
    assert "quiet" in found
    assert "muted" not in found
    assert len(room.found("one", most=2).suggestions) == 2


async def test_what_is_linked_or_gathered_already_is_no_suggestion(room: Room) -> None:
    writer = room.writer()
    await room.take("one", "a b", writer=writer, where="Almaty")
    await room.take("correction", "c", writer=writer, where="Almaty", corrects=room.ids["one"])
    await room.take("gathered", "d", where="Almaty")
    await room.take("new", "e", where="Almaty")
    room.decide(
        name_incident(INCIDENT, "Square"),
        gather(INCIDENT, room.ids["one"]),
        gather(INCIDENT, room.ids["gathered"]),
    )
    assert list(room.related("one")) == ["new"]
    assert room.found("one").together == 1
    assert "one" not in room.related("correction")


async def test_what_is_not_catalogued_yet_has_no_suggestions(room: Room) -> None:
    await room.take("one", "a b")
    assert related(room.desk.vault, room.ids["one"]) == Related()
    await room.take("alone", "-")
    assert room.found("alone") == Related()


def figure(minimum: int, maximum: int | None = None, what: str = "wounded") -> Any:
    return {"figures": (Figure(what, minimum, maximum or minimum),), "where": "Almaty"}


async def test_figures_of_the_same_place_and_time_stand_side_by_side(room: Room) -> None:
    await room.take("one", **figure(16, 20), basis=Basis.SEEN)
    await room.take("agrees", **figure(18, 30, "раненых"), basis=Basis.HEARD)
    await room.take("contradicts", **figure(200, 300, "жараланғандар"))
    await room.take("of the dead", **figure(17, what="dead"))
    await room.take("elsewhere", **figure(17) | {"where": "Aktau"})
    await room.take("of no place", **figure(17) | {"where": ""})
    await room.take("long ago", **figure(17), after_s=-30 * HOUR_S)
    catch_up(room.desk.vault)
    (row,) = figures_of(room.desk.vault, room.ids["one"])
    assert {said.item.report_id: said.agrees for said in row.others} == {
        room.ids["agrees"]: True,
        room.ids["contradicts"]: False,
    }
    assert row.mine is not None
    assert row.mine.range == Range(16, 20)
    assert (row.lowest, row.highest, row.overlap) == (16, 300, None)
    assert (row.sources, row.agreeing, row.first_hand, row.rumour) == (3, 1, 1, 1)
    assert not row.is_cut


async def test_what_all_have_in_common_is_told(room: Room) -> None:
    await room.take("one", **figure(10, 20))
    await room.take("two", **figure(15, 40))
    await room.take("three", **figure(0, 17))
    catch_up(room.desk.vault)
    (row,) = figures_of(room.desk.vault, room.ids["one"])
    assert (row.lowest, row.highest, row.overlap) == (0, 40, Range(15, 17))


async def test_ten_reports_of_one_person_are_one_source(room: Room) -> None:
    await room.take("one", **figure(16))
    other = room.writer()
    for number in range(9):
        await room.take(f"other {number}", writer=other, **figure(100 + number))
    await room.take("newest", writer=other, **figure(16, 17))
    room.newsroom.clock.now_s += 60
    catch_up(room.desk.vault)
    (row,) = figures_of(room.desk.vault, room.ids["one"])
    assert len(row.others) == 10
    assert row.sources == 2
    assert row.agreeing <= 1


async def test_of_what_one_person_says_the_newest_agrees_or_not(room: Room) -> None:
    await room.take("one", **figure(16))
    other = room.writer()
    await room.take("first", writer=other, **figure(16))
    room.newsroom.clock.now_s += HOUR_S
    await room.take("second", writer=other, **figure(90))
    catch_up(room.desk.vault)
    (row,) = figures_of(room.desk.vault, room.ids["one"])
    assert [said.agrees for said in row.others] == [False, True]
    assert row.agreeing == 0


async def test_corrected_withdrawn_and_rejected_figures_are_marked_and_do_not_count(
    room: Room,
) -> None:
    await room.take("one", **figure(16))
    corrects, withdraws = room.writer(), room.writer()
    await room.take("wrong", writer=corrects, **figure(500))
    await room.take("right", writer=corrects, corrects=room.ids["wrong"], **figure(15))
    await room.take("taken back", writer=withdraws, **figure(600))
    await room.take("taking back", writer=withdraws, withdraws=room.ids["taken back"])
    await room.take("rejected", **figure(700))
    await room.take("claim", corrects=room.ids["right"], **figure(16, 18))
    room.decide(set_state(room.ids["rejected"], ReportState.REJECTED))
    catch_up(room.desk.vault)
    (row,) = figures_of(room.desk.vault, room.ids["one"])
    names = {identity: name for name, identity in room.ids.items()}
    assert {names[said.item.report_id]: said.why_not for said in row.others} == {
        "wrong": "corrected",
        "right": None,
        "taken back": "withdrawn",
        "rejected": "rejected",
        "claim": None,
    }
    assert (row.lowest, row.highest, row.sources) == (15, 18, 3)
    (row,) = figures_of(room.desk.vault, room.ids["wrong"])
    assert row.mine is not None
    assert row.mine.why_not == "corrected"
    assert (row.lowest, row.highest) == (15, 18)


async def test_an_incident_compares_what_it_gathers_wherever_it_was(room: Room) -> None:
    await room.take("one", **figure(16, 20))
    await room.take("two", **figure(18, what="раненых") | {"where": ""})
    await room.take("three", **figure(100) | {"where": "Aktau"}, after_s=-60 * HOUR_S)
    await room.take("dead", **figure(2, what="dead"))
    await room.take("outside", **figure(900))
    room.decide(
        name_incident(INCIDENT, "Square"),
        *(gather(INCIDENT, room.ids[name]) for name in ("one", "two", "three", "dead")),
    )
    catch_up(room.desk.vault)
    wounded, dead = figures_of_incident(room.desk.vault, INCIDENT)
    assert (wounded.what, dead.what) == ("wounded", "dead")
    assert (wounded.lowest, wounded.highest, wounded.sources) == (16, 100, 3)
    assert {said.range.minimum: said.agrees for said in wounded.others} == {
        16: True,
        18: True,
        100: False,
    }
    assert [said.agrees for said in dead.others] == [True]
    (row,) = figures_of(room.desk.vault, room.ids["three"])
    assert {said.range.minimum for said in row.others} == {16, 18}


async def test_a_muted_pseudonym_counts_nothing(room: Room) -> None:
    muted = room.writer()
    await room.take("one", **figure(16))
    await room.take("muted", writer=muted, **figure(900))
    room.decide(mute(muted.key.public))
    catch_up(room.desk.vault)
    (row,) = figures_of(room.desk.vault, room.ids["one"])
    assert (row.others, row.sources, row.overlap) == ((), 1, Range(16, 16))


async def test_the_commands_show_what_is_related_and_what_agrees(
    room: Room, newsroom: Newsroom
) -> None:
    await room.take("one", "a", **figure(16, 20), basis=Basis.SEEN)
    await room.take("two", "b", **figure(200), basis=Basis.HEARD)
    one, two = (room.ids[name].hex() for name in ("one", "two"))
    found = newsroom.do("related", one[:8])
    assert [each["report"]["id"] for each in found["suggestions"]] == [two]
    assert {reason["kind"] for reason in found["suggestions"][0]["reasons"]} == {"place", "time"}
    (row,) = newsroom.do("figures", one[:8])["rows"]
    assert row["mine"] == {"minimum": 16, "maximum": 20}
    assert (row["others"][0]["report"], row["others"][0]["agrees"]) == (two, False)
    said = newsroom.run("figures", one[:8]).err
    assert "16 to 20         this report" in said
    assert "CONTRADICTS" in said
    assert "2 sources (1 first-hand, 1 rumour): 16 to 200, nothing in common" in said
    newsroom.do("incident", "create", "Square", one, two)
    assert newsroom.do("related", one)["together"] == 1
    (row,) = newsroom.do("figures", "--incident", "square")["rows"]
    assert (row["mine"], row["sources"]) == (None, 2)
    # Two who differ: neither is outside of what most allow.
    assert "STANDS APART" not in newsroom.run("figures", "--incident", "square").err
    page = newsroom.do("incident", "show", "square")
    assert page["figures"] == [row]
    assert {entry["what"] for entry in page["log"]} == {"incident", "gathered"}
    assert page["media"] == []
    for wrong in ([], [one, "--incident", "square"]):
        assert newsroom.run("figures", *wrong).code == 2


async def test_an_incident_shows_the_files_of_its_reports(room: Room, newsroom: Newsroom) -> None:
    await room.take("one", files=[Attached("a.jpg", b"data", "image/jpeg", thumbnail=b"small")])
    newsroom.do("incident", "create", "Square", room.ids["one"].hex())
    (file,) = newsroom.do("incident", "show", "square")["media"]
    assert (file["name"], file["here"]) == ("a.jpg", ["thumbnail", "original"])
