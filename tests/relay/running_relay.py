"""A relay on loopback in this process, and a client that speaks the protocol to it by hand."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

import aiohttp
from tests.relay.made_parcels import TODAY, Made, make

from qanat_client.carriers.datagram_link import DatagramLink, open_datagrams
from qanat_client.carriers.settings import CarrierSettings
from qanat_client.errors import Unreachable
from qanat_client.web_app.files import AppFile
from qanat_protocol.bitmap import Bitmap
from qanat_protocol.card import sign_card
from qanat_protocol.days import epoch_of
from qanat_protocol.errors import RemoteError
from qanat_protocol.frames import Ack, AckEntry, AckStatus, End, Frame, Welcome
from qanat_protocol.limits import PAGE_LEAVES
from qanat_protocol.merkle import page_roots
from qanat_protocol.sealing import SealingSecret
from qanat_protocol.session import HELLO, ClientSession
from qanat_protocol.signing import SigningKey
from qanat_protocol.statement import (
    Certified,
    desk_id_of,
    sign_statement,
    successor_commitment,
)
from qanat_protocol.tags import desk_tag
from qanat_protocol.transfer import Outgoing
from qanat_relay.card import OwnCard
from qanat_relay.config import Config, store_limits
from qanat_relay.desks import Desks
from qanat_relay.keys import RelayKeys, ensure_keys
from qanat_relay.node import Node
from qanat_relay.peering.peers import FOLDER, Peers
from qanat_relay.server import Server
from qanat_relay.store.sqlite import SqliteStore

CARRIERS = ["exchange", "websocket", "datagrams"]
WAIT_S = 60.0
T = TypeVar("T")


@dataclass(frozen=True)
class Place:
    """Where a relay is, and what its channels are sealed to. udp: where it takes datagrams."""

    url: str
    sealing_key: bytes
    udp: str = field(kw_only=True, default="")


@dataclass(frozen=True)
class Running(Place):
    """A relay that serves in this process; `data` is its folder."""

    data: Path
    node: Node
    server: Server
    others: tuple[str, ...] = ()
    all_udp: tuple[str, ...] = ()

    @property
    def keys(self) -> RelayKeys:
        return self.node.keys

    @property
    def store(self) -> SqliteStore:
        assert isinstance(self.node.store, SqliteStore)
        return self.node.store


@asynccontextmanager
async def running_relay(
    data: Path,
    *,
    clock: Callable[[], float] = lambda: TODAY * 86_400.0,
    app: Mapping[str, AppFile] = MappingProxyType({}),
    **settings: Any,
) -> AsyncIterator[Running]:
    """A relay with these settings on a free port of loopback. `app`: the web app's files."""
    data.mkdir(parents=True, exist_ok=True)
    chosen = {"listen": ("127.0.0.1:0",), "listen_udp": ("127.0.0.1:0",), "stop_s": 0, **settings}
    config = replace(Config(), **chosen)
    keys = ensure_keys(data)
    store = await SqliteStore.open(data / "store", store_limits(config))
    try:
        peers = Peers(data / FOLDER, clock)
        card = OwnCard(data, config, keys, peers)
        node = Node(config, keys, store, Desks(data / "desks"), clock, peers, card)
        server = Server(node, data, card, app)
        shown = await server.start()
        udp = tuple(each for each in shown if each.startswith("udp://"))
        url, *others = shown[: len(shown) - len(udp)]
        try:
            yield Running(
                url,
                keys.sealing.public,
                data,
                node,
                server,
                tuple(others),
                udp,
                udp=udp[0] if udp else "",
            )
        finally:
            await server.stop()
    finally:
        await store.close()


