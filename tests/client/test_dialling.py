"""Connections that begin before the program that uses them is loaded: they are used, and not one
more is made; where they fail or are not wanted all goes as without them.
"""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest
from tests.client.made_desk import MadeDesk, write_card
from tests.client.relay_process import RelayProcess
from tests.client.reporter_runs import qanat
from tests.client.roads import Seen, silent_server

from qanat_client.carriers.dialling import AddressInfo, Dialling
from qanat_client.carriers.exchange import Exchange, open_exchange
from qanat_client.carriers.settings import CarrierSettings
from qanat_client.errors import Unreachable

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="nothing is dialled elsewhere")


@asynccontextmanager
async def opened(url: str, dialling: Dialling, spares: int = 0) -> AsyncIterator[Exchange]:
    settings = CarrierSettings(connect_s=5)
    async with open_exchange(url, settings=settings, spares=spares, dialling=dialling) as link:
        yield link


async def until(is_so: Callable[[], bool]) -> None:
    """Wait for what a server sees."""
    for _ in range(1000):
        if is_so():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it did not happen")


async def seen(server: Seen, count: int) -> None:
    await until(lambda: server.connections >= count)


@pytest.fixture
def dialling() -> Iterator[Dialling]:
    with closing(Dialling()) as made:
        yield made


@on_linux
@pytest.mark.parametrize("spares", [0, 2])
async def test_what_was_dialled_is_used_and_nothing_beside_it(
    dialling: Dialling, spares: int
) -> None:
    async with silent_server() as server:
        url = f"http://127.0.0.1:{server.port}"
        dialling.dial(url, 1 + spares)
        await seen(server, 1 + spares)
        async with opened(url, dialling, spares) as link:
            assert url not in dialling
            await link.send(b"hello")
            for _ in range(spares):
                other = await link.another()
                assert other is not None
                await other.send(b"hello too")
                await other.close()
        assert server.connections == 1 + spares


@on_linux
async def test_more_connections_than_were_dialled_are_made_and_those_too_many_closed(
    dialling: Dialling,
) -> None:
    async with silent_server() as server:
        url = f"http://127.0.0.1:{server.port}"
        dialling.dial(url, 1)
        async with opened(url, dialling, spares=1):
            await seen(server, 2)
        dialling.dial(url, 3)
        async with opened(url, dialling):
            await seen(server, 5)
        await until(lambda: server.ended == 5)


async def test_two_relays_at_one_address_share_what_was_dialled(dialling: Dialling) -> None:
    async with silent_server() as server:
        url = f"http://127.0.0.1:{server.port}"
        dialling.dial(url, 1)

        async def talk() -> None:
            async with opened(url, dialling):
                await seen(server, 2)

        await asyncio.gather(talk(), talk())


async def test_where_dialling_fails_the_error_is_the_one_of_the_connection(
    dialling: Dialling,
) -> None:
    async with silent_server() as server:
        gone = f"http://127.0.0.1:{server.port}"
    for url in (gone, "http://does-not-exist.invalid:7447"):
        dialling.dial(url, 1)
        with pytest.raises(Unreachable):
            async with opened(url, dialling):
                pass


@on_linux
async def test_what_nobody_takes_is_closed(dialling: Dialling) -> None:
    async with silent_server() as server:
        dialling.dial(f"http://127.0.0.1:{server.port}", 2)
        await seen(server, 2)
        dialling.close()
        await until(lambda: server.ended == 2)


@on_linux
async def test_of_several_addresses_none_is_dialled_and_one_that_answers_is_found(
    dialling: Dialling, monkeypatch: pytest.MonkeyPatch
) -> None:
    look_up = socket.getaddrinfo

    def two(host: str, port: int, **options: int) -> list[AddressInfo]:
        # Nothing listens at the first.
        return [*look_up("127.0.0.2", port, **options), *look_up("127.0.0.1", port, **options)]

    monkeypatch.setattr(socket, "getaddrinfo", two)
    async with silent_server() as server:
        url = f"http://relay.invalid:{server.port}"
        dialling.dial(url, 2)
        await asyncio.to_thread(dialling.wait, url)
        await asyncio.sleep(0.1)
        assert server.connections == 0
        async with opened(url, dialling):
            await seen(server, 1)


@on_linux
async def test_closing_waits_for_no_name_and_what_is_found_then_is_not_dialled(
    dialling: Dialling, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, go, look_up = threading.Event(), threading.Event(), socket.getaddrinfo

    def late(host: str, port: int, **options: int) -> list[AddressInfo]:
        asked.set()
        go.wait(20)
        return list(look_up("127.0.0.1", port, **options))

    monkeypatch.setattr(socket, "getaddrinfo", late)
    async with silent_server() as server:
        url = f"http://relay.invalid:{server.port}"
        dialling.dial(url, 2)
        await asyncio.to_thread(asked.wait, 20)
        (looking,) = [thread for thread in threading.enumerate() if thread.name == "dialling"]
        dialling.close()
        assert looking.is_alive()
        go.set()
        await asyncio.to_thread(looking.join, 20)
        await asyncio.sleep(0.1)
        assert server.connections == 0


@on_linux
def test_a_sync_dials_before_it_loads_the_network_and_by_a_proxy_it_dials_nobody(
    tmp_path: Path, desk: MadeDesk
) -> None:
    relay = RelayProcess(tmp_path / "relay")
    home = tmp_path / "home"
    card = write_card(desk.card(relays=(relay.entry,)), tmp_path)
    assert qanat(home, "desk", "add", card, "--yes").code == 0
    program = (
        "import sys; from qanat_client.carriers.dialling import Dialling;"
        "dial = Dialling.dial;"
        "heavy = lambda: sorted({'asyncio', 'ssl', 'h11', 'aiohttp'} & sys.modules.keys());"
        "Dialling.dial = lambda *words: (print('dialled', *words[1:], heavy()), dial(*words));"
        "from qanat_client.reporter.cli import main; main(sys.argv[1:])"
    )
    try:
        for words, said in (
            ([], [f"dialled {relay.url} 1 []"]),
            (["--proxy", "http://127.0.0.1:9"], []),
        ):
            done = subprocess.run(
                [sys.executable, "-c", program, "--home", home, "sync", *words],
                capture_output=True,
                check=True,
                text=True,
            )
            dialled = [line for line in done.stdout.splitlines() if line.startswith("dialled")]
            assert dialled == said, done.stdout + done.stderr
    finally:
        relay.stop()
