"""A reporter whose relay is under a flood: stamps are made beside the sync, kept, and told of."""

from __future__ import annotations

import asyncio
import re
import sys
import time
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from tests.client.made_desk import MadeDesk, write_card
from tests.client.reporter_runs import Ran, qanat
from tests.relay.running_relay import Running, running_relay

from qanat_client.reporter.database import connect
from qanat_client.reporter.home import Home
from qanat_client.reporter.outbox import Outbox
from qanat_protocol.card import RelayEntry
from qanat_protocol.days import day_of
from qanat_protocol.frames import Stamp
from qanat_protocol.stamp import FIRST_EFFORT, check_stamp
from qanat_relay.admission import gate, keeper
from qanat_relay.admission.ticket import Lane

ROOM: dict[str, Any] = {
    "capacity_bytes": 64 << 20,
    "partial_bytes": 4 << 20,
    "largest_body_bytes": 1 << 20,
}


@pytest.fixture
async def relay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Running]:
    """A relay that has taken as much for nothing as it takes; the free lane stands still."""
    monkeypatch.setattr(gate, "WAIT_S", 0.3)
    monkeypatch.setattr(keeper, "REST_S", 0.05)
    monkeypatch.setattr(gate, "FREE_LEAST_BYTES_S", 0.0)
    monkeypatch.setattr(gate, "FREE_SHARE", 0.0)
    async with running_relay(tmp_path / "relay", clock=time.time, **ROOM) as relay:
        await until_asks(relay)
        yield relay


async def until_asks(relay: Running) -> None:
    """Take room for letters until there is none for nothing."""
    async with asyncio.timeout(10):
        while not relay.node.gate.asks:  # noqa: ASYNC110 - a flag, which wakes nobody
            await asyncio.sleep(0.01)
    while relay.node.gate.lets_in(Lane.LETTERS):
        relay.node.gate.take(Lane.LETTERS, 4096)
    # And some of what only stamps may have.
    relay.node.gate.take(Lane.LETTERS, 1 << 20)


@pytest.fixture
async def home(tmp_path: Path, desk: MadeDesk, relay: Running) -> Path:
    home = tmp_path / "home"
    entry = RelayEntry((relay.url,), relay.keys.signing.public, relay.keys.sealing.public)
    card = write_card(desk.card(relays=(entry,)), tmp_path)
    assert (await run(home, "desk", "add", card, "--yes")).code == 0
    assert (await run(home, "send", "They came at night.", "--no-code")).code == 0
    return home


async def run(home: Path, *arguments: str | Path) -> Ran:
    return await asyncio.to_thread(qanat, home, *arguments)


def stamps(home: Path) -> list[Stamp | None]:
    place = Home(home)
    with closing(connect(place)) as connection:
        return [parcel.stamp for parcel in Outbox(place, connection).waiting()]


async def outbox(home: Path) -> dict[str, Any]:
    (entry,) = (await run(home, "outbox", "--json")).json
    found: dict[str, Any] = entry["parcels"][0]
    return found


async def test_a_letter_is_refused_and_goes_with_its_stamp_in_the_same_sync(
    relay: Running, home: Path
) -> None:
    done = await run(home, "sync", "--json")
    assert done.code == 0, done.err
    first, *_, last = done.json["relays"]
    assert (first["taken"], first["stamps_wanted"], last["taken"]) == (0, 1, 1)
    assert (await relay.store.stats()).letters == 1
    (stamp,) = stamps(home)
    assert stamp is not None
    check_stamp(stamp, day_of(time.time()))
    assert stamp.effort >= FIRST_EFFORT
    shown = await outbox(home)
    assert shown["has_stamp"]
    assert shown["relays"][0]["word"] == "signed"


async def test_a_stamp_that_is_found_while_the_letter_waits_is_shown_at_once(
    relay: Running, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Longer than the test may take: nothing is refused.
    monkeypatch.setattr(gate, "WAIT_S", 600.0)
    relay.node.gate.least = 8 * FIRST_EFFORT
    done = await run(home, "sync", "--json")
    assert done.code == 0, done.err
    (only,) = done.json["relays"]
    assert (only["taken"], only["stamps_wanted"]) == (1, 0)
    assert (await relay.store.stats()).letters == 1


async def test_the_person_is_told_what_is_worked_on(
    relay: Running, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Refused before a process that works on it could be there.
    monkeypatch.setattr(gate, "WAIT_S", 0.0)
    # One stamp may be found by luck before anything is said of it.
    for number in range(7):
        assert (await run(home, "send", f"They came again, {number}.", "--no-code")).code == 0
    done = await run(home, "sync")
    said = done.out + done.err
    working = r"a relay is under a flood: working on (a stamp|\d+ stamps), about \d+ s"
    assert re.search(working, said), said
    assert "Ctrl-C ends it" in done.out + done.err


async def test_a_stamp_that_is_too_much_is_not_worked_on_and_the_outbox_says_so(
    relay: Running, home: Path
) -> None:
    (home / "settings.toml").write_text("stamp_most_s = 0\n")
    done = await run(home, "sync")
    assert done.code == 4
    assert "asks for a stamp of about" in done.out + done.err
    assert stamps(home) == [None]
    assert "a relay under a flood asks for a stamp" in (await run(home, "outbox")).out
    shown = await outbox(home)
    assert (shown["stamp_effort"], shown["has_stamp"]) == (FIRST_EFFORT, False)


async def test_a_stamp_is_made_once(
    relay: Running, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (await run(home, "sync")).code == 0
    (kept,) = stamps(home)
    # Another relay's home of the same parcel: nothing is known of it there.
    monkeypatch.setattr(sys, "executable", "/nonexistent")
    assert (await run(home, "sync")).code == 0
    assert stamps(home) == [kept]


async def test_where_no_process_can_be_begun_it_goes_without(
    relay: Running, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", str(home / "no-python"))
    done = await run(home, "sync")
    assert done.code == 4
    assert "Traceback" not in done.err
    assert stamps(home) == [None]
    # Once there is room again it goes as it is.
    relay.node.gate.take(Lane.LETTERS, -(8 << 20))
    assert (await run(home, "sync")).code == 0
