"""What a program does to its own process: no core file, and no interrupt in the wrong place.

Never imports anything heavy.
"""

import io
import resource
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ["guard_process", "interrupts_held"]


def guard_process() -> None:
    """Leave no core file behind, and fail at no letter that the terminal can't show.

    A crash in any library would else write texts, codes and keys from memory to the disk.
    """
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
