"""Whose turn it is on the processor: what is measured in real time goes before all else on the
machine. A window is 20 seconds, which other work must not shorten."""

from __future__ import annotations

import contextlib
import os

__all__ = ["LINKS", "MEASURED", "run_before_others"]

MEASURED, LINKS = 1, 2
"""The programs, ours and those beside them alike; and the links, the clock of all of them."""


def run_before_others(task: int, turn: int) -> None:
    """Give a process or a thread, and what it starts, the system's real-time turns (SCHED_RR).

    Niceness does not do it: Linux weighs sessions against each other first. Where the system does
    not allow it, everything runs as it would.
    """
    with contextlib.suppress(PermissionError, ProcessLookupError):
        os.sched_setscheduler(task, os.SCHED_RR, os.sched_param(turn))
