"""The editors' command line: `qanat-desk`. Reads arguments, calls, ends with the exit code."""

from __future__ import annotations

import os
import time

from qanat_client.desk.arguments import make_arguments
from qanat_client.desk.context import Context
from qanat_client.desk.desk import Clock
from qanat_client.desk.vault import check_installed
from qanat_client.own_process import guard_process
from qanat_client.terminal import Terminal, run

__all__ = ["main"]

STOPPED_BEFORE = "stopped before it was done; what was stored before is safe"
STOPPED = {
    "init": "stopped; unless it said so, no desk was made",
    "pull": "stopped; nothing is lost, the next pull goes on from here",
    "reply": "stopped; `qanat-desk outgoing` shows whether the reply is queued",
    "want": "stopped; `qanat-desk outgoing` shows whether the request is queued",
    "bulletin": "stopped; `qanat-desk outgoing` shows whether the bulletin is queued",
    "export": "stopped; what is in the folder is whole, and another export to it adds the rest",
    "list": "stopped",
    "search": "stopped",
    "mark": "stopped; `qanat-desk log ID` shows what was decided",
    "incident": "stopped; `qanat-desk incident list` shows what was kept",
    "log": "stopped",
    "serve": "stopped; nothing is lost",
    "related": "stopped",
    "figures": "stopped",
    "check": "stopped; nothing was changed",
    "show": "stopped",
    "outgoing": "stopped",
}


def main(argv: list[str] | None = None, *, clock: Clock = time.time) -> int:
    """Run `qanat-desk`; returns the exit code. `clock` gives unix seconds."""
    try:
        arguments = make_arguments().parse_args(argv)
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else 2
    os.umask(0o077)
    guard_process()
    context = Context(arguments, Terminal(json=getattr(arguments, "json", False)), clock)

    def command() -> int:
        check_installed()
        return int(arguments.run(context))

    stopped = STOPPED.get(arguments.command, STOPPED_BEFORE)
    return run(command, context.terminal, program="qanat-desk", stopped=stopped)
