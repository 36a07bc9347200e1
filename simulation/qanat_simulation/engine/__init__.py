"""Runs a plan: the real protocol, scheduler and sessions of reporters, couriers, relays and desk,
under virtual time. docs/simulation.md says what is real and what is modelled."""

from __future__ import annotations

import gc
import logging
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from qanat_protocol.errors import QanatError
from qanat_relay.logs import log
from qanat_simulation.engine.doors import opened_doors
from qanat_simulation.engine.virtual_time import VirtualLoop
from qanat_simulation.engine.world import Conditions, World
from qanat_simulation.outcome import Outcome
from qanat_simulation.plan import Plan

__all__ = ["Conditions", "Mistake", "run"]

SYSTEM = "Qanat"

GARBAGE_OBJECTS = 200_000
"""Made and not freed, before rings among the newest are looked for."""


class Mistake(QanatError):
    """A program of the simulation failed in a way that none should: report it, with the scenario
    and the seed."""


class _Mistakes(logging.Handler):
    """What a relay logs with an exception is a mistake of ours; all else is for operators."""

    def __init__(self, found: list[str]) -> None:
        super().__init__(logging.ERROR)
        self._found = found

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info and record.exc_info[1] is not None:
            error = "".join(traceback.format_exception(record.exc_info[1]))
            self._found.append(f"{record.getMessage()}: {error}")


@contextmanager
def _listened_log(found: list[str]) -> Iterator[None]:
    mistakes, propagate, level = _Mistakes(found), log.propagate, log.level
    log.addHandler(mistakes)
    log.propagate = False
    log.setLevel(logging.ERROR)
    try:
        yield
    finally:
        log.removeHandler(mistakes)
        log.propagate = propagate
        log.setLevel(level)


@contextmanager
def _seldom_garbage() -> Iterator[None]:
    """Nearly all that a run makes goes by itself, and what stays is much."""
    before = gc.get_threshold()
    gc.set_threshold(GARBAGE_OBJECTS, 20, 50)
    try:
        yield
    finally:
        gc.set_threshold(*before)


def run(plan: Plan, note: Callable[[str], None], conditions: Conditions | None = None) -> Outcome:
    """What comes of a plan; the same each time. `note` is told how far it is, after each hour of
    the plan. Raises Mistake, and Spinning for what never ends. Not to be called twice at once."""
    loop = VirtualLoop()
    with (
        opened_doors(str(plan.seed), loop),
        _listened_log(loop.complaints),
        _seldom_garbage(),
    ):
        try:
            world = World(plan, conditions or Conditions(), loop)
            loop.run_until_complete(world.run(note))
        finally:
            loop.close()
    if loop.complaints:
        raise Mistake(loop.complaints[0])
    return Outcome(SYSTEM, dict(sorted(world.desk.arrived_s.items())), world.burdens())
