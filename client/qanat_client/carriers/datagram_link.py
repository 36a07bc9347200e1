"""A link to a relay over datagrams (SPEC section 23): the session's first bytes go out at once,
before any handshake."""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack, asynccontextmanager, suppress
from typing import Any
from urllib.parse import urlsplit

from qanat_client.carriers.datagrams import Pump
from qanat_client.carriers.link import Single
from qanat_client.carriers.patience import Patience
from qanat_client.carriers.settings import CarrierSettings
from qanat_client.carriers.wire import Path, keep_room
from qanat_client.errors import ClientError, Silent, Stalled, Unreachable
from qanat_protocol.datagram import CONNECTION_BYTES, FIRST_NUMBERS, Mask
from qanat_protocol.datagram_stream import DatagramStream
from qanat_protocol.errors import Malformed

__all__ = ["DatagramLink", "open_datagrams"]

_LOOK_S = 0.05
_MARGIN_S = 0.3
_LAST_WORDS_S = 2.0
"""How long a session that has been heard to its end waits for its own last bytes to arrive."""

_AT_ONCE = 64

_REFUSED_S = 5.0
"""For so long nobody listens where a session was, before it is over: more than one try."""

_LARGEST_BYTES = 2048


class _Socket:
    """Datagrams of one relay, and of nobody else. Reads more than one at each turn, which the
    library's own way does not. Raises OSError; RuntimeError where loops watch no sockets."""

    def __init__(self, address: tuple[Any, ...], family: int, relay_sealing_key: bytes) -> None:
        self._loop = asyncio.get_running_loop()
        self._mask = Mask(relay_sealing_key, to_relay=False)
        self.failure: OSError | None = None
        self._refused_at_bytes, self._refused_s = -1, 0.0
        stream = DatagramStream(
            os.urandom(CONNECTION_BYTES),
            secrets.randbelow(FIRST_NUMBERS),
            self._loop.time(),
            mask=Mask(relay_sealing_key, to_relay=True),
            is_proven=True,
        )
        self.pump = Pump(stream, self._send)
        self._socket = socket.socket(family, socket.SOCK_DGRAM)
        with ExitStack() as failed:
            failed.callback(self._socket.close)
            self._socket.setblocking(False)
            keep_room(self._socket)
            self._socket.connect(address)
            self._loop.add_reader(self._socket, self._read)
            failed.pop_all()

    def _read(self) -> None:
        for _ in range(_AT_ONCE):
            try:
                data = self._socket.recv(_LARGEST_BYTES)
            except (BlockingIOError, InterruptedError):
                return
            except OSError as error:
                self._refused(error)
                continue
            with suppress(Malformed):
                self.pump.take(self._mask.read(data), len(data))

    def _send(self, data: bytes) -> None:
        try:
            self._socket.send(data)
        except (BlockingIOError, InterruptedError):
            # The system has no room: as lost on the way.
            return
        except OSError as error:
            self._refused(error)

    def _refused(self, error: OSError) -> None:
        """There is no way, or nobody listens there. Once something was heard that is as lost on the
        way, and for patience to judge: anybody can forge such a word, and a network that is gone
        for a moment comes back. A host that says for long that nobody listens is believed."""
        moved_bytes, now_s = self.pump.stream.moved_bytes, self._loop.time()
        if moved_bytes != self._refused_at_bytes:
            self._refused_at_bytes, self._refused_s = moved_bytes, now_s
        is_for_long = now_s - self._refused_s >= _REFUSED_S
        is_believed = isinstance(error, ConnectionRefusedError) and is_for_long
        if self.failure is None and (is_believed or not moved_bytes):
            self.failure = error
            self._loop.call_soon(self.pump.close)

    def close(self) -> None:
        """Closing twice is fine."""
        self.pump.close()
        if self._socket.fileno() >= 0:
            self._loop.remove_reader(self._socket)
            self._socket.close()


