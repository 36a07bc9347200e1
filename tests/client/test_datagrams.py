"""Sessions by datagrams, and what happens on paths that pass none."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest
from tests.client.made_desk import MadeDesk, write_card
from tests.client.relay_process import RelayProcess, fetch, greet, talk_to
from tests.client.reporter_runs import parcels, qanat

from qanat_client.carriers.conversation import Conversation, Roads, converse
from qanat_client.carriers.datagram_link import open_datagrams
from qanat_client.carriers.settings import CarrierSettings
from qanat_client.desk.arguments import make_arguments as desk_arguments
from qanat_client.desk.context import Context
from qanat_client.errors import BadInput, Silent, Stalled, Unreachable
from qanat_client.reporter.relays import named_address
from qanat_client.terminal import Terminal
from qanat_protocol.errors import BadChannel, Cut
from qanat_protocol.frames import PublicInterest, PublicWant, Welcome
from qanat_protocol.sealing import SealingSecret
from qanat_relay.datagrams import Datagrams
from qanat_relay.link import Link

KEY = bytes(1216)


@pytest.fixture
def relay(tmp_path: Path) -> Iterator[RelayProcess]:
    running = RelayProcess(tmp_path / "relay")
    yield running
    running.stop()


@contextmanager
def deaf() -> Iterator[str]:
    """Where datagrams go and nothing comes from."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as made:
        made.bind(("127.0.0.1", 0))
        yield f"udp://127.0.0.1:{made.getsockname()[1]}"


@asynccontextmanager
async def served(serve: Callable[[Link], Awaitable[None]], key: bytes = KEY) -> AsyncIterator[str]:
    """Where each connection is given to `serve`."""
    transport, datagrams = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: Datagrams(key, serve, 16), local_addr=("127.0.0.1", 0)
    )
    try:
        yield f"udp://127.0.0.1:{transport.get_extra_info('sockname')[1]}"
    finally:
        await datagrams.stop()


async def take_all(link: Link) -> None:
    """Take what comes and say nothing."""
    while await link.receive():
        pass


