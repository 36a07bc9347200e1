"""Runs one program and tells through a pipe what it took. A process of its own, started without
anything of ours, because a child's peak of memory begins with what its parent held."""

from __future__ import annotations

import json
import os
import signal
import sys
import time

__all__ = ["main"]

_PEAK_UNIT = 1 if sys.platform == "darwin" else 1024


def main() -> int:
    """`meter.py PIPE PROGRAM ARGUMENT...`; writes two lines of JSON to the descriptor PIPE."""
    pipe, *command = sys.argv[1:]
    stopped = False
    child = 0

    def stop(*_: object) -> None:
        nonlocal stopped
        stopped = True
        if child:
            os.kill(child, signal.SIGTERM)

    signal.signal(signal.SIGTERM, stop)
    # A Ctrl-C goes to the whole group: the child has it already, and we stay to wait for it.
    signal.signal(signal.SIGINT, lambda *_: None)
    with open(int(pipe), "w", buffering=1) as report:  # noqa: PTH123 - a descriptor
        os.set_inheritable(report.fileno(), False)
        begun = time.perf_counter()
        child = os.posix_spawn(
            command[0], command, os.environ, setsigdef=(signal.SIGTERM, signal.SIGINT)
        )
        if stopped:
            stop()
        report.write(json.dumps({"pid": child}) + "\n")
        _, status, usage = os.wait4(child, 0)
        taken_s = time.perf_counter() - begun
        child = 0
        facts = {
            "code": os.waitstatus_to_exitcode(status),
            "seconds": taken_s,
            "peak_bytes": usage.ru_maxrss * _PEAK_UNIT,
        }
        report.write(json.dumps(facts) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
