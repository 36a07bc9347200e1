"""What day it is for sealing, on devices whose clock may say anything. Asks nobody."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from datetime import date
from typing import Final

from qanat_client.errors import BadInput
from qanat_protocol.days import day_of

__all__ = ["BUILD_DAY", "WritingTime", "now_s", "parse_day", "today", "writing_time"]

BUILD_DAY: Final = 20_454
"""2026-01-01: this program was not there before, so a clock that says less is wrong. Raised by
releases."""

_UNIX_DAY_ZERO = date(1970, 1, 1).toordinal()


def now_s() -> float:
    """Unix seconds by this device's clock."""
    return time.time()


def today() -> int:
    """The day by this device's clock."""
    return day_of(now_s())


@dataclass(frozen=True, slots=True)
class WritingTime:
    """The day to seal by, and what the report says of when it was written (0: not known)."""

    day: int
    written_s: int
    clock_is_behind: bool


def writing_time(newest_signed_day: int, said_day: int | None = None) -> WritingTime:
    """The time to write by, given the newest day in anything signed that was seen.

    `said_day` is the person's word, which counts more than any clock.
    """
    if said_day is not None:
        return WritingTime(said_day, said_day * 86_400, False)
    clock_s = now_s()
    floor_day = max(newest_signed_day, BUILD_DAY)
    if day_of(clock_s) < floor_day:
        return WritingTime(floor_day, 0, True)
    return WritingTime(day_of(clock_s), int(clock_s), False)


def parse_day(text: str) -> int:
    """A day written as 2022-01-06. Raises BadInput."""
    try:
        if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", text, re.ASCII):
            raise ValueError
        day = date.fromisoformat(text).toordinal() - _UNIX_DAY_ZERO
    except ValueError:
        raise BadInput(f"not a date: {text!r} (like 2026-01-31)") from None
    if day < BUILD_DAY:
        raise BadInput(f"{text} is before this program was made; look at the year")
    return day
