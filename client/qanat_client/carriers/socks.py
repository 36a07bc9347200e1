"""Connections through a SOCKS5 proxy, such as Tor. Leaves every name to the proxy."""

import asyncio
from dataclasses import dataclass
from ssl import CertificateError, SSLContext
from urllib.parse import unquote, urlsplit

from aiohttp.client_proto import ResponseHandler
from aiohttp_socks import ProxyConnector, ProxyType
from python_socks import ProxyConnectionError, ProxyError

from qanat_client.carriers.unsent import keep_little_unsent
from qanat_client.errors import BadInput, BadPin, Unreachable

__all__ = ["SocksConnector", "SocksProxy", "parse_socks"]

_LIBRARY_TIMEOUT_S = 86_400.0
"""Never: the time that a connection may take is kept here."""


@dataclass(frozen=True, slots=True)
class SocksProxy:
    """Where the proxy listens, and who asks; user and password also part Tor's circuits."""

    host: str
    port: int
    user: str = ""
    password: str = ""


def parse_socks(url: str) -> SocksProxy:
    """Read `socks5h://` or `socks5://`; both leave names to the proxy. Raises BadInput."""
    parts = urlsplit(url)
    try:
        port = parts.port or 1080
    except ValueError:
        raise BadInput(f"the proxy {url} has no usable port") from None
    if parts.scheme not in ("socks5", "socks5h") or not parts.hostname:
        raise BadInput(f"not a proxy address: {url} (like socks5h://127.0.0.1:9050)")
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    # With one of the two the library would ask without either, on everybody's circuit.
    usable = all(0 < len(said) < 256 and said.isascii() for said in (user, password))
    if (user or password) and not usable:
        raise BadInput("a proxy takes a user and a password, each 1 to 255 ASCII characters")
    return SocksProxy(parts.hostname, port, user, password)


class SocksConnector(ProxyConnector):
    """An aiohttp connector whose every connection goes through one proxy."""

    def __init__(self, proxy: SocksProxy) -> None:
        super().__init__(
            proxy.host,
            proxy.port,
            ProxyType.SOCKS5,
            username=proxy.user,
            password=proxy.password,
            rdns=True,
            force_close=True,
        )
        self._name = f"the proxy {proxy.host}:{proxy.port}"

    async def _connect_via_proxy(
        self,
        host: str,
        port: int,
        ssl: SSLContext | None = None,
        timeout: float | None = None,
    ) -> tuple[asyncio.Transport, ResponseHandler]:
        """The connection, or an error of ours in place of the library's."""
        connecting = asyncio.create_task(
            super()._connect_via_proxy(host, port, ssl, _LIBRARY_TIMEOUT_S)
        )
        try:
            await asyncio.wait({connecting}, timeout=timeout)
        finally:
            # Cancelled once, while TLS begins, the library waits for a goodbye that never comes.
            while not connecting.done():
                connecting.cancel()
                await asyncio.sleep(0)
        if connecting.cancelled():
            raise Unreachable(f"{host} does not answer through {self._name}")
        try:
            made = connecting.result()
        except ProxyConnectionError as error:
            raise Unreachable(f"{self._name} can't be reached") from error
        except ProxyError as error:
            raise Unreachable(
                f"{self._name} gives no way to {host} ({str(error).lower()})"
            ) from error
        except CertificateError as error:
            raise BadPin(f"{host} shows a certificate that is not believed") from error
        except UnicodeError:
            raise BadInput(f"not the name of a host: {host}") from None
        keep_little_unsent(made[0].get_extra_info("socket"))
        return made
