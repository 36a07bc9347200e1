"""The pages of a relay: what a browser is shown of the desks that the operator added."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from tests.relay.made_parcels import TODAY
from tests.relay.running_relay import Desk, Running, running_relay
from tests.relay.test_server_giving import bulletin, hand_in

from qanat_protocol.card import parse_card
from qanat_protocol.frames import AckStatus
from qanat_protocol.public import Picture
from qanat_protocol.signing import SigningKey
from qanat_protocol.statement import fingerprint
from qanat_relay.desks import FOLDER

JPEG = b"\xff\xd8\xff" + bytes(1000)


@pytest.fixture
def desk() -> Desk:
    return Desk.made()


@pytest.fixture
async def relay(tmp_path: Path) -> AsyncIterator[Running]:
    async with running_relay(tmp_path) as running:
        yield running


async def get(relay: Running, path: str) -> tuple[int, bytes, dict[str, str]]:
    async with aiohttp.ClientSession() as http, http.get(relay.url + path) as response:
        return response.status, await response.read(), dict(response.headers)


async def text(relay: Running, path: str) -> str:
    status, body, _ = await get(relay, path)
    assert status == 200
    return body.decode()


def page_of(desk: Desk) -> str:
    return f"/desks/{fingerprint(desk.desk_id).replace(' ', '')}"


async def carry(relay: Running, desk: Desk, *documents: object) -> None:
    relay.node.desks.take(parse_card(desk.card()))
    statuses = await hand_in(relay, "exchange", *documents)  # type: ignore[arg-type]
    assert {entry.status for entry in statuses} <= {AckStatus.STORED}


async def test_bulletins_are_shown_with_their_gaps_and_their_age(
    relay: Running, desk: Desk
) -> None:
    await carry(
        relay,
        desk,
        bulletin(desk, 1, title="The first", issued_day=TODAY - 9),
        bulletin(desk, 4, title="The fourth", text="Жол ашық.", language="kk"),
    )
    desks = await text(relay, "/desks")
    assert await text(relay, "/desks/") == desks
    assert "Desk of the tests" in desks
    assert fingerprint(desk.desk_id) in desks
    assert page_of(desk) in desks
    page = await text(relay, page_of(desk))
    assert page.index("The fourth") < page.index("2 missing before this one")
    assert page.index("2 missing before this one") < page.index("The first")
    assert "(9 days old)" in page
    assert "(of today)" in page
    assert '<p dir="auto" lang="kk">Жол ашық.</p>' in page
    # What comes later is there with the next look.
    await carry(relay, desk, bulletin(desk, 5, title="The fifth"))
    assert "The fifth" in await text(relay, page_of(desk))


async def test_long_series_are_shown_a_few_at_a_time(relay: Running, desk: Desk) -> None:
    await carry(relay, desk, *(bulletin(desk, n, title=f"Title {n}.") for n in range(1, 26)))
    seen: list[str] = []
    for page in range(3):
        shown = await text(relay, f"{page_of(desk)}/{page}")
        seen += [title for title in (f"Title {n}." for n in range(25, 0, -1)) if title in shown]
        assert "missing" not in shown
        assert (f"{page_of(desk)}/{page + 1}" in shown) == (page < 2)
    assert seen == [f"Title {number}." for number in range(25, 0, -1)]
    assert (await get(relay, f"{page_of(desk)}/3"))[0] == 404


async def test_what_a_desk_writes_is_text_and_nothing_is_loaded_from_elsewhere(
    relay: Running, desk: Desk
) -> None:
    evil = "<script src=//evil.example></script><img src=//evil.example/x onerror=alert(1)>"
    relay.node.desks.take(parse_card(desk.card()))
    await carry(relay, desk, bulletin(desk, 1, title=evil, text=evil, language='"><script>'))
    status, body, headers = await get(relay, page_of(desk))
    assert status == 200
    assert b"<script" not in body
    assert b"<img" not in body
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert headers["Cache-Control"] == "no-store"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert "Set-Cookie" not in headers
    assert "Server" not in headers


async def test_only_what_is_a_picture_is_given_as_one(relay: Running, desk: Desk) -> None:
    pictures = (
        Picture("image/jpeg", JPEG),
        Picture("image/jpeg", b"<svg onload=alert(1)>"),
        Picture("image/svg+xml", b"<svg onload=alert(1)>"),
        Picture("text/html", b"<script>alert(1)</script>"),
    )
    await carry(relay, desk, bulletin(desk, 1, pictures=pictures))
    page = await text(relay, page_of(desk))
    assert page.count("<img") == 1
    assert "3 of its pictures can't be shown" in page
    status, body, headers = await get(relay, f"{page_of(desk)}/0/0.jpg")
    assert (status, body, headers["Content-Type"]) == (200, JPEG, "image/jpeg")
    assert headers["X-Content-Type-Options"] == "nosniff"
    for number in (1, 2, 3):
        assert (await get(relay, f"{page_of(desk)}/0/{number}.jpg"))[0] == 404
    assert (await get(relay, f"{page_of(desk)}/1/0.jpg"))[0] == 404


async def test_what_a_revoked_key_has_signed_is_not_shown(relay: Running, desk: Desk) -> None:
    await carry(
        relay, desk, bulletin(desk, 1, title="Before", pictures=(Picture("image/jpeg", JPEG),))
    )
    new_key = SigningKey.generate()
    after = Desk(desk.root, new_key, desk.sealing)
    revoking = after.statement(serial=2, revoked=(desk.key.public,))
    relay.node.desks.take(parse_card(after.card(serial=2, statement=revoking)))
    page = await text(relay, page_of(desk))
    assert "Before" not in page
    assert "its key was revoked" in page
    assert (await get(relay, f"{page_of(desk)}/0/0.jpg"))[0] == 404


async def test_a_relay_without_desks_or_pages_shows_none(tmp_path: Path, desk: Desk) -> None:
    async with running_relay(tmp_path / "bare") as bare:
        assert (await get(bare, "/desks"))[0] == 404
        assert (await get(bare, page_of(desk)))[0] == 404
    async with running_relay(tmp_path / "quiet", pages=False) as quiet:
        await carry(quiet, desk, bulletin(desk, 1))
        assert (await get(quiet, "/desks"))[0] == 404
        assert (await get(quiet, page_of(desk)))[0] == 404


async def test_a_desk_without_bulletins_and_a_spoilt_file_beside_it(
    relay: Running, desk: Desk
) -> None:
    relay.node.desks.take(parse_card(desk.card()))
    assert "No bulletin is here." in await text(relay, page_of(desk))
    (relay.data / FOLDER / "0.card").write_bytes(b"no card")
    assert "Desk of the tests" in await text(relay, "/desks")
