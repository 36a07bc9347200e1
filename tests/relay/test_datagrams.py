"""Datagrams from strangers: what a relay answers, how much, and how many it remembers."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, suppress
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from tests.relay.made_parcels import make
from tests.relay.running_relay import Running, running_relay, talking, transfer

from qanat_client.carriers.datagram_link import DatagramLink, open_datagrams
from qanat_client.carriers.settings import CarrierSettings
from qanat_client.errors import Unreachable
from qanat_protocol.channel import PREAMBLE_BYTES
from qanat_protocol.datagram import Datagram, Mask
from qanat_protocol.frames import End
from qanat_protocol.session import HELLO, ClientSession
from qanat_relay import pace
from qanat_relay.errors import ConfigError

PLACES = 16


@pytest.fixture
async def relay(tmp_path: Path) -> AsyncIterator[Running]:
    async with running_relay(tmp_path / "relay", sessions_max=PLACES) as running:
        yield running


async def say_without_end(link: DatagramLink) -> None:
    while True:
        await link.send(bytes(1000))
        await asyncio.sleep(0.05)


class Stranger:
    """A socket by hand that never acknowledges anything."""

    def __init__(self, relay: Running) -> None:
        parts = urlsplit(relay.udp)
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._socket.connect((parts.hostname, parts.port))
        self._to = Mask(relay.sealing_key, to_relay=True)
        self._from = Mask(relay.sealing_key, to_relay=False)
        self.sent_bytes = self.heard_bytes = 0

    def say(self, datagram: Datagram) -> None:
        self.say_raw(self._to.write(datagram))

    def say_raw(self, data: bytes) -> None:
        self.sent_bytes += len(data)
        self._socket.send(data)

    async def hear(self, most_s: float) -> list[Datagram]:
        """What comes within this time."""
        heard = []
        with suppress(TimeoutError):
            async with asyncio.timeout(most_s):
                while True:
                    data = await asyncio.get_running_loop().sock_recv(self._socket, 2048)
                    self.heard_bytes += len(data)
                    heard.append(self._from.read(data))
        return heard

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def stranger(relay: Running) -> Iterator[Stranger]:
    made = Stranger(relay)
    yield made
    made.close()


def opening(relay: Running, connection: bytes) -> Datagram:
    """The first datagram of a session that says HELLO."""
    session = ClientSession(relay.sealing_key)
    data = session.start() + session.send(HELLO)
    return Datagram(connection, 7, offset=0, data=data)


async def test_whoever_acknowledges_nothing_is_sent_three_times_what_came_at_most(
    relay: Running, stranger: Stranger
) -> None:
    stranger.say(opening(relay, b"stranger"))
    heard = await stranger.hear(6.0)
    # It is tried again and again, as a client's first acknowledgement may be lost.
    assert len([each for each in heard if each.data]) > 1
    assert stranger.heard_bytes <= 3 * stranger.sent_bytes


async def test_a_datagram_of_an_unknown_connection_is_answered_by_its_end(
    relay: Running, stranger: Stranger
) -> None:
    stranger.say(Datagram(b"long ago", 12, offset=5_000, data=b"the rest of it"))
    (answer,) = await stranger.hear(0.5)
    assert answer.connection == b"long ago"
    assert answer.closes
    assert stranger.heard_bytes < stranger.sent_bytes


@pytest.mark.parametrize(
    "data",
    [b"", b"QNT", os.urandom(40), os.urandom(1350), os.urandom(60_000)],
    ids=["nothing", "short", "noise", "much noise", "too long"],
)
async def test_what_is_no_datagram_of_this_relay_is_not_answered(
    relay: Running, stranger: Stranger, data: bytes
) -> None:
    stranger.say_raw(data)
    assert await stranger.hear(0.3) == []
    async with talking(relay, "datagrams") as talk:
        await talk.say(*transfer(make(1), 0))
        assert await talk.statuses(1)


async def test_a_recorded_datagram_is_answered_and_a_changed_one_is_not(
    relay: Running, stranger: Stranger
) -> None:
    recorded = Mask(relay.sealing_key, to_relay=True).write(opening(relay, b"recorded"))
    for place in (0, 9, len(recorded) - 1):
        changed = bytearray(recorded)
        changed[place] ^= 1
        stranger.say_raw(bytes(changed))
    stranger.say_raw(recorded[:-1])
    assert await stranger.hear(0.3) == []
    stranger.say_raw(recorded)
    assert await stranger.hear(0.3)


async def test_one_that_comes_from_another_address_is_answered_by_its_end_there(
    relay: Running, stranger: Stranger
) -> None:
    stranger.say(opening(relay, b"moves on"))
    assert any(each.data for each in await stranger.hear(0.3))
    elsewhere = Stranger(relay)
    try:
        elsewhere.say(Datagram(b"moves on", 8, offset=2000, data=b"more"))
        (answer,) = await elsewhere.hear(0.3)
        assert answer.closes
    finally:
        elsewhere.close()
    assert not any(each.closes for each in await stranger.hear(0.3))


async def test_nothing_begins_at_a_relay_that_stops(relay: Running, stranger: Stranger) -> None:
    (datagrams,) = relay.server._datagrams
    stranger.say(opening(relay, b"in time "))
    assert await stranger.hear(0.3)
    stopping = asyncio.create_task(datagrams.stop())
    await asyncio.sleep(0)
    stranger.say(opening(relay, b"too late"))
    assert not any(each.connection == b"too late" for each in await stranger.hear(0.5))
    await stopping


async def test_one_that_closes_what_is_not_known_is_not_answered(
    relay: Running, stranger: Stranger
) -> None:
    stranger.say(Datagram(b"long ago", 12, closes=True))
    assert await stranger.hear(0.3) == []


async def test_less_than_a_preamble_begins_nothing(relay: Running, stranger: Stranger) -> None:
    whole = opening(relay, b"stranger")
    stranger.say(replace(whole, data=(whole.data or b"")[: PREAMBLE_BYTES - 1]))
    (answer,) = await stranger.hear(0.3)
    assert answer.closes
    stranger.say(replace(whole, data=(whole.data or b"")[:PREAMBLE_BYTES]))
    assert not any(each.closes for each in await stranger.hear(0.3))


async def test_bytes_that_open_no_channel_end_the_connection(
    relay: Running, stranger: Stranger
) -> None:
    data = b"QNT\x01\x01" + bytes(PREAMBLE_BYTES - 5)
    stranger.say(Datagram(b"stranger", 7, offset=0, data=data))
    heard = await stranger.hear(0.5)
    assert heard[-1].closes
    assert not any(each.data for each in heard)
    assert relay.server.sessions_running == 0


async def test_claimed_addresses_hold_a_quarter_of_the_places_at_most(
    relay: Running, stranger: Stranger
) -> None:
    for number in range(5 * PLACES):
        stranger.say(opening(relay, number.to_bytes(8)))
        await asyncio.sleep(0.005)
    for _ in range(100):
        if relay.server.sessions_running <= PLACES // 4:
            break
        await asyncio.sleep(0.05)
    assert relay.server.sessions_running == PLACES // 4
    # All others are there for whoever proves to be somewhere, by either carrier.
    for carrier in ("datagrams", "exchange"):
        async with talking(relay, carrier) as talk:
            await talk.say(*transfer(make(1), 0))
            assert await talk.statuses(1)


async def test_a_burst_from_claimed_addresses_cuts_no_quiet_session(
    relay: Running, stranger: Stranger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pace, "CROWDED_S", 0.2)
    async with AsyncExitStack() as talks:
        quiet = [await talks.enter_async_context(talking(relay, "exchange")) for _ in range(8)]
        await asyncio.sleep(0.5)
        for number in range(10 * PLACES):
            stranger.say(opening(relay, number.to_bytes(8)))
            if number % PLACES == 0:
                await asyncio.sleep(0.02)
        await stranger.hear(0.3)
        for talk in quiet:
            assert any(isinstance(frame, End) for frame in await talk.end())


async def test_of_claimed_addresses_the_one_that_says_most_stays(
    relay: Running, stranger: Stranger
) -> None:
    first = opening(relay, b"speaking")
    stranger.say(first)
    stranger.say(Datagram(b"speaking", 8))
    for number in range(2 * PLACES):
        stranger.say(opening(relay, number.to_bytes(8)))
        await asyncio.sleep(0.005)
    heard = await stranger.hear(0.5)
    assert any(each.closes for each in heard)
    assert not any(each.closes for each in heard if each.connection == b"speaking")


async def test_a_session_ends_at_once_with_its_relay(relay: Running) -> None:
    session = ClientSession(relay.sealing_key)
    async with open_datagrams(relay.udp, relay.sealing_key, settings=CarrierSettings()) as link:
        await link.send(session.start() + session.send(HELLO))
        assert await link.receive()
        await relay.server.stop()
        with pytest.raises(Unreachable):
            await say_without_end(link)


async def test_a_name_is_taken_with_all_of_its_addresses(tmp_path: Path) -> None:
    found = socket.getaddrinfo("localhost", 0, type=socket.SOCK_DGRAM)
    families = {family for family, *_ in found}
    listen = ("127.0.0.1:0", "localhost:0")
    async with running_relay(tmp_path / "many", listen_udp=listen) as many:
        assert len(many.all_udp) == 1 + len(families)
        for udp in many.all_udp:
            async with talking(replace(many, udp=udp), "datagrams") as talk:
                await talk.say(*transfer(make(1), 0))
                assert await talk.statuses(1)


async def test_who_takes_datagrams_on_every_address_is_told_what_that_may_cost(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with running_relay(tmp_path / "one"):
        assert "name the very address" not in caplog.text
    async with running_relay(tmp_path / "wide", listen_udp=("0.0.0.0:0",)):
        assert "name the very address" in caplog.text


async def test_an_address_that_cannot_be_taken_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"cannot take datagrams on 192\.0\.2\.1:0"):
        async with running_relay(tmp_path / "none", listen_udp=("192.0.2.1:0",)):
            pass