class DatagramLink(Single):
    """The link. `rival`: what was measured of a TCP connection that was begun at the same time."""

    def __init__(
        self,
        address: str,
        endpoint: _Socket,
        settings: CarrierSettings,
        rival: Callable[[], Path | None],
    ) -> None:
        self._address = address
        self._endpoint = endpoint
        self._pump = endpoint.pump
        self._patience = Patience(address, settings.stall_s, self._pump.path)
        self._first_answer_s = settings.first_datagram_s
        self._rival = rival
        self._watching: asyncio.Task[None] | None = None
        self._dead: ClientError | None = None

    async def send(self, data: bytes) -> None:
        """As `Link.send`."""
        self._check()
        self._watching = self._watching or asyncio.create_task(self._watch())
        try:
            taken = await self._patience.wait(asyncio.ensure_future(self._pump.write(data)))
        except Stalled as error:
            raise self._die(error) from None
        if not taken:
            raise self._die(self._broken())
        self._patience.moved(len(data))
        self._check()

    def rest(self, resting: bool) -> None:
        """As `Link.rest`."""
        self._patience.rest(resting)

    async def finish_sending(self) -> None:
        """As `Link.finish_sending`."""
        self._check()
        self._pump.finish()

    async def receive(self) -> bytes:
        """As `Link.receive`. Raises Silent where nothing at all comes back."""
        self._check()
        try:
            data = await self._patience.wait(asyncio.ensure_future(self._read()))
        except Stalled as error:
            raise self._die(error) from None
        self._check()
        return data

    async def _read(self) -> bytes:
        data = await self._pump.read()
        if data is None:
            raise self._dead or self._broken()
        return data

    def _broken(self) -> ClientError:
        failure = self._endpoint.failure
        reason = "hung up" if failure is None else f"can't be reached ({failure.strerror})"
        if not self._pump.stream.moved_bytes:
            return Silent(f"{self._address} {reason}")
        return Unreachable(f"{self._address} {reason}")

    def _check(self) -> None:
        if self._dead is not None:
            raise self._dead

    def _die(self, error: ClientError) -> ClientError:
        self._dead = self._dead or error
        self._pump.close()
        return self._dead

    async def _watch(self) -> None:
        """Give up on a path that passes no datagrams, as soon as TCP shows that there is one."""
        began_s = time.monotonic()
        while not self._pump.stream.moved_bytes:
            waited_s = time.monotonic() - began_s
            path = self._rival()
            most_s = self._first_answer_s
            if path is not None and path.rtt_s:
                most_s = min(most_s, 2 * path.rtt_s + _MARGIN_S)
            if waited_s > most_s:
                self._die(Silent(f"{self._address}: no datagram comes back"))
                return
            await asyncio.sleep(_LOOK_S)

    def path(self) -> Path | None:
        """As `Link.path`."""
        return self._pump.path()

    async def close(self) -> None:
        """As `Link.close`."""
        if self._watching is not None:
            self._watching.cancel()
        try:
            if self._dead is None and self._pump.stream.is_over:
                await self._pump.delivered(_LAST_WORDS_S)
        finally:
            self._die(Unreachable(f"the link to {self._address} is closed"))
            self._endpoint.close()


@asynccontextmanager
async def open_datagrams(
    address: str,
    relay_sealing_key: bytes,
    *,
    settings: CarrierSettings,
    rival: Callable[[], Path | None] = lambda: None,
) -> AsyncIterator[DatagramLink]:
    """A link to the relay at a udp URL, closed on leaving. Nothing has been sent yet then.

    Raises Silent where there is no such host or no way to it.
    """
    parts = urlsplit(address)
    try:
        async with asyncio.timeout(settings.connect_s):
            found = await asyncio.get_running_loop().getaddrinfo(
                parts.hostname, parts.port, type=socket.SOCK_DGRAM
            )
        family, _, _, _, where = found[0]
        endpoint = _Socket(where, family, relay_sealing_key)
    except TimeoutError:
        raise Silent(f"{address} can't be reached (its name is not found in time)") from None
    except (OSError, UnicodeError, RuntimeError) as error:
        raise Silent(f"{address} can't be reached ({error})") from None
    link = DatagramLink(address, endpoint, settings, rival)
    try:
        yield link
    finally:
        await link.close()
