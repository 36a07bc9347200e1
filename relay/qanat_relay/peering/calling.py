"""When peers are dialled: at once when there is something new for them, from time to time in any
case, and more and more seldom while they can't be reached."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from qanat_client.carriers.http import open_proxied
from qanat_client.carriers.link import Link as CarrierLink
from qanat_client.carriers.settings import CarrierSettings
from qanat_client.carriers.transport import Transport
from qanat_client.errors import BadPin, ClientError, Refused, Stalled, Unreachable
from qanat_protocol.address import is_for_datagrams
from qanat_protocol.errors import (
    BadChannel,
    Busy,
    Cut,
    QanatError,
    RefusedDesk,
    RemoteError,
    UnknownVersion,
)
from qanat_relay.counts import Carrier, Traffic
from qanat_relay.errors import LinkLost
from qanat_relay.events import Event
from qanat_relay.logs import tell, tell_of_loop_errors
from qanat_relay.node import Node
from qanat_relay.peering.call import Call
from qanat_relay.peering.peers import CLAIM_S, Peer

LOOK_S = 5.0
"""How often the folder of peers is looked at."""

GATHER_S = 1.0
"""What comes within this time goes with one call."""

CALLED_S, SELDOM = 3600.0, 10
"""A peer that calls us, too, within such a time brings its news itself: it is called so many times
less often without any of our own."""

FIRST_RETRY_S = 2.0

STALL_S = 20.0
"""How long a call may stand still. TCP waits ever longer between two tries on a line that was lost;
a new call finds at once that it is back, and nothing is asked for twice."""

_JITTER = 0.2
_WORDS: tuple[tuple[type[Exception], str], ...] = (
    (BadPin, "it shows a certificate that is not believed"),
    (Refused, "something else than a relay answers there"),
    (Stalled, "it answers no more"),
    (Unreachable, "it can't be reached"),
    (LinkLost, "the connection broke off"),
    (Cut, "the connection broke off"),
    (Busy, "it has too much to do"),
    (BadChannel, "it is not the relay of its card"),
    (RefusedDesk, "it does not know this relay as a peer: its operator has to add this one's card"),
    (UnknownVersion, "it speaks another version of the protocol: one of the two has to be updated"),
    (RemoteError, "it breaks the protocol"),
    (ClientError, "it can't be reached"),
)
"""What an operator is told of a call that failed; no address is in it."""

_FAULT = "a fault of this relay, which its log tells of"


@dataclass(frozen=True, slots=True)
class _Dialled:
    """A carrier of the client's, as a link of a conversation."""

    carrier: CarrierLink
    traffic: Traffic

    async def receive(self) -> bytes:
        try:
            data = await self.carrier.receive()
        except ClientError as error:
            raise LinkLost("the connection to a peer broke off") from error
        self.traffic.in_bytes += len(data)
        return data

    async def send(self, data: bytes) -> None:
        try:
            await self.carrier.send(data)
        except ClientError as error:
            raise LinkLost("the connection to a peer broke off") from error
        self.traffic.out_bytes += len(data)

    def abort(self) -> None:
        """The context that opened it lets go."""

    @property
    def is_gone(self) -> bool:
        """Never: it takes nobody's place."""
        return False


Reach = Callable[[Node, Peer], Awaitable[bool]]
Dial = Callable[[str, CarrierSettings], AbstractAsyncContextManager[CarrierLink]]


def dial_peer(address: str, settings: CarrierSettings) -> AbstractAsyncContextManager[CarrierLink]:
    """A link to a peer at one of its addresses."""
    return open_proxied(address, transport=Transport.WEBSOCKET, settings=settings)


