"""Where a phone, a browser or a stranger is not as one would like: each said, nothing lost."""

from __future__ import annotations

import time
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest
from playwright.async_api import expect
from tests.end_to_end.abroad import Abroad
from tests.web.browsers import PLAIN_NAME, Browser, browsing, in_both
from tests.web.phone import WORDS, Phone, begins
from tests.web.served import Served, made_card

from qanat_client.demo.media import make_photo
from qanat_client.web_app.files import FRONT, SINGLE_FILE, AppFile
from qanat_protocol.statement import fingerprint

HTML = '<img src="/nobody" onerror="window.wasRun = true"><script>window.wasRun = true</script>'
ENGINE = "assets/worker-"
YEARS_MS = 9 * 365 * 86_400_000
HEIC = bytes.fromhex("00000018667479706865696300000000686569636d696631") + bytes(range(256)) * 40

pytestmark = [pytest.mark.timeout(600), pytest.mark.usefixtures("built_app")]


async def test_a_new_version_is_taken_by_choice_and_loses_nothing_that_waits(
    served: Served, browser: Browser, card: Path
) -> None:
    phone = await Phone.ready(browser, served.url, card)
    await phone.write("Before the new version.")
    await phone.seal()
    front = served.app[FRONT]
    page = front.data.replace(b"<head>", b'<head><meta name="newer">')
    worker = served.app["sw.js"]
    served.app = {
        **served.app,
        FRONT: replace(front, data=page, tag="newer"),
        "sw.js": replace(worker, data=worker.data + b"\n// newer", tag="newer"),
    }
    assert page != front.data
    await phone.reload()
    await phone.sees("update.ready")
    assert await phone.page.locator("meta[name=newer]").count() == 0
    await phone.press("update.take")
    await expect(phone.page.locator("meta[name=newer]")).to_have_count(1)
    await phone.is_ready()
    await phone.go("outbox")
    await phone.sees("state.queued")
    await phone.sees("outbox.report")


async def test_what_one_tab_does_the_other_shows(
    served: Served, browser: Browser, card: Path
) -> None:
    one, other = await Phone.ready(browser, served.url, card), await Phone.take(browser)
    await other.visit(served.url)
    await other.go("outbox")
    await other.sees("outbox.empty")
    await one.write("Written in the first tab.")
    await one.seal()
    await other.sees("state.queued")
    await one.go("outbox")
    await other.press("outbox.delete")
    await other.page.get_by_role("group").get_by_role("button", name=WORDS["outbox.delete"]).click()
    await one.sees("outbox.empty")


async def test_a_browser_that_keeps_nothing_says_so_and_seals(
    served: Served, tmp_path: Path, card: Path
) -> None:
    served.prefix[ENGINE] = b"Object.defineProperty(self,'indexedDB',{value:undefined});"
    async with browsing(tmp_path / "profile", service_workers="block") as browser:
        phone = Phone(await browser.page())
        await phone.page.goto(served.url)
        await phone.is_ready()
        await phone.sees("error.no_storage")
        await phone.add_desk(card)
        await phone.write("Kept in memory alone.")
        await phone.seal()
        await phone.go("outbox")
        await phone.sees("state.queued")
        await phone.sees("error.no_storage")
        assert await phone.databases() == []
        await phone.press("carry.out")
        async with phone.page.expect_download() as waited:
            await phone.page.get_by_role("link", name=begins("carry.ready")).click()
        bundle = await (await waited.value).path()
        assert bundle.stat().st_size > 4096
        assert b"memory alone" not in bundle.read_bytes()


async def test_a_clock_that_is_wrong_by_years_asks_for_the_date_and_goes_on(
    served: Served, tmp_path: Path, card: Path
) -> None:
    code = f"{{const now=Date.now;Date.now=()=>now()-{YEARS_MS};}}"
    served.prefix[ENGINE] = code.encode()
    async with browsing(tmp_path / "profile", service_workers="block") as browser:
        phone = Phone(await browser.page())
        await phone.page.goto(served.url)
        await phone.is_ready()
        await phone.add_desk(card)
        await phone.write("Of today, whatever the clock says.")
        await phone.page.get_by_role("button", name=WORDS["write.seal"], exact=True).click()
        await phone.sees("clock.title")
        today = time.strftime("%Y-%m-%d", time.gmtime())
        await phone.page.get_by_label(WORDS["clock.title"]).fill(today)
        await phone.press("clock.use")
        await phone.sees("write.sealed")


