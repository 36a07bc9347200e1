"""The command `serve`: opens the desk, shows the link, answers until Ctrl-C."""

from __future__ import annotations

import asyncio
from functools import partial

from qanat_client.desk.context import Context
from qanat_client.desk.media.showing import open_media
from qanat_client.desk.serve.built_app import BUILT
from qanat_client.desk.serve.logs import keep_private
from qanat_client.desk.serve.looking import Looking
from qanat_client.desk.serve.server import HOST, Server, listening
from qanat_client.desk.serve.serving import Serving
from qanat_client.desk.vault import Vault
from qanat_client.stopping import until_stopped
from qanat_client.terminal import Exit
from qanat_client.web_app.files import read_app

__all__ = ["serve"]


def serve(context: Context) -> int:
    """Serve until Ctrl-C or SIGTERM."""
    context.check_home()
    with listening(context.arguments.port) as listener, listening(0) as media_listener:
        passphrase = context.passphrase()
        with context.desk_by(passphrase) as desk:
            keep_private()
            port: int = listener.getsockname()[1]
            serving = Serving(
                desk, Offer(context, port), partial(Vault.open, desk.home, passphrase)
            )
            server = Server(serving, read_app(BUILT), listener, media_listener)
            asyncio.run(until_stopped(_serve(serving, server)))
    context.terminal.say("stopped; nothing is lost")
    return Exit.DONE


class Offer:
    """Shows the person a link for each token."""

    def __init__(self, context: Context, port: int) -> None:
        self._terminal = context.terminal
        self._address = f"http://{HOST}:{port}/"
        self._is_first = True

    def __call__(self, token: str) -> None:
        link = f"{self._address}#{token}"
        if not self._is_first:
            self._terminal.say(f"a window logged in. For another window: {link}")
            return
        self._is_first = False
        self._terminal.say(
            f"{link}\n\nOpen this link in a browser on this machine. It is good once; whoever has"
            " it reads the desk. Ctrl-C ends it."
        )
        self._terminal.result({"address": self._address, "link": link})


async def _serve(serving: Serving, server: Server) -> None:
    await server.start()
    try:
        serving.begin(Looking(serving).run())
        open_media(serving)
        serving.login.renew()
        await asyncio.get_running_loop().create_future()
    finally:
        serving.live.close()
        await server.stop()
        await serving.close()