@dataclass(frozen=True)
class Desk:
    """A desk's keys, and what it shows a relay."""

    root: SigningKey
    key: SigningKey
    sealing: SealingSecret

    @classmethod
    def made(cls) -> Desk:
        return cls(SigningKey.generate(), SigningKey.generate(), SealingSecret.generate())

    @property
    def desk_id(self) -> bytes:
        return desk_id_of(self.root.public)

    @property
    def tag(self) -> bytes:
        """The tag of this week."""
        return desk_tag(self.desk_id, epoch_of(TODAY))

    def statement(self, *, serial: int = 1, revoked: tuple[bytes, ...] = ()) -> bytes:
        return sign_statement(
            self.root,
            serial=serial,
            issued_day=TODAY - 10,
            certified=[Certified(self.key.public, TODAY - 10, TODAY + 300)],
            revoked=revoked,
            successor=successor_commitment(bytes(32)),
        )

    def card(self, *, serial: int = 1, **fields: Any) -> bytes:
        return sign_card(
            self.key,
            statement=fields.pop("statement", self.statement()),
            serial=serial,
            issued_day=TODAY,
            name="Desk of the tests",
            grace_days=90,
            first_epoch=epoch_of(TODAY),
            sealing_keys=[self.sealing.public],
            **fields,
        )


class Talk:
    """One session by hand, over either carrier."""

    def __init__(self, relay_key: bytes) -> None:
        self.session = ClientSession(relay_key)
        self.heard: list[Frame] = []
        self._unread: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._seen = 0
        self.received_bytes = 0
        """What the carrier brought, also what nobody has read from here yet."""
        self.close_code: int | None = None
        self.status: int | None = None

    async def send_raw(self, data: bytes) -> None:
        raise AssertionError("a carrier's")

    async def finish_sending(self) -> None:
        raise AssertionError("a carrier's")

    async def say(self, *frames: Frame) -> None:
        await self.send_raw(self.session.send(*frames))

    async def hear(self) -> bool:
        """Read a little more; False at the end."""
        async with asyncio.timeout(WAIT_S):
            data = await self._unread.get()
        if data is None:
            return False
        self.heard += self.session.receive(data)
        return True

    async def until(self, kind: type[T], count: int = 1) -> list[T]:
        """The frames of a kind that were heard, once there are `count` of them."""
        while len(found := self.all(kind)) < count:
            assert await self.hear(), f"the relay ended without {kind.__name__}: {self.heard}"
        return found

    def all(self, kind: type[T]) -> list[T]:
        return [frame for frame in self.heard if isinstance(frame, kind)]

    async def statuses(self, count: int) -> dict[int, AckEntry]:
        """The newest status of each transfer, once `count` transfers have a final one."""
        while True:
            newest = {entry.handle: entry for ack in self.all(Ack) for entry in ack.entries}
            if sum(entry.status.is_final for entry in newest.values()) >= count:
                return newest
            assert await self.hear(), f"the relay ended before {count} statuses: {self.heard}"

    async def rest(self) -> list[Frame]:
        """Everything up to the end of the relay's bytes."""
        try:
            while await self.hear():
                pass
        except RemoteError:
            pass
        return self.heard

    async def end(self) -> list[Frame]:
        """Say END and hear the relay out."""
        await self.say(End())
        await self.finish_sending()
        return await self.rest()


class ExchangeTalk(Talk):
    """Over a streamed POST."""

    def __init__(self, relay_key: bytes) -> None:
        super().__init__(relay_key)
        self._outgoing: asyncio.Queue[bytes | None] = asyncio.Queue()

    async def send_raw(self, data: bytes) -> None:
        await self._outgoing.put(data)

    async def finish_sending(self) -> None:
        await self._outgoing.put(None)

    async def body(self) -> AsyncIterator[bytes]:
        while (data := await self._outgoing.get()) is not None:
            yield data

    async def read(self, http: aiohttp.ClientSession, url: str) -> None:
        try:
            async with http.post(f"{url}/v1/exchange", data=self.body()) as response:
                self.status = response.status
                async for data in response.content.iter_any():
                    self.received_bytes += len(data)
                    await self._unread.put(data)
        except aiohttp.ClientError:
            pass
        finally:
            await self._unread.put(None)


