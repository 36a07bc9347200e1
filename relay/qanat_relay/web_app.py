"""The reporter's web app, as a relay gives it out at /. Never writes down who took it."""

from __future__ import annotations

from collections.abc import Mapping

from aiohttp import web

from qanat_client.web_app.answers import answer, paths_of
from qanat_client.web_app.files import MISSING, AppFile
from qanat_relay.node import Node
from qanat_relay.pages import Pages, answer_page


class WebApp:
    """Of one relay. `app`: the files by their names; without any, / says that it is missing."""

    def __init__(self, node: Node, pages: Pages, app: Mapping[str, AppFile]) -> None:
        self._node = node
        self._pages = pages
        self._files = paths_of(app)

    def routes(self) -> list[web.RouteDef]:
        """One for each file, so that no other path can lead to one."""
        others = [path for path in self._files if path != "/"]
        return [web.get("/", self._front), *(web.get(path, self._give) for path in others)]

    async def _front(self, request: web.Request) -> web.StreamResponse:
        if not self._node.config.web_app:
            return self._pages.desks()
        if not self._files:
            return answer_page("Qanat", [f"<p>{MISSING}</p>"], status=404)
        return answer(request, self._files["/"])

    async def _give(self, request: web.Request) -> web.StreamResponse:
        if not self._node.config.web_app:
            raise web.HTTPNotFound
        return answer(request, self._files[request.path])
