"""A session with one relay over one link, and the choice of the road to it.

Owns the pace and the end of a session; what is said in it is the caller's.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from itertools import filterfalse
from typing import TypeVar

from qanat_client.carriers.datagram_link import open_datagrams
from qanat_client.carriers.dialling import Dialling
from qanat_client.carriers.link import Link
from qanat_client.carriers.settings import CarrierSettings
from qanat_client.carriers.transport import Transport
from qanat_client.carriers.wire import LONG_S, Path
from qanat_client.errors import (
    BadInput,
    BadPin,
    ClientError,
    HalfDuplex,
    Refused,
    Silent,
    TookTooLong,
    Unreachable,
)
from qanat_protocol.address import is_for_datagrams
from qanat_protocol.card import RelayEntry
from qanat_protocol.errors import BadChannel, Cut
from qanat_protocol.frames import End, Frame, Welcome
from qanat_protocol.runs import Run
from qanat_protocol.session import HELLO, ClientSession

__all__ = ["Conversation", "Roads", "converse"]

T = TypeVar("T")

_LOOKS = 10
"""How often it is looked whether TCP answers, within the time in which a near relay does."""


class Conversation:
    """Frames both ways with a relay whose sealing key (1216 bytes) is known (SPEC 16, 17)."""

    def __init__(
        self,
        link: Link,
        relay_sealing_key: bytes,
        *,
        address: str = "",
        first_answer_s: float | None = None,
    ) -> None:
        """`address`: where it goes, if that is known. With `first_answer_s`, `frames` raises
        HalfDuplex if nothing at all comes for so long."""
        self.address = address
        self._link = link
        self._relay_sealing_key = relay_sealing_key
        self._session = ClientSession(relay_sealing_key)
        self._first_answer_s = first_answer_s
        self._sending = asyncio.Lock()
        self._ended = False
        self._receiving: asyncio.Task[bytes] | None = None
        self._answered = asyncio.Event()
        self.heard_bytes = 0

    async def session_hash(self) -> bytes:
        """As the session's. Waits for the relay's answer, which whoever reads `frames` takes."""
        await self._answered.wait()
        return self._session.session_hash

    @property
    def welcome(self) -> Welcome | None:
        return self._session.welcome

    async def open(self, *frames: Frame) -> None:
        """Send the preamble, HELLO and the frames of the first flight, in one write."""
        preamble = self._session.start()
        first = self._session.send(HELLO, *frames)
        async with self._sending:
            await self._link.send(preamble + first)

    async def send(self, *frames: Frame | Run) -> None:
        """Send frames and runs in order; returns once the link has taken them."""
        async with self._sending:
            await self._link.send(self._session.send(*frames))

    async def send_apart(self, parts: Iterable[Sequence[Frame]]) -> None:
        """The same for several parts in one write, each in packets of its own.

        A packet is whole or lost: what a cut costs is counted in these.
        """
        async with self._sending:
            await self._link.send(b"".join([self._session.send(*frames) for frames in parts]))

    def rest(self, resting: bool) -> None:
        """Whether the relay owes nothing: then its silence is no fault."""
        self._link.rest(resting)

    async def end(self) -> None:
        """Send END, unless it was sent; the relay's last frames are still to be read."""
        async with self._sending:
            if not self._ended:
                self._ended = True
                await self._link.send(self._session.send(End()))
                await self._link.finish_sending()

    async def _receive(self) -> bytes:
        if self._first_answer_s is None:
            return await self._link.receive()
        # Kept over a HalfDuplex, so that the bytes that come later are not lost.
        self._receiving = self._receiving or asyncio.create_task(self._link.receive())
        done: set[asyncio.Task[bytes]] = set()
        while not done:
            limit_s = None if self._ended else self._patience_s(self._first_answer_s)
            done, _ = await asyncio.wait({self._receiving}, timeout=limit_s)
            path = self._link.path()
            if not (done or (path is not None and path.unacked)):
                raise HalfDuplex("no answer comes before the request has ended")
        task, self._receiving, self._first_answer_s = self._receiving, None, None
        return task.result()

    def _patience_s(self, least_s: float) -> float:
        path = self._link.path()
        return least_s if path is None else max(least_s, 4 * path.base_retry_s)

    async def frames(self) -> AsyncIterator[Frame]:
        """Every frame of the relay until its END, which is not given.

        Raises Cut where the bytes end before, HalfDuplex (see above; `frames` may be called again
        after `end`), and what the session and the link raise.
        """
        while not self._session.ended:
            data = await self._receive()
            if not data:
                self._session.finish()
                return
            self.heard_bytes += len(data)
            frames = self._session.receive(data)
            if self._session.is_open:
                self._answered.set()
            for frame in frames:
                if not isinstance(frame, End):
                    yield frame
            if self._session.failure is not None:
                self._session.receive(b"")

    def path(self) -> Path | None:
        """What was measured of the path so far; None where nothing is told."""
        return self._link.path()

    @property
    def is_wide(self) -> bool:
        """Whether the line, as its opening went, has room for further conversations."""
        return self._link.is_wide

    def control_congestion(self, name: str) -> None:
        """Ask for a congestion control by its name; where there is none nothing changes."""
        self._link.control_congestion(name)

    @asynccontextmanager
    async def beside(self) -> AsyncIterator["Conversation | None"]:
        """Another conversation with the same relay by the same road, closed on leaving; None where
        there is none to be had."""
        link = await self._link.another()
        if link is None:
            yield None
            return
        conversation = Conversation(link, self._relay_sealing_key, address=self.address)
        try:
            yield conversation
        finally:
            await conversation.close()
            await link.close()

    async def close(self) -> None:
        """Stop waiting for the link."""
        if self._receiving is not None:
            self._receiving.cancel()
            await asyncio.wait({self._receiving})


