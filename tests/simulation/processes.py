"""A process of a simulated machine: which tasks, threads and output are its own, and whether it
still lives. Who runs now is a context variable, as tasks and callbacks inherit those.
"""

from __future__ import annotations

import asyncio
import io
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass, field
from signal import Signals
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.simulation.machines import Machine

__all__ = ["Console", "Process", "current_process", "enter"]


@dataclass(eq=False, slots=True)
class Process:
    """One run of one program. `dead`: killed, or its machine lost power; what it still does while
    its pieces are swept together reaches nobody."""

    machine: Machine
    name: str
    dead: bool = False
    hour: int = -1
    events: int = 0
    tasks: dict[asyncio.Future[Any], None] = field(default_factory=dict)
    signal_handlers: dict[Signals, Callable[[], object]] = field(default_factory=dict)
    said: list[str] = field(default_factory=list)
    warned: list[str] = field(default_factory=list)


_current: ContextVar[Process | None] = ContextVar("process", default=None)


def current_process() -> Process | None:
    """The process in whose name something is done now; None for the simulation itself."""
    return _current.get()


def enter(process: Process) -> None:
    """Go on as this process, in the present context."""
    _current.set(process)


class Console(io.TextIOBase):
    """Standard output or error: what a process writes is kept with it."""

    def __init__(self, *, is_error: bool) -> None:
        self._is_error = is_error

    def write(self, text: str) -> int:
        process = current_process()
        if process is not None:
            (process.warned if self._is_error else process.said).append(text)
        return len(text)
