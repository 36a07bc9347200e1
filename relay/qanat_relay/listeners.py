"""The places where a relay listens for HTTP: taken at the start, changed while it runs.

Never touches connections that are open, nor what is said on them.
"""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from aiohttp import web

from qanat_relay.background import Background
from qanat_relay.certificate import Certificate, load_certificate
from qanat_relay.config import Config, Listener, parse_listener
from qanat_relay.errors import ConfigError

LOW_PORTS = 1024
"""Ports below this are taken by those alone who have a right to it."""

LET_GO_S = 2.0
"""How long a port that this relay itself lets go of may still count as taken."""

TRY_S = 0.05

CERTIFICATE = "certificate"
"""What of the background is theirs: looking whether the certificate's files have changed."""

_WORDS = {
    errno.EADDRINUSE: "another program listens there; stop it, or choose another port",
    errno.EADDRNOTAVAIL: "this machine has no such address",
}


_Key: TypeAlias = tuple[str, int]
"""A place as the settings name it, and how many of the same stand before it: port 0 may be there
more than once."""


@dataclass(frozen=True, slots=True)
class _Open:
    site: web.TCPSite
    urls: tuple[str, ...]


class Listeners:
    """Those of one server."""

    def __init__(self, runner: web.AppRunner, background: Background) -> None:
        self._runner = runner
        self._background = background
        self._open: dict[_Key, _Open] = {}
        self._certificate: Certificate | None = None

    def urls(self) -> list[str]:
        """Where it is listened at, port 0 as the port that was found."""
        return [url for each in self._open.values() for url in each.urls]

    async def change(self, config: Config) -> None:
        """Listen at these places and at no others, and show this certificate.

        Raises ConfigError where that cannot be; then all is as it was.
        """
        certificate = self._certificate
        loaded = load_certificate(config.tls_cert, config.tls_key) if config.tls_cert else None
        if loaded is not None:
            certificate = certificate or Certificate(loaded)
            certificate.check(loaded)
        await self._listen_at(config.listen, certificate)
        if certificate is not None and loaded is not None:
            certificate.take(loaded)
            if self._certificate is None:
                self._background.begin(CERTIFICATE, certificate.look_forever)
            self._certificate = certificate
        else:
            await self._forget_certificate()

    async def _forget_certificate(self) -> None:
        if self._certificate is not None:
            self._certificate = None
            await self._background.end(CERTIFICATE)

    async def stop(self) -> None:
        """Accept nothing more; connections that are open go on."""
        await self._forget_certificate()
        for key in list(self._open):
            await self._drop(key)

    async def _listen_at(self, texts: Sequence[str], certificate: Certificate | None) -> None:
        wanted = [(text, texts[:number].count(text)) for number, text in enumerate(texts)]
        added = [key for key in wanted if key not in self._open]
        removed = [key for key in self._open if key not in wanted]
        # Between plain and TLS, or one address and all of them, the port has to be let go of first.
        early = [key for key in removed if _port(key) in set(map(_port, added)) - {0}]
        for key in early:
            await self._drop(key)
        try:
            for key in added:
                await self._add(key, certificate, is_freed=bool(early))
        except ConfigError:
            for key in set(added) & self._open.keys():
                await self._drop(key)
            for key in early:
                await self._add(key, certificate, is_freed=True)
            raise
        for key in set(removed) & self._open.keys():
            await self._drop(key)

    async def _add(self, key: _Key, certificate: Certificate | None, *, is_freed: bool) -> None:
        text, _ = key
        listener = parse_listener(text)
        context = certificate.context if listener.is_tls and certificate is not None else None
        before = len(self._runner.addresses)
        left = int(LET_GO_S / TRY_S) if is_freed else 0
        while True:
            site = web.TCPSite(self._runner, listener.host, listener.port, ssl_context=context)
            try:
                await site.start()
                break
            except OSError as error:
                await site.stop()
                if error.errno != errno.EADDRINUSE or not left:
                    raise ConfigError(f"cannot listen on {text}: {why(error, listener)}") from None
            left -= 1
            await asyncio.sleep(TRY_S)
        scheme = "https" if listener.is_tls else "http"
        found = self._runner.addresses[before:]
        self._open[key] = _Open(site, tuple(f"{scheme}://{show_place(each)}" for each in found))

    async def _drop(self, key: _Key) -> None:
        await self._open.pop(key).site.stop()


def _port(key: _Key) -> int:
    return parse_listener(key[0]).port


def why(error: OSError, listener: Listener) -> str:
    """Why a place cannot be taken, and what to do."""
    if error.errno in (errno.EACCES, errno.EPERM) and listener.port < LOW_PORTS:
        return (
            f"port {listener.port} is below {LOW_PORTS}, which needs a right: the unit"
            " relay/systemd/qanat-relay.service gives it; elsewhere start with"
            " CAP_NET_BIND_SERVICE, or choose a higher port and forward this one to it"
        )
    return _WORDS.get(error.errno or 0) or error.strerror or type(error).__name__


def show_place(address: tuple[str, int] | tuple[str, int, int, int]) -> str:
    """HOST:PORT, with an IPv6 host in brackets."""
    host, port = address[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
