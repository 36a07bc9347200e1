"""The HTTP client of one link: its sockets, its proxy, which certificate it believes."""

from __future__ import annotations

import asyncio
import hashlib
import socket
import ssl

import aiohttp
from aiohttp import AddrInfoType
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from qanat_client.carriers.proxies import parse_proxy
from qanat_client.carriers.settings import CarrierSettings
from qanat_client.carriers.socks import SocksConnector
from qanat_client.carriers.unsent import keep_little_unsent
from qanat_client.errors import BadPin

__all__ = ["client_of", "tls_of"]

_SILENT = ("Accept", "Accept-Encoding", "User-Agent")


class Pinned(aiohttp.Fingerprint):
    """Believes one public key, whoever signed the certificate. `check` raises BadPin."""

    def __init__(self, pin: bytes) -> None:
        super().__init__(pin)
        self._pin = pin

    def check(self, transport: asyncio.Transport) -> None:
        tls = transport.get_extra_info("ssl_object")
        if tls is None:
            return
        certificate = x509.load_der_x509_certificate(tls.getpeercert(binary_form=True))
        key = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        found = hashlib.sha256(key).digest()
        if found != self._pin:
            # Not aiohttp's own error: for that it looks for the peer's IP address among names.
            transport.abort()
            raise BadPin(f"{tls.server_hostname} shows another certificate than the card says")


def tls_of(settings: CarrierSettings, pin: bytes | None) -> ssl.SSLContext | aiohttp.Fingerprint:
    if pin is not None:
        return Pinned(pin)
    return settings.tls or ssl.create_default_context()


def _prompt_socket(address: AddrInfoType) -> socket.socket:
    family, kind, protocol, _, _ = address
    made = socket.socket(family, kind, protocol)
    keep_little_unsent(made)
    return made


def client_of(settings: CarrierSettings) -> tuple[aiohttp.ClientSession, str | None]:
    """A session of its own for each link, and the HTTP proxy that its requests name.

    Raises BadInput for a proxy that is none.
    """
    proxy = None if settings.proxy is None else parse_proxy(settings.proxy)
    connector: aiohttp.BaseConnector
    if proxy is None or proxy.http_url:
        connector = aiohttp.TCPConnector(force_close=True, socket_factory=_prompt_socket)
    else:
        connector = SocksConnector(proxy)
    session = aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        skip_auto_headers=_SILENT,
        auto_decompress=False,
        trust_env=False,
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=settings.connect_s),
    )
    return session, None if proxy is None else proxy.http_url
