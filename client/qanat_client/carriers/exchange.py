"""A link straight to a relay: one POST whose body is streamed while the answer is read.

Tells nothing of itself in its headers. Redirects are refused, and no proxy is used.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import h11
from aiohappyeyeballs import start_connection

from qanat_client.carriers.dialling import AddressInfo, Begun, Dialling, host_and_port, make_socket
from qanat_client.carriers.patience import Patience
from qanat_client.carriers.settings import CarrierSettings
from qanat_client.carriers.tls import Tls
from qanat_client.carriers.transport import Transport
from qanat_client.carriers.wire import Path, control_congestion, hold_back, measure
from qanat_client.errors import BadInput, BadPin, ClientError, Refused, Stalled, Unreachable

__all__ = ["Exchange", "open_exchange"]

_RECEIVE_BYTES = 65_536
_NEXT_ADDRESS_S = 0.25
"""After which the next of a host's addresses is tried beside the one before (RFC 8305)."""

_TOGETHER_S = 0.1
"""An answer that comes later than that behind the first was lost once."""

_LATE_S = 0.15
"""Beyond one and a half round trips: TLS's opening takes so long only where a packet was lost."""

_WIDE_GAP_S = 0.005
"""Connections that were asked for together are answered one behind the other, as far apart as the
line is narrow: 60 bytes take this long at 100 kbit/s. On a narrower line further connections cost
more than they carry."""

_WIDE_TLS_S = 0.12
"""The same by the 1.7 KB of TLS's opening, beyond the round trip."""