async def test_where_no_webassembly_may_run_a_report_for_a_code_is_sealed_all_the_same(
    served: Served, tmp_path: Path, card: Path
) -> None:
    served.prefix[ENGINE] = b"delete self.WebAssembly;"
    photo = tmp_path / "photo.jpg"
    make_photo(photo, seed=7)
    async with browsing(tmp_path / "profile", service_workers="block") as browser:
        phone = Phone(await browser.page())
        await phone.page.goto(served.url)
        await phone.is_ready()
        await phone.add_desk(card)
        code = await phone.make_code()
        await phone.write("By plain scripts.", files=[photo], code=code)
        await phone.seal()
        (engine,) = phone.page.workers
        assert await engine.evaluate("typeof WebAssembly") == "undefined"


async def test_over_plain_http_the_app_says_what_it_lacks_and_sends_all_the_same(
    abroad: Abroad, browser: Browser
) -> None:
    phone = await Phone.take(browser)
    await phone.visit(abroad.relay.url.replace("127.0.0.1", PLAIN_NAME))
    assert await phone.page.evaluate("isSecureContext") is False
    await phone.sees("plain.notice")
    await phone.add_desk(abroad.card_file)
    await phone.write("By an address that is not secured.")
    await phone.seal()
    await phone.send()
    assert len(await abroad.arrived()) == 1


async def test_an_empty_file_is_left_out_with_a_word_and_a_photo_without_preview_goes(
    served: Served, browser: Browser, card: Path, tmp_path: Path
) -> None:
    phone = await Phone.ready(browser, served.url, card)
    empty, photo = tmp_path / "empty.jpg", tmp_path / "photo.heic"
    empty.touch()
    photo.write_bytes(HEIC)
    await phone.go("write")
    await phone.page.get_by_label(WORDS["write.file"]).set_input_files([empty, photo])
    await phone.sees("write.file.emptied")
    await phone.sees("write.file.plain")
    await phone.reads(photo.name)
    await expect(phone.page.locator("li.file")).to_have_count(1)
    await phone.seal()
    await phone.go("outbox")
    await phone.reads("1 file")


async def test_no_card_link_or_bulletin_becomes_html(
    abroad: Abroad, browser: Browser, tmp_path: Path
) -> None:
    phone = await Phone.take(browser)
    await phone.visit(abroad.relay.url)
    evil = tmp_path / "evil.card"
    evil.write_bytes(made_card(f"Desk {HTML}"))
    await phone.go("desk")
    await phone.page.get_by_label(WORDS["desk.file"]).set_input_files(evil)
    await phone.reads(HTML)
    await phone.press("desk.keep")
    await phone.sees("desk.kept")
    # One in the address is looked at, and taken out of it.
    await phone.page.goto(f"{abroad.relay.url}/#{HTML}")
    await phone.sees("error.malformed")
    assert "#" not in phone.page.url
    await phone.add_desk(abroad.card_file)
    await abroad.desk.bulletin(f"News {HTML}", f"Text {HTML}")
    await phone.send()
    await phone.go("inbox")
    await phone.reads(f"News {HTML}")
    await phone.reads(f"Text {HTML}")
    assert await phone.page.locator("main img, main script").count() == 0
    assert await phone.page.evaluate("window.wasRun") is None
    assert f"{abroad.relay.url}/nobody" not in browser.asked
    assert browser.complaints == []


@in_both
async def test_a_link_of_the_desk_shows_the_card_that_it_holds(
    abroad: Abroad, browser: Browser
) -> None:
    answer = await abroad.ask_desk("card", "--link", f"{abroad.relay.url}/")
    (link,) = [line.split()[1] for line in answer.said.splitlines() if line.startswith("link ")]
    phone = await Phone.take(browser)
    await phone.page.goto(link)
    await phone.sees("desk.check")
    shown = await phone.page.locator(".digits").first.inner_text()
    assert shown == fingerprint(abroad.card.desk_id)
    assert "#" not in phone.page.url
    refused = await abroad.ask_desk("card", "--link", "newsroom.example")
    assert refused.code != 0
    assert "--link takes the address" in refused.said


