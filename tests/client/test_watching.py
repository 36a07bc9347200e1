"""What a watch does when the system tells of networks, and what the person is told before."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.client.made_desk import MadeDesk, today, write_card
from tests.client.reporter_runs import qanat
from tests.client.roads import silent_server
from tests.client.told_networks import System, address, link, route
from tests.relay.running_relay import Running, running_relay

from qanat_client.carriers.conversation import Roads
from qanat_client.carriers.settings import CarrierSettings
from qanat_client.reporter.arguments import make_arguments
from qanat_client.reporter.cadence import AT_ONCE, MOST_TRIES
from qanat_client.reporter.home import Home
from qanat_client.reporter.watch import Watch
from qanat_client.terminal import Terminal
from qanat_protocol.card import RelayEntry

WLAN, MOBILE = link(3, "wlan0"), link(4, "rmnet0")
NOBODY = "http://127.0.0.1:9"


@pytest.fixture
async def relay(tmp_path: Path) -> AsyncIterator[Running]:
    async with running_relay(tmp_path / "relay", clock=lambda: today() * 86_400.0) as running:
        yield running


def entry_of(relay: Running, url: str = "") -> RelayEntry:
    return RelayEntry((url or relay.url,), relay.keys.signing.public, relay.keys.sealing.public)


@dataclass
class Watched:
    """A watch that runs, the system that it hears, and what it has told."""

    home: Path
    system: System
    capsys: pytest.CaptureFixture[str]
    running: asyncio.Task[None]
    roads: Roads
    told: str = ""

    async def until(self, text: str, times: int = 1) -> None:
        """Wait until this was told so often."""
        while self._heard().count(text) < times:
            assert not self.running.done(), self.told
            await asyncio.sleep(0.01)

    def _heard(self) -> str:
        self.told += self.capsys.readouterr().out
        return self.told

    async def queue(self, text: str) -> None:
        sent = await asyncio.to_thread(qanat, self.home, "send", text, "--no-code")
        assert sent.code == 0


@asynccontextmanager
async def watching(
    home: Path, capsys: pytest.CaptureFixture[str], *has: bytes, every_s: float | None = None
) -> AsyncIterator[Watched]:
    """A watch on a system that has these networks."""
    system = System(list(has))
    arguments = make_arguments().parse_args(["sync", "--watch"])
    watch = Watch(
        Home(home),
        arguments,
        Terminal(),
        mailboxes=[],
        network=system.network,
        every_s=every_s,
    )
    running = asyncio.create_task(watch.run())
    try:
        yield Watched(home, system, capsys, running, watch.roads)
    finally:
        running.cancel()
        await asyncio.wait({running})
        system.close()


async def home_with(folder: Path, desk: MadeDesk, *relays: RelayEntry) -> Path:
    home = folder / "h"
    card = write_card(desk.card(relays=relays), folder)
    added = await asyncio.to_thread(qanat, home, "desk", "add", card, "--yes")
    assert added.code == 0
    return home


async def test_before_anything_goes_out_it_is_told_what_to_whom_and_when(
    tmp_path: Path, desk: MadeDesk, relay: Running, capsys: pytest.CaptureFixture[str]
) -> None:
    home = await home_with(tmp_path, desk, entry_of(relay))
    file = tmp_path / "file"
    file.write_bytes(bytes(200_000))
    for arguments in (["an older one"], ["with a file", "--urgent", "--attach", str(file)]):
        await asyncio.to_thread(qanat, home, "send", *arguments, "--no-code")
    async with watching(home, capsys) as watch:
        await watch.until("took 3 parcels")
    before, _ = watch.told.split("contacted now")
    urgent, older = before.index("report 2 (urgent): letter"), before.index("report 1: letter")
    assert urgent < older
    assert "1 file" in before
    assert relay.url in before
    assert "whenever a network comes" in before
    assert "nothing is probed in between" in before


async def test_a_network_that_comes_is_used_at_once_and_one_that_goes_is_not(
    tmp_path: Path, desk: MadeDesk, relay: Running, capsys: pytest.CaptureFixture[str]
) -> None:
    home = await home_with(tmp_path, desk, entry_of(relay))
    async with watching(home, capsys, WLAN, address(3)) as watch:
        await watch.until("Ctrl-C")
        await watch.queue("written meanwhile")
        watch.system.change(WLAN)
        watch.system.change(WLAN, MOBILE)
        watch.system.change(WLAN, MOBILE, address(4), route(4))
        await watch.until("took 1 parcel")
    assert "rmnet0 has a way out and rmnet0 has an address: 1 relay is contacted" in watch.told
    assert watch.told.count("contacted now") == 2


async def test_what_did_not_come_through_is_tried_anew_on_another_network(
    tmp_path: Path, desk: MadeDesk, relay: Running, capsys: pytest.CaptureFixture[str]
) -> None:
    home = await home_with(tmp_path, desk, entry_of(relay))
    udp, settings = "udp://127.0.0.1:9", CarrierSettings()
    async with watching(home, capsys, WLAN, address(3)) as watch:
        await watch.until("Ctrl-C")
        watch.roads.avoid_datagrams(udp)
        assert not await watch.roads.takes_datagrams(udp, NOBODY, settings)
        watch.system.change(WLAN, address(3), MOBILE, address(4), route(4))
        await watch.until("Ctrl-C", 2)
        assert await watch.roads.takes_datagrams(udp, NOBODY, settings)


async def test_a_network_that_does_not_work_yet_is_tried_again_soon(
    tmp_path: Path, desk: MadeDesk, relay: Running, capsys: pytest.CaptureFixture[str]
) -> None:
    home = await home_with(tmp_path, desk, entry_of(relay, NOBODY))
    async with watching(home, capsys) as watch:
        await watch.until("Ctrl-C")
        assert "Again in" not in watch.told
        watch.system.change(WLAN, address(3))
        await watch.until("no relay was reached yet: 1 relay is contacted now", 2)
        await watch.until("Again in", 3)
        watch.system.change(WLAN, address(3), MOBILE, address(4))
        await watch.until("rmnet0 has an address: 1 relay is contacted now")


async def test_a_network_that_flaps_makes_no_storm(
    tmp_path: Path, desk: MadeDesk, relay: Running, capsys: pytest.CaptureFixture[str]
) -> None:
    home = await home_with(tmp_path, desk, entry_of(relay))
    async with watching(home, capsys) as watch:
        await watch.until("Ctrl-C")
        while "the network comes and goes" not in watch.told:
            watch.system.change(WLAN, address(3))
            await watch.until("Ctrl-C", watch.told.count("Ctrl-C"))
            await asyncio.sleep(0.06)
            watch.system.change()
            await asyncio.sleep(0.06)
        contacts = watch.told.count("contacted now")
        for _ in range(20):
            watch.system.change(WLAN, address(3))
            watch.system.change()
        await watch.until("the network comes and goes")
    assert AT_ONCE <= contacts <= AT_ONCE + 1
    assert watch.told.count("contacted now") == contacts


async def test_a_round_that_hangs_on_a_network_that_is_gone_begins_anew_on_the_next(
    tmp_path: Path, desk: MadeDesk, relay: Running, capsys: pytest.CaptureFixture[str]
) -> None:
    async with silent_server() as silent:
        home = await home_with(tmp_path, desk, entry_of(relay, f"http://127.0.0.1:{silent.port}"))
        async with watching(home, capsys, WLAN, address(3)) as watch:
            await watch.until("contacted now")
            card = write_card(desk.card(3, relays=[entry_of(relay)]), tmp_path)
            added = await asyncio.to_thread(qanat, home, "desk", "add", card, "--yes")
            assert added.code == 0, added.err
            watch.system.change()
            watch.system.change(MOBILE, address(4))
            await watch.until("nothing to do")
    assert "rmnet0 has an address, and nothing has moved" in watch.told


async def test_a_relay_that_was_reached_ends_the_tries(
    tmp_path: Path, desk: MadeDesk, relay: Running, capsys: pytest.CaptureFixture[str]
) -> None:
    other = MadeDesk().root.public
    dead = RelayEntry((NOBODY,), other, relay.keys.sealing.public)
    home = await home_with(tmp_path, desk, entry_of(relay), dead)
    async with watching(home, capsys, WLAN, address(3)) as watch:
        await watch.until("Ctrl-C")
    assert "Again in" not in watch.told
    assert MOST_TRIES > 0


async def test_by_the_clock_it_goes_only_where_the_person_wants_that(
    tmp_path: Path, desk: MadeDesk, relay: Running, capsys: pytest.CaptureFixture[str]
) -> None:
    home = await home_with(tmp_path, desk, entry_of(relay))
    async with watching(home, capsys, every_s=0.05) as watch:
        await watch.until("it is time: 1 relay is contacted now", 2)
    assert "about every 0.05 seconds, as you asked: whoever watches" in watch.told


@pytest.mark.parametrize("options", [(), ("--watch",)])
async def test_a_dry_run_tells_all_of_it_and_touches_no_network(
    tmp_path: Path, desk: MadeDesk, options: tuple[str, ...]
) -> None:
    async with silent_server() as silent:
        named = f"http://127.0.0.1:{silent.port}"
        home = await home_with(
            tmp_path, desk, RelayEntry((named,), desk.signing.public, desk.secrets[0].public)
        )
        await asyncio.to_thread(qanat, home, "send", "x", "--no-code")
        by_hand = ("--relay", "http://127.0.0.1:1")
        ran = await asyncio.to_thread(qanat, home, "sync", "--dry-run", *by_hand, *options)
        facts = await asyncio.to_thread(qanat, home, "sync", "--dry-run", "--json", *options)
        assert (ran.code, facts.code) == (0, 0)
        assert silent.connections == 0
    assert "report 1: letter 4.0 KiB" in ran.out
    assert named in ran.out
    assert "http://127.0.0.1:1 (no card names it" in ran.out
    assert ("whenever a network comes" in ran.out) == bool(options)
    assert facts.json["waiting"] == [
        {"report": 1, "urgent": False, "parcels": 1, "size_bytes": 4096}
    ]
    assert facts.json["to"] == [named]


async def test_probing_is_a_setting_that_is_off_unless_it_is_written(
    tmp_path: Path, desk: MadeDesk, relay: Running
) -> None:
    home = await home_with(tmp_path, desk, entry_of(relay))
    dry = ("sync", "--watch", "--dry-run")
    assert "nothing is probed" in (await asyncio.to_thread(qanat, home, *dry)).out
    (home / "settings.toml").write_text("probe_every_s = 600\n")
    assert "about every 600 seconds" in (await asyncio.to_thread(qanat, home, *dry)).out
    for wrong in ("5", "-1", "true", '"600"', "1e3"):
        (home / "settings.toml").write_text(f"probe_every_s = {wrong}\n")
        assert (await asyncio.to_thread(qanat, home, *dry)).code == 2