async def call_peers(node: Node, reach: Reach | None = None, *, look_s: float = LOOK_S) -> None:
    """Dial every peer that has an address, for ever; `reach` is one call, `call` by default.
    look_s: how often it is looked whether there are others."""
    reach = reach or call
    lines: dict[bytes, asyncio.Task[None]] = {}
    try:
        while True:
            peers = {peer.key: peer for peer in node.peers.list_peers(strict=False)}
            for key in [key for key in lines if key not in peers]:
                lines.pop(key).cancel()
            for key, peer in peers.items():
                if key not in lines or lines[key].done():
                    lines[key] = asyncio.create_task(_call_one(node, peer, reach))
            await asyncio.sleep(look_s)
    finally:
        for line in lines.values():
            line.cancel()
        if lines:
            await asyncio.wait(lines.values())


async def _call_one(node: Node, peer: Peer, reach: Reach) -> None:
    """Call one peer again and again."""
    retry_s, next_s = FIRST_RETRY_S, 0.0
    while peer.card.addresses:
        _heed_cancelling()
        now_s = time.monotonic()
        if peer.is_talking:
            await asyncio.sleep(_jittered(GATHER_S))
        elif now_s < next_s and node.news.from_others(peer.key) <= peer.told:
            await _wait_for_news(node, peer, next_s - now_s)
        elif await reach(node, peer):
            retry_s, next_s = FIRST_RETRY_S, time.monotonic() + _pause_s(node, peer)
        else:
            await asyncio.sleep(_jittered(retry_s))
            retry_s = min(2 * retry_s, node.config.peer_retry_s)


def _pause_s(node: Node, peer: Peer) -> float:
    if peer.deferred:
        return _jittered(CLAIM_S)
    calls = peer.called_s is not None and time.monotonic() - peer.called_s < CALLED_S
    return _jittered(node.config.peer_s * (SELDOM if calls else 1))


async def _wait_for_news(node: Node, peer: Peer, most_s: float) -> None:
    try:
        async with asyncio.timeout(most_s):
            await node.news.wait_for_more(peer.key, peer.told)
    except TimeoutError:
        return
    await asyncio.sleep(_jittered(GATHER_S))


async def call(node: Node, peer: Peer, dial: Dial = dial_peer) -> bool:
    """One session with a peer, by the first of its addresses that answers; whether it came to its
    end. What became of it stands in the peer's record. Raises nothing that the line does."""
    failure: Exception = Unreachable("no address")
    for address in peer.card.addresses:
        if is_for_datagrams(address):
            # Relays have good lines, and every proxy between them passes a WebSocket.
            continue
        _heed_cancelling()
        try:
            await _call_at(node, peer, address, dial)
        except (ClientError, LinkLost, RemoteError) as error:
            failure = error
        except (QanatError, OSError, ExceptionGroup) as error:
            tell(Event.PEER_CALL_FAILED, error=True)
            failure = error
        else:
            return True
    words = next((said for kind, said in _WORDS if isinstance(failure, kind)), _FAULT)
    if peer.record.failure != words:
        tell(Event.PEER_FAILING, words=words)
    peer.keep(peer.record.failed(words, node.peers.now_s()))
    return False


def _heed_cancelling() -> None:
    """End here if this task was cancelled: where that meets the end of a session, Python 3.11 may
    raise what ended the session instead, and who waits for the task would wait for ever."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


async def _call_at(node: Node, peer: Peer, address: str, dial: Dial) -> None:
    settings = CarrierSettings(stall_s=min(STALL_S, node.config.stall_s))
    async with dial(address, settings) as carrier:
        # The carrier has set one that may name who was dialled.
        asyncio.get_running_loop().set_exception_handler(tell_of_loop_errors)
        traffic = node.counts.traffic[Carrier.CALL]
        session = Call(node, _Dialled(carrier, traffic), peer)
        traffic.begun += 1
        traffic.running += 1
        try:
            await session.run()
        finally:
            traffic.running -= 1
            node.counts.endings[session.ending] += 1
    if session.fault is not None:
        raise session.fault
    if not session.is_over:
        raise LinkLost("the connection to a peer broke off")


def _jittered(seconds: float) -> float:
    return seconds * random.uniform(1 - _JITTER, 1 + _JITTER)  # noqa: S311 - it spreads, no more
