"""The web app's engine where a relay lies, or is under a flood: the others go on, and stamps are
worked on."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import ClientSession, WSMsgType, web
from tests.attackers.scene import claims_to_have_all
from tests.attackers.test_lying_relay_to_reporter import BREAKS
from tests.client.desk.lying_relay import LyingRelay, lying_relay
from tests.client.made_desk import MadeDesk, write_card
from tests.client.test_stamps import ROOM, until_asks
from tests.interop.web_engine import WebEngine
from tests.relay.running_relay import Running, running_relay

from qanat_protocol.card import RelayEntry
from qanat_protocol.stamp import FIRST_EFFORT
from qanat_relay.admission import gate, keeper

STALL_MS = 4000
"""How long an engine waits here for a relay that says nothing; for the honest one it is enough."""

BROKEN = ["greets twice", "acknowledges what was never sent", "claims an array of 2^32-1"]


@asynccontextmanager
async def door(url: str) -> AsyncIterator[str]:
    """A WebSocket before a relay that knows only streamed requests; its URL."""

    async def pass_on(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)

        async def given() -> AsyncIterator[bytes]:
            async for message in socket:
                if message.type is WSMsgType.BINARY:
                    yield message.data

        async with (
            ClientSession(read_bufsize=1 << 20) as session,
            session.post(f"{url}/v1/exchange", data=given()) as response,
        ):
            async for data in response.content.iter_any():
                await socket.send_bytes(data)
        await socket.close()
        return socket

    application = web.Application()
    application.router.add_get("/v1/sync", pass_on)
    runner = web.AppRunner(application, shutdown_timeout=1.0)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        host, port = runner.addresses[0][:2]
        yield f"http://{host}:{port}"
    finally:
        await runner.cleanup()


def entry_of(relay: Running) -> RelayEntry:
    return RelayEntry((relay.url,), relay.keys.signing.public, relay.keys.sealing.public)


@asynccontextmanager
async def liar_and_honest(
    tmp_path: Path, engine: WebEngine
) -> AsyncIterator[tuple[LyingRelay, Running, str]]:
    """A relay that says what its script is, an honest one, and the desk whose card names both."""
    async with (
        lying_relay(time.time()) as liar,
        door(liar.url) as url,
        running_relay(tmp_path / "honest", clock=time.time) as honest,
    ):
        lies = RelayEntry((url,), liar.key.public, liar.secret.public)
        card = MadeDesk().card(relays=(lies, entry_of(honest)))
        yield liar, honest, await engine.knows(write_card(card, tmp_path))


async def test_a_relay_that_talks_nonsense_is_named_and_the_report_arrives_by_another(
    tmp_path: Path, engine: WebEngine
) -> None:
    async with liar_and_honest(tmp_path, engine) as (liar, honest, desk):
        for count, how in enumerate(BROKEN, 1):
            await engine.call("seal", desk=desk, text=how)
            liar.script, _ = BREAKS[how]
            done = await engine.call("sync")
            assert [one["refusal"] for one in done["failed"]] == ["relay_nonsense"], how
            assert (await honest.store.stats()).letters == count
            assert {item["state"] for item in await engine.call("outbox")} == {"signed"}


async def test_what_a_relay_only_claims_to_have_still_goes_to_another(
    tmp_path: Path, engine: WebEngine
) -> None:
    async with liar_and_honest(tmp_path, engine) as (liar, _, desk):
        file = {"name": "a.bin", "size": 20_000, "seed": 1}
        await engine.call("seal", desk=desk, text="With a file.", files=[file])
        liar.script = claims_to_have_all
        # It says nothing more, and is given up.
        await engine.call("stallAfter", ms=STALL_MS)
        await engine.call("sync")
        item = await engine.the_report()
        assert [part["state"] for part in item["parts"]] == ["signed", "signed"]
        assert item["isHere"]


@asynccontextmanager
async def flooded_relay(
    folder: Path, monkeypatch: pytest.MonkeyPatch, wait_s: float
) -> AsyncIterator[Running]:
    """A relay that takes nothing without a stamp, and refuses what waits for so long."""
    monkeypatch.setattr(gate, "WAIT_S", wait_s)
    monkeypatch.setattr(keeper, "REST_S", 0.05)
    monkeypatch.setattr(gate, "FREE_LEAST_BYTES_S", 0.0)
    monkeypatch.setattr(gate, "FREE_SHARE", 0.0)
    async with running_relay(folder / "relay", clock=time.time, **ROOM) as relay:
        await until_asks(relay)
        yield relay


async def is_taken(relay: Running, engine: WebEngine, folder: Path) -> bool:
    """Whether one sync of the engine brings a letter there."""
    card = MadeDesk().card(relays=(entry_of(relay),))
    desk = await engine.knows(write_card(card, folder))
    await engine.call("seal", desk=desk, text="They came at night.")
    done = await engine.call("sync")
    assert done["failed"] == []
    assert (await relay.store.stats()).letters == 1
    return bool((await engine.the_report())["state"] == "signed")


async def test_a_letter_is_refused_under_a_flood_and_goes_with_its_stamp_in_the_same_sync(
    tmp_path: Path, engine: WebEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with flooded_relay(tmp_path, monkeypatch, 0.3) as relay:
        assert await is_taken(relay, engine, tmp_path)


async def test_a_stamp_that_is_found_while_the_letter_waits_is_shown_at_once(
    tmp_path: Path, engine: WebEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Longer than the test may take: nothing is refused. And the stamp is found when all else of the
    # session is over; another session would begin when this one has stood still for a minute.
    async with flooded_relay(tmp_path, monkeypatch, 600.0) as relay, asyncio.timeout(40):
        relay.node.gate.least = 2 * FIRST_EFFORT
        assert await is_taken(relay, engine, tmp_path)
