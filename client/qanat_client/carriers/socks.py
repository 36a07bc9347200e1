"""Connections through a SOCKS5 proxy, such as Tor. Leaves every name to the proxy."""

import asyncio
from ssl import CertificateError, SSLContext

from aiohttp.client_proto import ResponseHandler
from aiohttp_socks import ProxyConnector, ProxyType
from python_socks import ProxyConnectionError, ProxyError

from qanat_client.carriers.proxies import Proxy
from qanat_client.errors import BadInput, BadPin, Unreachable

__all__ = ["SocksConnector"]

_LIBRARY_TIMEOUT_S = 86_400.0
"""Never: the time that a connection may take is kept here."""


class SocksConnector(ProxyConnector):
    """An aiohttp connector whose every connection goes through one proxy."""

    def __init__(self, proxy: Proxy) -> None:
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
            return connecting.result()
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
