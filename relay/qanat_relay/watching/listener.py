"""The listener of a relay's own watchers: /metrics for Prometheus, and /health. Serves nobody else.

Off unless `listen_metrics` names an address.
"""

from __future__ import annotations

from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING

from aiohttp import web

from qanat_relay.config import parse_listen
from qanat_relay.errors import ConfigError, WorkFailed
from qanat_relay.events import Event
from qanat_relay.listeners import show_place
from qanat_relay.logs import tell
from qanat_relay.node import Node
from qanat_relay.store.errors import StoreError
from qanat_relay.watching.health import Health

if TYPE_CHECKING:
    from qanat_relay.watching.metrics import Metrics

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class MetricsListener:
    """Of one relay; it does nothing where no address is named."""

    def __init__(self, node: Node, data: Path, health: Health) -> None:
        self._node = node
        self._data = data
        self._health = health
        self._metrics: Metrics | None = None
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        """Listen. Raises ConfigError where an address can't be taken or a library lacks."""
        if not self._node.config.listen_metrics:
            return
        try:
            # Only an operator who wants it has the library loaded.
            from qanat_relay.watching.metrics import Metrics
        except ImportError:
            raise ConfigError(
                "listen_metrics needs the library prometheus-client: pip install 'qanat[relay]'"
            ) from None
        self._metrics = Metrics(self._node, self._data)
        application = web.Application()
        application.add_routes(
            [web.get("/metrics", self._tell_metrics), web.get("/health", self._tell_health)]
        )
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        for text in self._node.config.listen_metrics:
            host, port = parse_listen(text)
            try:
                await web.TCPSite(self._runner, host, port).start()
            except OSError as error:
                reason = error.strerror or error
                raise ConfigError(f"cannot listen on {text} for metrics: {reason}") from None
        hosts = [host.partition("%")[0] for host, *_ in self._runner.addresses]
        if not all(ip_address(host).is_loopback for host in hosts):
            tell(Event.METRICS_FOR_ALL)

    @property
    def urls(self) -> list[str]:
        """Where the numbers are."""
        addresses = [] if self._runner is None else self._runner.addresses
        return [f"http://{show_place(address)}/metrics" for address in addresses]

    async def stop(self) -> None:
        """Let go of the addresses."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _tell_metrics(self, _: web.Request) -> web.StreamResponse:
        assert self._metrics is not None, "it listens"
        text = await self._metrics.read()
        return web.Response(body=text, headers={"Content-Type": CONTENT_TYPE})

    async def _tell_health(self, _: web.Request) -> web.StreamResponse:
        try:
            await self._health.check()
        except (StoreError, WorkFailed) as error:
            return web.Response(status=503, text=f"{error}\n")
        return web.Response(text="ok\n")