class WebSocketTalk(Talk):
    """Over a WebSocket."""

    def __init__(self, relay_key: bytes, socket: aiohttp.ClientWebSocketResponse) -> None:
        super().__init__(relay_key)
        self.socket = socket

    async def send_raw(self, data: bytes) -> None:
        # How the stream is cut into messages means nothing.
        for start in range(0, len(data), 100_000):
            await self.socket.send_bytes(data[start : start + 100_000])

    async def finish_sending(self) -> None:
        # A WebSocket has no half close; END inside the session says the same.
        return

    async def read(self) -> None:
        try:
            async for message in self.socket:
                if message.type is aiohttp.WSMsgType.BINARY:
                    self.received_bytes += len(message.data)
                    await self._unread.put(message.data)
        finally:
            self.close_code = self.socket.close_code
            await self._unread.put(None)


class DatagramTalk(Talk):
    """Over datagrams."""

    def __init__(self, relay_key: bytes, link: DatagramLink) -> None:
        super().__init__(relay_key)
        self.link = link

    async def send_raw(self, data: bytes) -> None:
        # What the relay has hung up on is lost.
        with suppress(Unreachable):
            await self.link.send(data)

    async def finish_sending(self) -> None:
        with suppress(Unreachable):
            await self.link.finish_sending()

    async def read(self) -> None:
        try:
            while data := await self.link.receive():
                self.received_bytes += len(data)
                await self._unread.put(data)
        except Unreachable:
            pass
        finally:
            await self._unread.put(None)


@asynccontextmanager
async def raw_talk(relay: Place, carrier: str) -> AsyncIterator[Talk]:
    """A connection on which nothing was said yet; cut at the end of the block."""
    key = relay.sealing_key
    timeout = aiohttp.ClientTimeout(total=None)
    async with aiohttp.ClientSession(timeout=timeout) as http, AsyncExitStack() as links:
        talk: ExchangeTalk | WebSocketTalk | DatagramTalk
        if carrier == "datagrams":
            settings = CarrierSettings(first_datagram_s=WAIT_S)
            opening = open_datagrams(relay.udp, key, settings=settings)
            talk = DatagramTalk(key, await links.enter_async_context(opening))
            reading = asyncio.create_task(talk.read())
        elif carrier == "exchange":
            talk = ExchangeTalk(key)
            reading = asyncio.create_task(talk.read(http, relay.url))
        else:
            talk = WebSocketTalk(key, await http.ws_connect(f"{relay.url}/v1/sync", compress=0))
            reading = asyncio.create_task(talk.read())
        try:
            yield talk
        finally:
            reading.cancel()
            await asyncio.wait([reading])


@asynccontextmanager
async def talking(relay: Place, carrier: str) -> AsyncIterator[Talk]:
    """A session in which both have greeted."""
    async with raw_talk(relay, carrier) as talk:
        await talk.send_raw(talk.session.start())
        await talk.say(HELLO)
        await talk.until(Welcome)
        yield talk


def transfer(made: Made, handle: int, *indices: int, held: Bitmap | None = None) -> list[Frame]:
    """The frames that carry a parcel, or only some of its blocks."""
    outgoing = Outgoing(handle, made.header, held or Bitmap.from_indices(()))
    blocks = made.blocks
    leaves = [block.leaf for block in blocks]
    frames = outgoing.start(page_roots(leaves) if len(blocks) > PAGE_LEAVES else ())
    for index in indices or outgoing.missing():
        if (page := outgoing.page_needed(index)) is not None:
            first = page * PAGE_LEAVES
            frames.append(outgoing.page(page, leaves[first : first + PAGE_LEAVES]))
        frames.append(outgoing.block(index, blocks[index].data))
    return frames


async def serves(relay: Place) -> bool:
    """Whether it serves a session from its beginning to its end."""
    async with talking(relay, "exchange") as talk:
        await talk.say(*transfer(make(1), 0))
        told = await talk.statuses(1)
        stored = told[0].status in (AckStatus.STORED, AckStatus.HAVE)
        return stored and isinstance((await talk.end())[-1], End)