async def test_the_app_tells_its_fingerprint_and_a_file_that_is_another(
    served: Served, browser: Browser, tmp_path: Path
) -> None:
    phone = await Phone.take(browser)
    await phone.visit(served.url)
    single = served.app[SINGLE_FILE].data
    await phone.go_further("help")
    await phone.sees("help.unsafe.5")
    await phone.go_further("share")
    await phone.sees("share.why")
    shown = await phone.page.locator(".digits").first.inner_text()
    assert shown.replace(" ", "") == sha256(single).hexdigest()
    same, other = tmp_path / "same.html", tmp_path / "other.html"
    same.write_bytes(single)
    other.write_bytes(single + b"\n")
    for path, verdict in ((same, "share.same"), (other, "share.other")):
        await phone.page.get_by_label(WORDS["share.check"]).set_input_files(path)
        await phone.sees(verdict)


async def test_the_single_file_seals_from_a_memory_card_and_hands_over(
    built_app: Mapping[str, AppFile], browser: Browser, card: Path, tmp_path: Path
) -> None:
    single = tmp_path / "card" / SINGLE_FILE
    single.parent.mkdir()
    single.write_bytes(built_app[SINGLE_FILE].data)
    phone = await Phone.take(browser)
    await phone.page.goto(single.as_uri())
    await phone.is_ready()
    await phone.add_desk(card)
    # It holds no reader of square codes, and Chromium has none of its own here.
    await expect(phone.button("desk.camera")).to_have_count(0)
    film = tmp_path / "film.bin"
    film.write_bytes(bytes(5_000_000))
    await phone.write("From a memory card.", files=[film])
    await phone.seal()
    await phone.go("outbox")
    await phone.press("carry.out")
    await phone.sees("carry.ready")
    assert all(url.startswith(("file:", "blob:", "data:")) for url in browser.asked)
    assert browser.complaints == []


async def test_a_report_is_sealed_by_keyboard_alone(
    served: Served, browser: Browser, card: Path
) -> None:
    phone = await Phone.take(browser)
    await phone.visit(served.url)
    keyboard = phone.page.keyboard

    async def to(name: str) -> None:
        """Press Tab until what has this name, or is labelled so, has the focus."""
        passed = []
        for _ in range(40):
            await keyboard.press("Tab")
            passed.append(await phone.page.evaluate(NAME_OF_FOCUSED))
            if name in passed[-1]:
                return
        raise AssertionError(f"Tab never comes to {name!r}, but to {passed}")

    await to(WORDS["nav.desk"])
    await keyboard.press("Enter")
    await phone.page.get_by_role("heading", level=1, name=WORDS["desk.title"]).wait_for()
    await to(WORDS["desk.link"])
    link = urlsafe_b64encode(card.read_bytes()).decode().rstrip("=")
    await keyboard.insert_text(f"https://desk.example/#{link}")
    await keyboard.press("Enter")
    await phone.sees("desk.check")
    await to(WORDS["desk.keep"])
    await keyboard.press("Space")
    await phone.sees("desk.kept")
    await to(WORDS["nav.write"])
    await keyboard.press("Enter")
    await to(WORDS["write.text"])
    await keyboard.type("Without a mouse.")
    await to(WORDS["write.seal"])
    await keyboard.press("Enter")
    await phone.sees("write.sealed")


NAME_OF_FOCUSED = """() => {
  const { labels, textContent } = document.activeElement;
  return labels?.length ? labels[0].textContent : textContent;
}"""


async def test_a_file_that_was_chosen_comes_into_sight(
    served: Served, browser: Browser, card: Path, tmp_path: Path
) -> None:
    phone = await Phone.ready(browser, served.url, card)
    await phone.page.set_viewport_size({"width": 360, "height": 640})
    await phone.go("write")
    for number in range(3):
        photo = tmp_path / f"{number}.jpg"
        make_photo(photo, seed=number)
        await phone.page.get_by_label(WORDS["write.file"]).set_input_files(photo)
        await expect(phone.page.locator("li.file").nth(number)).to_be_in_viewport()
    # Back on the screen nothing moves by itself.
    await phone.go("outbox")
    await phone.go("write")
    assert await phone.page.evaluate("scrollY") == 0
