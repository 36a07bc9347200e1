"""One run of `qanat-desk serve`: what its handlers work with."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Concatenate, ParamSpec, TypeVar

from aiohttp import web

from qanat_client.desk.desk import Clock, Desk
from qanat_client.desk.faults import VaultDamaged
from qanat_client.desk.serve.background import Background, Work
from qanat_client.desk.serve.doors import Doors
from qanat_client.desk.serve.live import Live
from qanat_client.desk.serve.login import Login
from qanat_client.desk.serve.mending import Mending
from qanat_client.desk.serve.pull_process import PullProcess
from qanat_client.desk.serve.pull_wish import PullWish
from qanat_client.desk.serve.vault_thread import VaultThread

__all__ = ["Serving"]

_Given = ParamSpec("_Given")
_Value = TypeVar("_Value")
_Kept = TypeVar("_Kept")


class Serving:
    """`offer` shows the person a token that is good once; `wish`: how to pull, None not to."""

    def __init__(
        self,
        desk: Desk,
        offer: Callable[[str], None],
        wish: PullWish | None = None,
    ) -> None:
        self.clock: Clock = desk.clock
        self.login = Login(offer)
        self.live = Live()
        self.doors = Doors()
        self.media_doors = Doors()
        self.pulling = PullProcess(wish, partial(self.live.tell, "pull"))
        self.port = 0
        """The app's listener's."""
        self.media_port = 0
        """The second listener's, from which strangers' media is shown."""
        self.changed = asyncio.Event()
        """Set when something was done here: the vault is looked at at once."""
        self.unreadable: set[bytes] = set()
        """Reports that are on damaged pages, as far as that was met."""
        self.troubles: dict[str, str] = {}
        """What the person has to see, a sentence each, by what it is about."""
        self._vault = VaultThread(desk)
        self.mending = Mending(desk.vault.reopened, self.troubles, self.unreadable)
        self._kept: dict[type[Any], Any] = {}
        self._closers: list[Callable[[], Awaitable[None]]] = []
        self._damage_met = 0
        self._background = Background(self.troubles)

    async def vault_work(
        self,
        function: Callable[Concatenate[Desk, _Given], _Value],
        *arguments: _Given.args,
        **named: _Given.kwargs,
    ) -> _Value:
        """Run a function of the desk in the vault's thread. Raises what it raises, DatabaseLocked.

        The function is short: everything else waits for it. One that meets a damaged page is done
        once more after the vault was mended.
        """
        try:
            found = await self._vault.work(function, *arguments, **named)
        except VaultDamaged:
            if not await self.mending.mend():
                raise
        else:
            if self._vault.damage_met != self._damage_met:
                # What it could not read it left out.
                self._damage_met = self._vault.damage_met
                self.begin("damaged pages are looked at", self.mending.look)
            return found
        return await self._vault.work(function, *arguments, **named)

    def kept(self, kind: type[_Kept], make: Callable[[], _Kept]) -> _Kept:
        """The one object of this kind that lives as long as the program, made when first asked."""
        if kind not in self._kept:
            self._kept[kind] = make()
        found: _Kept = self._kept[kind]
        return found

    def begin(self, name: str, work: Work) -> None:
        """Let something run beside the requests; it is begun anew where it fails, and cancelled at
        the end. name: what it does, in words for the editor."""
        self._background.begin(name, work)

    def at_end(self, closer: Callable[[], Awaitable[None]]) -> None:
        """Await this when the program ends, the last that was named first."""
        self._closers.append(closer)

    def media_origin(self, request: web.Request) -> str:
        """The media listener's origin by the name by which the app was asked for: browsers count
        the two names of this machine as two sites."""
        return f"http://{request.host.partition(':')[0]}:{self.media_port}"

    def app_origin(self, request: web.Request) -> str:
        """The same the other way: the app's, of a request at the media origin."""
        return f"http://{request.host.partition(':')[0]}:{self.port}"

    async def close(self) -> None:
        """End what runs; nothing of the vault is touched behind this."""
        self.live.close()
        await self._background.end()
        for closer in reversed(self._closers):
            await closer()
        self._vault.close()