def open_link(
    address: str,
    *,
    transport: Transport,
    settings: CarrierSettings,
    pin: bytes | None = None,
    spares: int = 0,
    dialling: Dialling | None = None,
) -> AbstractAsyncContextManager[Link]:
    """A link to a relay by one of its addresses; see `open_exchange`, and `open_proxied` for a
    WebSocket and for whatever goes through a proxy."""
    # A window of seconds is not spent on loading what the other ways do without.
    if transport is Transport.EXCHANGE and settings.proxy is None:
        from qanat_client.carriers.exchange import open_exchange

        return open_exchange(address, settings=settings, pin=pin, spares=spares, dialling=dialling)
    from qanat_client.carriers.http import open_proxied

    return open_proxied(address, transport=transport, settings=settings, pin=pin)


@dataclass(slots=True)
class Roads:
    """What one run has learnt of the paths, which addresses want a WebSocket, and what it has
    dialled. Never stored. `open_link`: how a link is opened, as the function of that name does."""

    dialling: Dialling = field(default_factory=Dialling)
    open_link: Callable[..., AbstractAsyncContextManager[Link]] = open_link
    _websocket: set[str] = field(default_factory=set)
    _silent: set[str] = field(default_factory=set)

    def transports(self, address: str) -> tuple[Transport, ...]:
        """The transports to try, in order."""
        if address in self._websocket:
            return (Transport.WEBSOCKET,)
        return (Transport.EXCHANGE, Transport.WEBSOCKET)

    async def takes_datagrams(self, address: str, beside: str, settings: CarrierSettings) -> bool:
        """Whether to talk by datagrams: nothing has shown yet that none come through, and TCP to
        the address beside, which is begun here if it was not, does not answer at once."""
        if not settings.datagrams or settings.proxy is not None or address in self._silent:
            return False
        self.dialling.dial(beside, 1)
        for _ in range(_LOOKS):
            if (path := self.dialling.path(beside)) is not None:
                return path.is_long
            await asyncio.sleep(LONG_S / _LOOKS)
        return True

    def avoid_datagrams(self, address: str) -> None:
        """Remember that none come back from there on this path."""
        self._silent.add(address)

    def forget(self) -> None:
        """Another network: what was learnt and dialled on the one before counts no more."""
        self.dialling.close()
        self._websocket.clear()
        self._silent.clear()

    def prefer_websocket(self, address: str) -> None:
        """Remember that a streaming request does no good on this path."""
        self._websocket.add(address)


