"""Replies, bulletins and cards from a window: queued here, and what became of them by the vault."""

from __future__ import annotations

import io
from base64 import b64encode

import pytest
from PIL import Image
from tests.client.desk.newsroom import Attached, Newsroom, Writer, arrive, open_directly
from tests.client.desk.serve.test_lists import bring
from tests.client.desk.serve.window import window_on
from tests.client.desk.test_pull import Relays, desk_on, hand_over, pull_well, relays

from qanat_protocol.parcel import parse_header
from qanat_protocol.public import PublicDocument, parse_public

__all__ = ["relays"]


@pytest.fixture
def made(newsroom: Newsroom) -> Newsroom:
    newsroom.settle()
    return newsroom


def documents_of(newsroom: Newsroom) -> list[PublicDocument]:
    """What is queued for all."""
    desk = newsroom.open()
    rows = desk.vault.rows(
        "SELECT header, body FROM outgoing WHERE what = 'bulletin' ORDER BY number"
    )
    desk.vault.close()
    return [parse_public(parse_header(header), body) for header, body in rows]


async def test_a_reply_is_queued_and_then_with_the_relay_that_says_so(
    newsroom: Newsroom, relays: Relays
) -> None:
    writer = (await desk_on(newsroom, await relays.start("one"))).with_box()
    identity, parcels = writer.write("Text.", [Attached("film.mp4", b"film" * 999)])
    # The letter alone: the film is still with its owner.
    await hand_over(newsroom, parcels[:1])
    await pull_well(newsroom)
    async with window_on(newsroom) as window:
        path = f"/api/reports/{identity.hex()}"
        reply = await window.post(f"{path}/reply", {"text": "Who else saw it?", "want": [0]})
        assert (reply["state"], reply["relays"], reply["wanted"]) == ("queued", [], [0])
        assert (await window.get(path))["replies"] == [reply]
        await pull_well(newsroom)
        (now,) = (await window.get(path))["replies"]
        (relay,) = now["relays"]
        assert (now["state"], now["number"]) == ("handed over", reply["number"])
        assert relay["name"] == newsroom.card.relays[0].addresses[0]
        assert "1 of 1 relay" in now["words"]
        assert (await window.get(path))["wanted"] == [0]
        assert (await window.get("/api/outgoing"))["replies"] == [now]
        newsroom.clock.pass_days(60)
        await pull_well(newsroom)
        (over,) = (await window.get(path))["replies"]
        assert (over["state"], over["text"]) == ("over", "Who else saw it?")


@pytest.mark.parametrize(
    ("value", "status"),
    [
        ({"text": ""}, 400),
        ({"text": " \n "}, 400),
        ({"text": "x", "want": [7]}, 400),
        ({"text": "x", "want": ["0"]}, 400),
        ({"text": "x" * 70_000}, 400),
        ({"text": "x" * 60_000}, 400),
        ({"text": "x", "want": [0]}, 400),
    ],
)
async def test_a_reply_that_can_not_be_is_refused_and_nothing_is_queued(
    made: Newsroom, value: dict[str, object], status: int
) -> None:
    async with window_on(made) as window:
        writer = Writer(window.desk.card, window.desk.today).with_box()
        (report,) = await bring(window.desk, writer, ["Text."], files=[Attached("a", b"data")])
        said = await window.ask("POST", f"/api/reports/{report}/reply", value)
        assert (said.status, bool(said.value["error"])) == (status, True)
        outgoing = await window.get("/api/outgoing")
        assert outgoing == {"replies": [], "bulletins": [], "cards": []}


async def test_a_report_without_a_code_can_not_be_answered(made: Newsroom) -> None:
    async with window_on(made) as window:
        (report,) = await bring(window.desk, Writer(window.desk.card, window.desk.today), ["Text."])
        said = await window.ask("POST", f"/api/reports/{report}/reply", {"text": "Hello"})
        assert (said.status, "without a code" in said.value["error"]) == (409, True)


async def test_a_bulletin_goes_out_in_several_languages_with_a_picture(made: Newsroom) -> None:
    picture = io.BytesIO()
    Image.new("RGB", (3000, 2000), "red").save(picture, "PNG")
    texts = [
        {"language": "kk", "title": "Хабар", "text": "Су таза."},
        {"language": "ru", "title": "Сводка", "text": "Вода чистая."},
    ]
    async with window_on(made) as window:
        value = {"texts": texts, "picture": b64encode(picture.getvalue()).decode()}
        assert await window.post("/api/bulletins", value) == {"serials": [1, 2]}
        listed = (await window.get("/api/bulletins"))["bulletins"]
        assert [(each["serial"], each["language"], each["state"]) for each in listed] == [
            (2, "ru", "queued"),
            (1, "kk", "queued"),
        ]
    documents = documents_of(made)
    assert [(each.language, each.title, each.text) for each in documents] == [
        (each["language"], each["title"], each["text"]) for each in texts
    ]
    for document in documents:
        (sent,) = document.pictures
        assert Image.open(io.BytesIO(sent.data)).format == "JPEG"
    assert documents[1].previous == documents[0].document_hash


