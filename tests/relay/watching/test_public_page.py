"""The public's page says that a relay is up, in words, and nothing of any desk. Off by default."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import aiohttp
import pytest
from tests.relay.made_parcels import TODAY, make
from tests.relay.made_peers import befriend, hold, reach
from tests.relay.running_relay import Desk, running_relay
from tests.relay.watching.scraped import get

from qanat_protocol.card import parse_card
from qanat_protocol.days import iso
from qanat_protocol.statement import fingerprint
from qanat_relay import __version__
from qanat_relay.watching import public_page


async def test_there_is_none_unless_the_operator_wants_it(tmp_path: Path) -> None:
    async with running_relay(tmp_path) as relay:
        assert (await get(f"{relay.url}/status"))[0] == 404


async def test_it_says_in_words_what_a_volunteer_would_show(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(public_page, "KEPT_S", 0.0)
    desk = Desk.made()
    async with (
        running_relay(tmp_path / "a", status_page=True, name="<b>Mara & co</b>") as relay,
        running_relay(tmp_path / "b") as other,
    ):
        relay.node.desks.take(parse_card(desk.card()))
        alone = (await get(f"{relay.url}/status"))[1]
        assert "other relays" not in alone
        befriend(relay, other)
        assert "0 of 1 other relays" in (await get(f"{relay.url}/status"))[1]
        await hold(relay, *(make(number, tag=desk.tag) for number in range(7)))
        assert await reach(relay, other)
        status, page = await get(f"{relay.url}/status")
        assert status == 200
        assert "1 of 1 other relays can be reached" in page
        assert f"up since {iso(TODAY)}" in page
        assert f"version {__version__}" in page
        assert "plenty of room" in page
        assert "&lt;b&gt;Mara &amp; co&lt;/b&gt;" in page
        assert page.replace("1 of 1", "0 of 1") == (
            alone.replace("</ul>", "<li>0 of 1 other relays can be reached</li>\n</ul>")
        ), "what a desk has here changes nothing on it"
        assert "Desk of the tests" not in page
        assert fingerprint(desk.desk_id) not in page


@pytest.mark.parametrize(
    ("share", "words"),
    [(0.5, "plenty of room"), (0.1, "enough room"), (0.01, "little room"), (0, "no room")],
)
async def test_the_room_is_told_by_what_may_still_come(
    tmp_path: Path, share: float, words: str
) -> None:
    async with running_relay(tmp_path) as relay:
        used = (await relay.store.stats()).used_bytes
    limits: dict[str, Any] = {
        "partial_bytes": 2**16,
        "largest_body_bytes": 2**16,
        "status_page": True,
    }
    capacity = int(used / (1 - share))
    async with running_relay(tmp_path, capacity_bytes=capacity, **limits) as relay:
        assert f"<li>{words}</li>" in (await get(f"{relay.url}/status"))[1]


async def test_it_brings_no_script_and_nothing_from_elsewhere(tmp_path: Path) -> None:
    async with (
        running_relay(tmp_path, status_page=True) as relay,
        aiohttp.ClientSession() as http,
        http.get(f"{relay.url}/status") as response,
    ):
        policy = response.headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'; ")
        assert "script-src" not in policy
        assert response.headers["Cache-Control"] == "no-store"
        assert "<script" not in await response.text()
