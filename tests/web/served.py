"""The built app on a port of loopback without a relay behind it, and cards of made-up desks."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web

from qanat_client.web_app.answers import answer, paths_of
from qanat_client.web_app.files import AppFile
from qanat_protocol.card import sign_card
from qanat_protocol.days import epoch_of
from qanat_protocol.sealing import SealingSecret
from qanat_protocol.signing import SigningKey
from qanat_protocol.statement import Certified, sign_statement, successor_commitment

__all__ = ["DESK", "Served", "made_card", "serving"]

DESK = "A desk"


@dataclass
class Served:
    """Where it is; `app` may be another one from one request to the next."""

    url: str
    app: Mapping[str, AppFile]
    prefix: dict[str, bytes] = field(default_factory=dict)
    """What goes before a script, by the beginning of its name."""

    async def give(self, request: web.Request) -> web.Response:
        file = paths_of(self.app).get(request.path)
        if file is None:
            raise web.HTTPNotFound
        given = answer(request, file)
        for begin, code in self.prefix.items():
            if file.name.startswith(begin):
                given = web.Response(body=code + file.data, content_type="text/javascript")
        return given


@asynccontextmanager
async def serving(app: Mapping[str, AppFile]) -> AsyncIterator[Served]:
    served = Served("", app)
    application = web.Application()
    application.router.add_get("/{name:.*}", served.give)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    served.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield served
    finally:
        await runner.cleanup()


def made_card(name: str) -> bytes:
    """A desk's card from today on, which names no relay."""
    root, key = SigningKey.generate(), SigningKey.generate()
    today = int(time.time()) // 86_400
    statement = sign_statement(
        root,
        serial=1,
        issued_day=today,
        certified=[Certified(key.public, today, today + 300)],
        revoked=(),
        successor=successor_commitment(bytes(32)),
    )
    return sign_card(
        key,
        statement=statement,
        serial=1,
        issued_day=today,
        name=name,
        grace_days=90,
        first_epoch=epoch_of(today),
        sealing_keys=[SealingSecret.generate().public for _ in range(2)],
    )