async def test_a_correction_names_the_bulletin_of_its_language_in_its_first_line(
    made: Newsroom,
) -> None:
    async with window_on(made) as window:
        texts = [
            {"language": "kk", "title": "Хабар", "text": "Су таза."},
            {"language": "ru", "title": "Сводка", "text": "Вода чистая."},
        ]
        await window.post("/api/bulletins", {"texts": texts})
        right = [
            {"language": "ru", "text": "Воду пить нельзя."},
            {"language": "en", "text": "Do not drink the water."},
        ]
        sent = await window.post("/api/bulletins", {"texts": right, "corrects": 1})
        assert sent == {"serials": [3, 4]}
        listed = (await window.get("/api/bulletins"))["bulletins"]
        assert [(each["corrects"], each["corrected_by"]) for each in listed] == [
            (1, None),
            (2, None),
            (None, 3),
            (None, 4),
        ]
        said = await window.ask("POST", "/api/bulletins", {"texts": right, "corrects": 9})
        assert said.status == 404
    *_, russian, english = documents_of(made)
    assert russian.title == "Исправление: Сводка"
    assert russian.text.split("\n\n") == [
        "Это исправляет сводку 2 (2022-01-06) «Сводка».",
        "Воду пить нельзя.",
    ]
    assert english.title == "Correction: Хабар"
    assert english.text.startswith("This corrects bulletin 1 (2022-01-06) «Хабар».\n\nDo not")


@pytest.mark.parametrize(
    "value",
    [
        {"texts": []},
        {"texts": [{"text": ""}]},
        {"texts": [{"text": "x"}, {"text": "y"}]},
        {"texts": [{"text": "x", "title": "t" * 300}]},
        {"texts": [{"text": "x" * 65_537}]},
        {"texts": [{"text": "x", "language": "l" * 36}]},
        {"texts": [{"text": "good"}, {"text": "x", "language": "a\nb"}]},
        {"texts": [{"text": "x"}], "picture": "%%%"},
        {"texts": [{"text": "x"}], "picture": b64encode(b"no picture").decode()},
        {"texts": [{"text": "x"}], "corrects": 0},
        {"texts": "x"},
    ],
)
async def test_a_bulletin_that_can_not_be_is_refused_and_nothing_is_queued(
    made: Newsroom, value: dict[str, object]
) -> None:
    async with window_on(made) as window:
        said = await window.ask("POST", "/api/bulletins", value)
        assert (said.status, bool(said.value["error"])) == (400, True)
        assert (await window.get("/api/bulletins"))["bulletins"] == []


async def test_the_newest_card_goes_out_once(made: Newsroom) -> None:
    async with window_on(made) as window:
        assert await window.post("/api/card", {}) == {"serial": 1}
        (card,) = (await window.get("/api/outgoing"))["cards"]
        assert (card["serial"], card["state"]) == (1, "queued")
        said = await window.ask("POST", "/api/card", {})
        assert (said.status, "published already" in said.value["error"]) == (409, True)


async def test_with_a_clock_that_is_wrong_nothing_is_signed_and_the_screen_says_why(
    made: Newsroom,
) -> None:
    async with window_on(made) as window:
        writer = Writer(window.desk.card, window.desk.today).with_box()
        (report,) = await bring(window.desk, writer, ["Text."])
        assert (await window.get("/api/desk"))["warnings"] == []
        for days in (-400, 1200):
            made.clock.pass_days(days)
            (warning,) = (await window.get("/api/desk"))["warnings"]
            assert "clock" in warning
            for path, value in [
                (f"/api/reports/{report}/reply", {"text": "Hello"}),
                ("/api/bulletins", {"texts": [{"text": "Hello"}]}),
                ("/api/card", {}),
            ]:
                said = await window.ask("POST", path, value)
                assert (said.status, "clock" in said.value["error"]) == (400, True)
            # What is only looked at and decided goes on.
            await window.get(f"/api/reports/{report}")
            star = {"what": "starred", "report": report, "value": days > 0}
            await window.post("/api/decide", {"changes": [star]})


async def test_what_was_set_aside_is_told_with_its_reason(made: Newsroom) -> None:
    async with window_on(made) as window:
        writer = Writer(window.desk.card, window.desk.today)
        strange = writer.seal(b"no report at all")
        arrive(window.desk, [strange])
        await open_directly(window.desk, [])
        found = await window.get("/api/set-aside")
        assert found["total"] == 1
        (aside,) = found["set_aside"]
        assert aside["parcel_id"] == strange.parcel_id.hex()
        assert aside["verdict"]
        assert (await window.get("/api/alarms"))["alarms"] == []
