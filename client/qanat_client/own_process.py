"""What a program does to its own process: no core file, no interrupt in the wrong place, fast ends.

Never imports anything heavy.
"""

import gc
import io
import os
import resource
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NoReturn

__all__ = ["end_process", "guard_process", "interrupts_held"]

_COLLECTED_AT_ONCE = 20_000
"""New objects before Python looks for dead ones among them; a few megabytes."""


def guard_process() -> None:
    """Leave no core file behind, fail at no letter that the terminal can't show, and look for
    garbage less often.

    A crash in any library would else write texts, codes and keys from memory to the disk. What
    start-up makes lives on, so that each look at it is in vain.
    """
    gc.set_threshold(_COLLECTED_AT_ONCE)
    _, hard = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, hard))
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


@contextmanager
def interrupts_held() -> Iterator[Callable[[], None]]:
    """Yields what makes Ctrl-C wait; it comes through, if there was one, when the context ends."""
    before = signal.getsignal(signal.SIGINT)
    interrupts = []
    holds = False

    def hold() -> None:
        nonlocal holds
        # A mask would not do: the system may hand the signal to another thread.
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGINT, lambda number, _: interrupts.append(number))
            holds = True

    try:
        yield hold
    finally:
        if holds:
            signal.signal(signal.SIGINT, before)
    if interrupts:
        raise KeyboardInterrupt


def end_process(code: int) -> NoReturn:
    """Leave with this exit code, all output written.

    Taking an interpreter apart takes as long as sealing and queueing a letter, and frees nothing
    that the system does not free by itself. Where other threads live, they are waited for.
    """
    if threading.active_count() == 1:
        try:
            for stream in (sys.stdout, sys.stderr):
                if stream is not None:
                    stream.flush()
        except (OSError, ValueError):
            sys.exit(code)
        os._exit(code)
    sys.exit(code)
