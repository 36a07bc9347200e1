"""`qanat app`: gives the web app to a browser on this device, and to nobody else."""

from __future__ import annotations

import argparse
import asyncio
import logging
import socket
from collections.abc import Mapping
from pathlib import Path

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.typedefs import Handler, Middleware

from qanat_client.errors import BadInput, HomeUnusable
from qanat_client.reporter.home import Home, write_durably
from qanat_client.stopping import until_stopped
from qanat_client.terminal import Exit, Terminal
from qanat_client.web_app.answers import NOTHING_HEADERS, answer, hide_program, paths_of, plain
from qanat_client.web_app.files import (
    FRONT,
    MISSING,
    SIGNATURE,
    SINGLE_FILE,
    AppFile,
    fingerprint_of,
    read_app,
)

__all__ = ["serve_app"]

HOST = "127.0.0.1"


def serve_app(arguments: argparse.Namespace, home: Home, terminal: Terminal) -> int:
    """Serve until Ctrl-C, or save the single file. Raises BadInput where there is no app or the
    port is taken."""
    app = read_app()
    if FRONT not in app:
        raise BadInput(MISSING)
    if arguments.save is not None:
        return _save(app, arguments.save, terminal)
    files = paths_of(app)
    home.make()
    remembered = _remembered(home)
    with _listening(remembered if arguments.port is None else arguments.port) as listener:
        port: int = listener.getsockname()[1]
        if port != remembered:
            write_durably(home.app_port_file, str(port).encode())

        async def give(request: web.Request) -> web.StreamResponse:
            return answer(request, files[request.path])

        application = web.Application(middlewares=[_only_for(f"{HOST}:{port}")])
        application.add_routes(web.get(path, give) for path in files)
        application.on_response_prepare.append(hide_program)
        asyncio.run(until_stopped(_serve(application, listener, terminal)))
    return Exit.DONE


def _save(app: Mapping[str, AppFile], path: Path, terminal: Terminal) -> int:
    single = app[SINGLE_FILE]
    write_durably(path, single.data)
    terminal.say(f"{path}: the web app in one file. SHA-256, to compare by voice:")
    digits = fingerprint_of(single.data)
    terminal.say(f"  {digits}")
    signature = app.get(SIGNATURE)
    if signature is not None:
        signed = path.with_name(f"{path.name}.sig")
        write_durably(signed, signature.data)
        terminal.say(f"{signed}: its signature; docs/web-app.md tells how to check it")
    terminal.result({"sha256": digits.replace(" ", ""), "signed": signature is not None})
    return Exit.DONE


async def _serve(application: web.Application, listener: socket.socket, terminal: Terminal) -> None:
    logging.getLogger("aiohttp.server").addFilter(_is_our_fault)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    try:
        await web.SockSite(runner, listener).start()
        address = f"http://{HOST}:{listener.getsockname()[1]}/"
        terminal.say(f"{address}\n\nOpen this address in a browser on this device. Ctrl-C ends it.")
        terminal.result({"address": address})
        await asyncio.get_running_loop().create_future()
    finally:
        await runner.cleanup()


def _listening(port: int) -> socket.socket:
    listener = socket.socket()
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((HOST, port))
    except OSError as error:
        listener.close()
        raise BadInput(
            f"port {port} of {HOST} can't be taken: {(error.strerror or str(error)).lower()}. Is"
            " `qanat app` running already? What waits in the browser is found under this port"
            " alone; for an empty app at another one: --port 0"
        ) from None
    return listener


def _remembered(home: Home) -> int:
    """The port of the last time, or 0."""
    try:
        text = home.app_port_file.read_text("ascii")
    except FileNotFoundError:
        return 0
    except (OSError, ValueError) as error:
        raise HomeUnusable(f"{home.app_port_file}: {error}") from None
    if not (text.isdigit() and 0 < int(text) <= 65_535):
        raise HomeUnusable(f"{home.app_port_file} holds no port: remove it, and any is taken")
    return int(text)


def _only_for(host: str) -> Middleware:
    """Answers no page that came here by another name: a name of the world can be made to lead to
    this device, and its page would then be of the app's own origin."""

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.headers.getall("Host", []) != [host]:
            text = f"This is answered at http://{host}/ alone.\n"
            return web.Response(status=403, text=text, headers=NOTHING_HEADERS)
        try:
            return await handler(request)
        except web.HTTPException as refusal:
            raise plain(refusal) from None

    return check


def _is_our_fault(record: logging.LogRecord) -> bool:
    """The library tells of requests that are not even HTTP by a traceback, too."""
    return record.exc_info is None or not isinstance(record.exc_info[1], HttpProcessingError)