async def converse(
    entry: RelayEntry,
    talk: Callable[[Conversation], Awaitable[T]],
    *,
    settings: CarrierSettings,
    roads: Roads,
    spares: int = 0,
) -> T:
    """Run `talk` with a relay, by the first of its addresses and roads that works.

    `spares`: how many connections are begun beside each first one, for `Conversation.beside`.

    `talk` opens the conversation and reads its frames to the end. It is called again, on a
    WebSocket, if it raises HalfDuplex or the address refuses the streaming request, so it must
    stand being run twice. Raises what the last road raised, TookTooLong after `session_s`.
    """
    limit = asyncio.timeout(settings.session_s)
    try:
        async with limit:
            return await _by_some_road(entry, talk, settings, roads, spares)
    except TimeoutError:
        if not limit.expired():
            raise  # the caller's own
        raise TookTooLong(
            f"{entry.addresses[0]}: more than {settings.session_s:g} s; the rest goes next time"
        ) from None
    finally:
        # However it ended: the next session may go by another network.
        for address in entry.addresses:
            roads.dialling.let_go(address)


async def _by_datagrams(
    entry: RelayEntry,
    address: str,
    talk: Callable[[Conversation], Awaitable[T]],
    settings: CarrierSettings,
    roads: Roads,
) -> T:
    beside = entry.addresses[0]
    async with open_datagrams(
        address,
        entry.sealing_key,
        settings=settings,
        rival=lambda: roads.dialling.path(beside),
    ) as link:
        conversation = Conversation(link, entry.sealing_key)
        try:
            return await talk(conversation)
        except (BadChannel, Cut) as error:
            if conversation.welcome is not None:
                raise
            roads.avoid_datagrams(address)
            raise Silent(f"{address}: what comes back is not the relay's") from error
        finally:
            await conversation.close()
            if conversation.heard_bytes:
                # Long since silent, and not needed.
                roads.dialling.let_go(beside)


async def _by_some_road(
    entry: RelayEntry,
    talk: Callable[[Conversation], Awaitable[T]],
    settings: CarrierSettings,
    roads: Roads,
    spares: int,
) -> T:
    problem: ClientError = BadInput("the relay has no address")
    silent: list[str] = []
    for address in filter(is_for_datagrams, entry.addresses):
        if not await roads.takes_datagrams(address, entry.addresses[0], settings):
            continue
        try:
            return await _by_datagrams(entry, address, talk, settings, roads)
        except Silent as error:
            silent.append(address)
            problem = error
        except Unreachable as error:
            problem = error
    for address in filterfalse(is_for_datagrams, entry.addresses):
        for transport in roads.transports(address):
            patience_s = settings.first_answer_s if transport is Transport.EXCHANGE else None
            try:
                async with roads.open_link(
                    address,
                    transport=transport,
                    settings=settings,
                    pin=entry.pin,
                    spares=spares,
                    dialling=roads.dialling,
                ) as link:
                    conversation = Conversation(
                        link, entry.sealing_key, address=address, first_answer_s=patience_s
                    )
                    try:
                        return await talk(conversation)
                    finally:
                        await conversation.close()
                        for each in silent if conversation.heard_bytes else ():
                            # TCP does come through.
                            roads.avoid_datagrams(each)
            except (BadPin, Unreachable, BadInput) as error:
                problem = error
                break
            except (HalfDuplex, Refused) as error:
                problem = error
                if transport is Transport.EXCHANGE:
                    roads.prefer_websocket(address)
    raise problem
