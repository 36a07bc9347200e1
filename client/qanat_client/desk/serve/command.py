"""The command `serve`: opens the desk, shows the link, answers until Ctrl-C."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Final

from qanat_client.desk.context import Context
from qanat_client.desk.media.showing import open_media
from qanat_client.desk.pulling import every_s_of
from qanat_client.desk.serve.browser import Opening
from qanat_client.desk.serve.built_app import BUILT
from qanat_client.desk.serve.logs import keep_private
from qanat_client.desk.serve.looking import Looking
from qanat_client.desk.serve.pull_wish import PullWish
from qanat_client.desk.serve.server import HOST, MISSING, Server, listening
from qanat_client.desk.serve.serving import Serving
from qanat_client.errors import BadInput
from qanat_client.stopping import until_stopped
from qanat_client.terminal import Exit
from qanat_client.web_app.files import read_app

__all__ = ["SERVE", "running", "serve"]

SERVE: Final = """\
The desk as a page in a browser on this machine, and nowhere else: inbox, reports, decisions,
replies, bulletins. The link that it shows lets one window in, once; then it shows another.

  qanat-desk serve
  qanat-desk serve --port 8765 --proxy socks5h://127.0.0.1:9050
  qanat-desk serve --no-pull       only look at what is here already

It fetches from the relays by itself, as `pull --watch` does. Other commands may run beside it."""


def serve(context: Context) -> int:
    """Serve until Ctrl-C or SIGTERM."""
    arguments = context.arguments
    every_s = every_s_of(arguments.every)
    context.check_home()
    app = read_app(BUILT)
    if not app:
        raise BadInput(MISSING)
    with listening(arguments.port) as listener, listening(0) as media_listener:
        passphrase = context.passphrase()
        with context.desk_by(passphrase) as desk:
            keep_private()
            port: int = listener.getsockname()[1]
            wish = None if arguments.no_pull else _pull_wish(context, every_s, passphrase)
            offer = Offer(context, port)
            serving = Serving(desk, offer, wish)
            server = Server(serving, app, listener, media_listener)
            with contextlib.closing(offer):
                asyncio.run(until_stopped(_serve(serving, server)))
    context.terminal.say("stopped; nothing is lost")
    return Exit.DONE


def _pull_wish(context: Context, every_s: float, passphrase: str) -> PullWish:
    arguments = context.arguments
    return PullWish(
        home=str(context.home.absolute()),
        passphrase=passphrase,
        every_s=every_s,
        proxy=arguments.proxy,
        datagrams=not arguments.no_datagrams,
        relays=tuple(arguments.relay),
    )


class Offer:
    """Shows the person a link for each token, the first in a browser where that was asked for."""

    def __init__(self, context: Context, port: int) -> None:
        self._terminal = context.terminal
        self._address = f"http://{HOST}:{port}/"
        self._is_first = True
        self._opening = Opening(context.home) if context.arguments.open else None

    def __call__(self, token: str) -> None:
        link = f"{self._address}#{token}"
        if not self._is_first:
            self.close()
            self._terminal.say(f"a window logged in. For another window: {link}")
            return
        self._is_first = False
        self._terminal.say(
            f"{link}\n\nOpen this link in a browser on this machine. It is good once; whoever has"
            " it reads the desk. Ctrl-C ends it."
        )
        self._terminal.result({"address": self._address, "link": link})
        if self._opening is not None and not self._opening.open(link):
            self._terminal.warn("no browser was found: open the link by hand")

    def close(self) -> None:
        """Nothing of a link stays behind."""
        if self._opening is not None:
            self._opening.close()


@contextlib.asynccontextmanager
async def running(serving: Serving, server: Server) -> AsyncIterator[None]:
    """Answers, looks after the vault and pulls until the end of the block."""
    await server.start()
    try:
        serving.begin("new reports are made ready for lists", Looking(serving).run)
        serving.begin("reports are fetched", serving.pulling.run)
        open_media(serving)
        serving.login.renew()
        yield
    finally:
        serving.live.close()
        await server.stop()
        await serving.close()


async def _serve(serving: Serving, server: Server) -> None:
    async with running(serving, server):
        await asyncio.get_running_loop().create_future()