class _Road:
    """A way to one relay, and the connections that were begun by it and are not yet used."""

    def __init__(
        self, address: str, settings: CarrierSettings, pin: bytes | None, dialling: Dialling
    ) -> None:
        parts = urlsplit(address)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise BadInput(f"not an address: {address}")
        self.address = address
        self.settings = settings
        self.host, self.port = host_and_port(address)
        self.netloc = parts.netloc
        self.is_tls = parts.scheme == "https"
        self.tls = Tls(settings, pin)
        self._dialling = dialling
        self._dialled: list[Begun] = []
        self._found: list[AddressInfo] = []
        self._beginning: set[asyncio.Task[Exchange]] = set()
        self._choosing = asyncio.Lock()
        self._failure: BaseException | None = None
        self._answered_after_s: list[float] = []
        self._answered_at_s: list[float] = []
        self._permits = asyncio.Semaphore(1)
        self.is_wide = False

    async def begin(self, spares: int) -> Exchange:
        """The first link that is ready; with it as many others were begun, up to where they cost
        something."""
        loop = asyncio.get_running_loop()
        if self.address in self._dialling:
            await asyncio.to_thread(self._dialling.wait, self.address)
            self._found, self._dialled = self._dialling.take(self.address)
        self._found = self._found or await loop.getaddrinfo(
            self.host, self.port, type=socket.SOCK_STREAM
        )
        if self.is_tls and self._dialled:
            # While the first packets are on their way, and before anything here is timed.
            self.tls.prepare()
        self._beginning = {asyncio.create_task(self._begin()) for _ in range(1 + spares)}
        link = await self._next_ready()
        if link is None:
            assert self._failure is not None, "each of them ended by one"
            raise self._failure
        return link

    async def another(self) -> Exchange:
        """A further link, by a connection that was begun or a new one."""
        self._permits.release()
        return await self._next_ready() or await self._open(await self._connect())

    async def leave(self) -> None:
        """Close what was begun and not used."""
        begun, self._beginning = self._beginning, set()
        while self._dialled:
            self._dialled.pop().made.close()
        for task in begun:
            task.cancel()
        for link in await asyncio.gather(*begun, return_exceptions=True):
            if isinstance(link, Exchange):
                await link.close()

    async def _next_ready(self) -> Exchange | None:
        """One of those that were begun; None where none of them is left."""
        # One after the other: none is given twice.
        async with self._choosing:
            while self._beginning:
                done, _ = await asyncio.wait(self._beginning, return_when=asyncio.FIRST_COMPLETED)
                task = done.pop()
                self._beginning.discard(task)
                self._failure = task.exception()
                if self._failure is None:
                    return task.result()
        return None

    async def _begin(self) -> Exchange:
        made = await self._connect()
        with ExitStack() as failed:
            failed.callback(made.close)
            await self._permits.acquire()
            failed.pop_all()
        loop = asyncio.get_running_loop()
        begun_s = loop.time()
        least_s = min(self._answered_after_s, default=0.0)
        # Where its opening loses a packet another connection is quicker than its repetition.
        late = loop.call_later(1.5 * least_s + _LATE_S, self._permits.release)
        try:
            link = await self._open(made)
        finally:
            late.cancel()
        if self.is_tls and loop.time() - begun_s - least_s < _WIDE_TLS_S:
            self._widen()
        return link

    async def _connect(self) -> socket.socket:
        begun = await self._connected()
        path = measure(begun.made)
        if path is not None and path.rtt_s:
            # By the system's own clock: this program's turn may come late, and for all at once.
            self._answered_after_s.append(path.rtt_s)
            self._answered_at_s.append(begun.begun_s + path.rtt_s)
            first_s = min(self._answered_at_s)
            together = [at_s for at_s in self._answered_at_s if at_s - first_s < _TOGETHER_S]
            gaps = len(together) - 1
            # One gap is enough: one answer of three is often lost.
            if gaps and (max(together) - first_s) / gaps < _WIDE_GAP_S:
                self._widen()
        return begun.made

    async def _connected(self) -> Begun:
        if not self._dialled:
            begun_s = time.monotonic()
            made = await start_connection(
                self._found,
                happy_eyeballs_delay=_NEXT_ADDRESS_S,
                socket_factory=make_socket,
            )
            return Begun(made, begun_s)
        begun, address = self._dialled.pop(), self._found[0][-1]
        with ExitStack() as failed:
            failed.callback(begun.made.close)
            # It is on its way or there already: Linux says so when it is asked to connect again.
            await asyncio.get_running_loop().sock_connect(begun.made, address)
            failed.pop_all()
        return begun

    def _widen(self) -> None:
        if not self.is_wide:
            self.is_wide = True
            for _ in self._beginning:
                self._permits.release()

    async def _open(self, made: socket.socket) -> Exchange:
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader(limit=_RECEIVE_BYTES)
        protocol = asyncio.StreamReaderProtocol(reader)
        transport, _ = await loop.create_connection(lambda: protocol, sock=made)
        hold_back(transport)
        writer = asyncio.StreamWriter(transport, protocol, reader, loop)

        def abort() -> None:
            # Looked up only then: TLS gives the writer another transport.
            writer.transport.abort()

        with ExitStack() as failed:
            failed.callback(abort)
            if self.is_tls:
                await writer.start_tls(self.tls.context, server_hostname=self.host)
                hold_back(writer.transport)
            tls = writer.get_extra_info("ssl_object")
            self.tls.check(tls)
            self.tls.resume(None if tls is None else tls.session)
            link = Exchange(self, reader, writer)
            failed.pop_all()
        return link