def closed() -> str:
    """An address at which nobody answers TCP."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}"


async def go_on(say: Callable[[], Awaitable[None]]) -> None:
    """Say it again and again, until that fails."""
    while True:
        await say()
        await asyncio.sleep(0.01)


async def test_a_relay_that_no_tcp_reaches_is_reached_by_datagrams(relay: RelayProcess) -> None:
    heard = await talk_to(relay.entry_at(closed(), relay.udp))
    assert isinstance(heard[0], Welcome)


async def test_where_no_datagram_comes_back_the_other_addresses_are_tried(
    relay: RelayProcess,
) -> None:
    with deaf() as udp:
        entry = relay.entry_at(closed(), udp, relay.url)
        heard = await talk_to(entry, first_datagram_s=0.3)
    assert isinstance(heard[0], Welcome)


async def test_a_path_without_datagrams_is_found_out_once_however_tcp_was_dialled(
    relay: RelayProcess,
) -> None:
    roads, beside = Roads(), closed()
    settings = CarrierSettings(first_datagram_s=0.3)
    with deaf() as udp:
        entry = relay.entry_at(beside, udp, relay.url)
        assert await roads.takes_datagrams(udp, beside, settings)
        await talk_to(entry, roads, first_datagram_s=0.3)
        assert not await roads.takes_datagrams(udp, beside, settings)
        roads.forget()
        assert await roads.takes_datagrams(udp, beside, settings)


@pytest.mark.parametrize("said", [b"no channel at all, and it is long", b""])
async def test_where_something_else_answers_datagrams_the_other_addresses_are_tried(
    relay: RelayProcess, said: bytes
) -> None:
    async def talk_nonsense(link: Link) -> None:
        await link.receive()
        if said:
            await link.send(said)

    roads, beside = Roads(), closed()
    async with served(talk_nonsense, relay.card.sealing_key) as udp:
        heard = await talk_to(relay.entry_at(beside, udp, relay.url), roads)
    assert isinstance(heard[0], Welcome)


async def test_what_was_dialled_is_let_go_when_a_session_is_given_up(relay: RelayProcess) -> None:
    roads, beside = Roads(), closed()
    with deaf() as udp, pytest.raises(TimeoutError):
        async with asyncio.timeout(0.5):
            await talk_to(relay.entry_at(beside, udp), roads, first_datagram_s=60)
    assert beside not in roads.dialling


async def test_a_near_relay_is_talked_to_by_tcp(relay: RelayProcess) -> None:
    with deaf() as udp:
        began_s = time.monotonic()
        heard = await talk_to(relay.entry_at(relay.url, udp), first_datagram_s=60)
    assert isinstance(heard[0], Welcome)
    assert time.monotonic() - began_s < 60


async def test_through_a_proxy_no_datagram_is_sent(relay: RelayProcess) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listening:
        listening.bind(("127.0.0.1", 0))
        listening.setblocking(False)
        udp = f"udp://127.0.0.1:{listening.getsockname()[1]}"
        settings = CarrierSettings(proxy=closed().replace("http", "socks5h"))
        with pytest.raises(Unreachable):
            await converse(relay.entry_at(closed(), udp), greet, settings=settings, roads=Roads())
        with pytest.raises(BlockingIOError):
            listening.recv(2048)


async def test_where_nobody_takes_datagrams_that_is_said_at_once(relay: RelayProcess) -> None:
    with deaf() as udp:
        pass
    async with open_datagrams(
        udp, relay.card.sealing_key, settings=CarrierSettings(first_datagram_s=30)
    ) as link:
        with pytest.raises(Silent):
            await go_on(lambda: link.send(bytes(100)))


@pytest.mark.parametrize("host", ["no-such-host.invalid", "[::1]"])
async def test_a_host_that_is_not_there_is_a_clear_error(relay: RelayProcess, host: str) -> None:
    with pytest.raises(Unreachable):
        await talk_to(relay.entry_at(closed(), f"udp://{host}:9"), first_datagram_s=0.2)


async def test_another_relays_key_gets_no_answer_at_all(relay: RelayProcess) -> None:
    other = SealingSecret.generate().public
    settings = CarrierSettings(first_datagram_s=0.5)
    async with open_datagrams(relay.udp, other, settings=settings) as link:
        with pytest.raises((Silent, BadChannel, Cut)):
            await greet(Conversation(link, other))


async def test_what_goes_up_slowly_is_no_stall_though_nothing_comes_back() -> None:
    settings = CarrierSettings(stall_s=0.3)
    async with served(take_all) as udp, open_datagrams(udp, KEY, settings=settings) as link:
        await link.send(b"QNT" + bytes(1300))
        hearing = asyncio.create_task(link.receive())
        for _ in range(60):
            await link.send(bytes(200))
            await asyncio.sleep(0.02)
        assert not hearing.done()
        hearing.cancel()


async def test_a_link_on_which_nothing_moves_any_more_is_given_up_in_its_time() -> None:
    settings = CarrierSettings(stall_s=0.5)
    async with served(take_all) as udp, open_datagrams(udp, KEY, settings=settings) as link:
        await link.send(b"QNT" + bytes(1300))
        async with asyncio.timeout(10):
            with pytest.raises(Stalled):
                await link.receive()


async def test_that_nobody_listens_any_more_is_believed_when_nothing_comes_for_long(
    relay: RelayProcess,
) -> None:
    settings = CarrierSettings(stall_s=2)
    async with open_datagrams(relay.udp, relay.card.sealing_key, settings=settings) as link:
        talk = Conversation(link, relay.card.sealing_key)
        await talk.open()
        frames = talk.frames()
        assert isinstance(await anext(frames), Welcome)
        relay.kill()
        # The system says so with each of them, as it would of what a stranger forged.
        for number in range(10):
            await talk.send(PublicInterest(number, (PublicWant(bytes(16), 0, 0),)))
            await asyncio.sleep(0.05)
        async with asyncio.timeout(20):
            with pytest.raises(Stalled):
                await anext(frames)


async def test_a_link_may_be_closed_twice_and_while_it_is_given_up() -> None:
    async with served(take_all) as udp:
        async with open_datagrams(udp, KEY, settings=CarrierSettings()) as link:
            await link.send(b"QNT" + bytes(1300))
            closing = asyncio.create_task(link.close())
            await asyncio.sleep(0)
            closing.cancel()
            await asyncio.wait({closing})
            await link.close()
        with pytest.raises(Unreachable):
            await link.send(b"more")


def test_a_person_may_turn_datagrams_off(
    tmp_path: Path, desk: MadeDesk, relay: RelayProcess
) -> None:
    home = tmp_path / "home"
    card = desk.card(relays=[relay.entry_at(closed(), relay.udp)])
    assert qanat(home, "desk", "add", write_card(card, tmp_path), "--yes").code == 0
    assert qanat(home, "send", "--no-code", "What they did.").code == 0
    (home / "settings.toml").write_text("datagrams = false\n")
    assert qanat(home, "sync").code == 3
    (home / "settings.toml").write_text("datagrams = true\n")
    assert qanat(home, "sync").code == 0


def test_a_desk_may_turn_datagrams_off() -> None:
    for arguments, takes in ((["pull"], True), (["pull", "--no-datagrams"], False)):
        context = Context(desk_arguments().parse_args(arguments), Terminal(), time.time)
        assert context.carriers.datagrams is takes


def test_an_address_for_datagrams_is_not_one_to_be_given_by_hand() -> None:
    with pytest.raises(BadInput, match="give the relay's http or https address"):
        named_address("udp://example.org:443")


def test_a_report_with_a_film_goes_out_and_answers_come_in_by_datagrams_alone(
    tmp_path: Path, desk: MadeDesk, relay: RelayProcess
) -> None:
    home = tmp_path / "home"
    card = desk.card(relays=[relay.entry_at(closed(), relay.udp)])
    assert qanat(home, "desk", "add", write_card(card, tmp_path), "--yes").code == 0
    film = tmp_path / "film.mp4"
    film.write_bytes(bytes(range(256)) * 4000)
    assert qanat(home, "send", "--no-code", "--attach", film, "What they did.").code == 0
    assert qanat(home, "sync").code == 0
    sent = {header.parcel_id: body for header, body in parcels(home)}
    there = {parcel_id: body for parcel_id, (_, body) in fetch(relay.entry, desk).items()}
    assert there == sent
