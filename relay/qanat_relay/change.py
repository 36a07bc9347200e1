"""Other settings for a relay that runs: all that can be taken at once, or those before stay."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

from qanat_relay.card import OwnCard
from qanat_relay.config import Config, check_config, store_limits
from qanat_relay.errors import ConfigError
from qanat_relay.events import Event
from qanat_relay.logs import log, tell
from qanat_relay.node import Node
from qanat_relay.server import Server


class Change:
    """Takes the settings anew. `read_again` gives them, or raises ConfigError."""

    def __init__(
        self,
        node: Node,
        server: Server,
        card: OwnCard,
        read_again: Callable[[], Config],
        announce: Callable[[list[str]], None],
    ) -> None:
        """announce: is called with the URLs where it listens at others than before."""
        self._node = node
        self._server = server
        self._card = card
        self._read_again = read_again
        self._announce = announce

    async def whenever(self, asked: asyncio.Event) -> None:
        """Take the settings each time that somebody asks, until cancelled."""
        while True:
            await asked.wait()
            asked.clear()
            try:
                await self._take()
            except ConfigError as error:
                tell(Event.SETTINGS_REFUSED, reason=str(error))

    async def _take(self) -> None:
        before = self._node.config
        wanted = self._read_again()
        waiting: dict[str, Any] = {}
        changed: list[str] = []
        for each in fields(Config):
            old = getattr(before, each.name)
            if old == getattr(wanted, each.name):
                continue
            if each.metadata["needs_restart"]:
                waiting[each.name] = old
            else:
                changed.append(each.name)
        for name in waiting:
            tell(Event.SETTING_NEEDS_RESTART, setting=name)
        config = check_config(replace(wanted, **waiting))
        # Also where no setting is another: the files of the certificate may be.
        heard_at = self._server.urls
        await self._server.change(config)
        if self._server.urls != heard_at:
            self._announce(self._server.urls)
        self._node.config = config
        self._node.store.limit(store_limits(config))
        self._node.keeper.change(config)
        self._card.change(config)
        self._card.read()
        level = logging.getLevelNamesMapping()[config.log_level.upper()]
        # At either level it is said that it is another one now.
        log.setLevel(min(level, log.level))
        tell(Event.SETTINGS_TAKEN, names=", ".join(changed) or "none")
        log.setLevel(level)
