"""The way of a report from a phone's browser to the desk and back, with real relays and a desk."""

from __future__ import annotations

import hashlib
import random
import re
from pathlib import Path

import pytest
from tests.end_to_end.abroad import Abroad
from tests.secret_search import runs_of, search
from tests.web.browsers import Browser, Browsing, in_both, in_both_where_there_is_time
from tests.web.phone import WORDS, Phone

from qanat_client.demo.media import make_photo
from qanat_protocol.statement import fingerprint

TEXT = "From the balcony: two buses without plates, people are carried to an ambulance."
WHERE = "Almaty, Republic Square"
ANSWER = "Thank you. Stay away from the windows."
REFUSED = re.compile("ERR_CONNECTION_REFUSED|can’t establish a connection to the server")
NEWS = "Blood donors are let in through the rear entrance."

pytestmark = [pytest.mark.timeout(600), pytest.mark.usefixtures("built_app")]


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / f"{gibberish(3, words=2)}.jpg"
    make_photo(path, seed=7)
    return path


def gibberish(seed: int, *, words: int) -> str:
    """Words of which no eight letters in a row stand in the app or in any other file."""
    letters = random.Random(seed)
    return " ".join(
        "".join(letters.choices("bcdfghjklmnpqrstvwxz", k=letters.randrange(5, 9)))
        for _ in range(words)
    )


SEALED_TEXT, SEALED_WHERE = gibberish(1, words=60), gibberish(2, words=4)


def sha256_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@in_both
async def test_a_report_with_a_photo_goes_from_a_phone_to_the_desk_and_an_answer_comes_back(
    abroad: Abroad, browser: Browser, photo: Path
) -> None:
    phone = await Phone.take(browser)
    await phone.visit(abroad.relay.url)
    assert await phone.add_desk(abroad.card_file) == fingerprint(abroad.card.desk_id)
    code = await phone.make_code()

    # The relay is gone; what was visited once is here.
    assert await abroad.relay.stop() == 0
    await phone.reload()
    await phone.write(TEXT, where=WHERE, files=[photo], code=code)
    await phone.seal()
    await phone.begin_to_send()
    await phone.sees("send.nobody")

    await abroad.serve()
    await phone.send()
    # Its relay stands in Germany, as the desk's card says.
    await phone.sees("state.signed")
    await phone.live_in("KZ")
    await phone.sees("state.abroad")
    await phone.live_in("DE")
    await phone.sees("state.signed")
    reports = await abroad.arrived()
    ((report_id, report),) = reports.items()
    assert report["where"] == WHERE
    assert TEXT in (await abroad.ask_desk("show", report_id)).said + str(report)
    assert await abroad.exported() == {report_id: {photo.name: sha256_of(photo)}}

    await abroad.desk.reply(report_id, ANSWER)
    await abroad.desk.bulletin("For tonight", NEWS)
    await abroad.desk.pull()
    await phone.fetch(code)
    await phone.reads(ANSWER)
    await phone.reads(NEWS)
    await phone.go("outbox")
    await phone.sees("state.opened")
    assert browser.strangers(abroad.relay.url, abroad.relay.url.replace("http", "ws")) == []
    # Whoever goes to the network while the relay is down is told so by the browser as well.
    assert [each for each in browser.complaints if not REFUSED.search(each)] == []


@in_both
async def test_a_seized_phone_shows_nothing_of_what_was_sealed(
    browse: Browsing, abroad: Abroad, tmp_path: Path, photo: Path
) -> None:
    profile = tmp_path / "profile"
    async with browse(profile) as browser:
        phone = await Phone.take(browser)
        await phone.visit(abroad.relay.url)
        await phone.add_desk(abroad.card_file)
        code = await phone.make_code()
        await phone.write(SEALED_TEXT, where=SEALED_WHERE, files=[photo], code=code)
        await phone.seal()
        await phone.go("outbox")
        await phone.sees("state.queued")
    # Behind the tables that every JPEG begins with.
    media = photo.read_bytes()[4096:]
    digits = code.replace(" ", "")
    secrets: list[bytes | str] = [
        SEALED_TEXT,
        SEALED_WHERE,
        photo.name,
        code.encode(),
        digits.encode(),
        media,
    ]
    assert search([profile], runs_of(secrets)) == []
    # Eight bytes of UTF-16 are four digits, as many ports have: here it is eight digits.
    written = [path.read_bytes() for path in profile.rglob("*") if path.is_file()]
    for start in range(len(digits) - 7):
        for wide in ("utf-16-le", "utf-16-be"):
            some = digits[start : start + 8].encode(wide)
            assert not any(some in content for content in written)
    # That the search can find what is stored there:
    assert search([profile], runs_of(["Desk of the tests"])) != []


@in_both_where_there_is_time
async def test_a_wipe_leaves_nothing_in_the_browsers_stores(
    browse: Browsing, abroad: Abroad, tmp_path: Path, photo: Path
) -> None:
    profile = tmp_path / "profile"
    async with browse(profile) as browser:
        phone = await Phone.take(browser)
        await phone.visit(abroad.relay.url)
        await phone.add_desk(abroad.card_file)
        await phone.write(SEALED_TEXT, where=SEALED_WHERE, files=[photo])
        await phone.seal()
        assert await phone.databases() != []
        await phone.wipe()
        await phone.reads(WORDS["wipe.done"])
        assert await phone.databases() == []
        left = await phone.page.evaluate(
            """async () => [
              await caches.keys(),
              (await navigator.serviceWorker.getRegistrations()).length,
              localStorage.length, sessionStorage.length, document.cookie,
            ]"""
        )
        assert left == [[], 0, 0, 0, ""]
    media = photo.read_bytes()[4096:]
    assert search([profile], runs_of([SEALED_TEXT, SEALED_WHERE, photo.name, media])) == []