class Exchange:
    """The link. Its head goes with its first bytes, so that one which is not used says nothing."""

    def __init__(
        self, road: _Road, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._road = road
        self._reader = reader
        self._writer = writer
        self._http = h11.Connection(h11.CLIENT)
        self._patience = Patience(road.address, road.settings.stall_s, self.path)
        self._dead: ClientError | None = None

    async def send(self, data: bytes) -> None:
        """As `Link.send`."""
        await self._write(h11.Data(data=data))
        self._patience.moved(len(data))

    def rest(self, resting: bool) -> None:
        """As `Link.rest`."""
        self._patience.rest(resting)

    async def finish_sending(self) -> None:
        """As `Link.finish_sending`."""
        await self._write(h11.EndOfMessage())

    async def _write(self, event: h11.Data | h11.EndOfMessage) -> None:
        if self._dead is not None:
            raise self._dead
        try:
            head = self._head()
            pieces = self._http.send_with_data_passthrough(event) or []
            self._writer.writelines([*head, *pieces])
            await self._patience.wait(asyncio.ensure_future(self._writer.drain()))
        except (OSError, h11.LocalProtocolError, Stalled) as error:
            raise self._die(error) from None

    def _head(self) -> list[bytes]:
        if self._http.our_state is not h11.IDLE:
            return []
        head = h11.Request(
            method="POST",
            target=Transport.EXCHANGE.value,
            headers=[
                ("Host", self._road.netloc),
                ("Content-Type", "application/octet-stream"),
                ("Transfer-Encoding", "chunked"),
            ],
        )
        return [self._http.send(head) or b""]

    async def receive(self) -> bytes:
        """As `Link.receive`."""
        if self._dead is not None:
            raise self._dead
        try:
            while True:
                event = self._http.next_event()
                if event is h11.NEED_DATA:
                    reading = asyncio.ensure_future(self._reader.read(_RECEIVE_BYTES))
                    self._http.receive_data(await self._patience.wait(reading))
                elif isinstance(event, h11.Data):
                    return bytes(event.data)
                elif isinstance(event, h11.Response):
                    if event.status_code != 200:
                        raise Refused(
                            f"{self._road.address} answered with status {event.status_code}"
                        )
                elif not isinstance(event, h11.InformationalResponse):
                    return b""
        except (OSError, h11.RemoteProtocolError, ClientError) as error:
            raise self._die(error) from None

    def _die(self, error: Exception) -> ClientError:
        self._dead = self._dead or named(error, self._road.address)
        return self._dead

    def path(self) -> Path | None:
        """As `Link.path`."""
        found = self._writer.get_extra_info("socket")
        return None if found is None else measure(found)

    @property
    def is_wide(self) -> bool:
        """As `Link.is_wide`."""
        return self._road.is_wide

    def control_congestion(self, name: str) -> None:
        """As `Link.control_congestion`."""
        found = self._writer.get_extra_info("socket")
        if found is not None:
            control_congestion(found, name)

    async def another(self) -> Exchange | None:
        """As `Link.another`."""
        return await _in_time(self._road, self._road.another())

    async def close(self) -> None:
        """As `Link.close`."""
        self._die(Unreachable(f"the link to {self._road.address} is closed"))
        self._writer.transport.abort()


def named(error: BaseException, address: str) -> ClientError:
    """The error that a person is shown for one of the system's or the library's."""
    match error:
        case ClientError():
            return error
        case ssl.SSLCertVerificationError():
            return BadPin(f"{address} shows a certificate that is not believed")
        case TimeoutError():
            return Unreachable(f"{address} does not answer")
        case h11.ProtocolError() | ConnectionResetError() | BrokenPipeError() | ssl.SSLError():
            return Unreachable(f"{address} can't be reached or hung up ({error})")
        case OSError():
            known = error.errno is not None and error.errno > 0
            said = os.strerror(error.errno or 0) if known else error.strerror or str(error)
            return Unreachable(f"{address} can't be reached ({said.lower()})")
        case _:
            return Unreachable(f"{address} can't be reached ({error})")


async def _in_time(road: _Road, opening: Any) -> Exchange:
    try:
        async with asyncio.timeout(road.settings.connect_s):
            found: Exchange = await opening
            return found
    except (OSError, TimeoutError, UnicodeError, BadPin) as error:
        raise named(error, road.address) from None


@asynccontextmanager
async def open_exchange(
    address: str,
    *,
    settings: CarrierSettings,
    pin: bytes | None = None,
    spares: int = 0,
    dialling: Dialling | None = None,
) -> AsyncIterator[Exchange]:
    """A link to the relay at `address` (an http(s) URL of host and port), closed on leaving.

    `pin` is the SHA-256 of the only public key (SubjectPublicKeyInfo) that is believed. `spares`:
    how many TCP connections are begun with the first one, for `another`; those that were dialled
    are taken. Raises Unreachable, BadPin, Refused, BadInput.
    """
    road = _Road(address.rstrip("/"), settings, pin, dialling or Dialling())
    try:
        link = await _in_time(road, road.begin(spares))
        try:
            yield link
        finally:
            await link.close()
    finally:
        with contextlib.suppress(asyncio.CancelledError):
            await road.leave()
