"""Days and epochs (weeks) as numbers (SPEC 1). Reads no clock: the time comes in as an argument."""

from datetime import date

__all__ = ["day_of", "epoch_of", "first_day", "iso", "last_day"]

_SECONDS_A_DAY = 86_400
_UNIX_DAY_ZERO = date(1970, 1, 1).toordinal()


def day_of(unix_s: float) -> int:
    """The UTC day of a time in unix seconds."""
    return int(unix_s // _SECONDS_A_DAY)


def epoch_of(day: int) -> int:
    """The week, Monday to Sunday, that a day lies in."""
    return (day + 3) // 7


def first_day(epoch: int) -> int:
    """The Monday of an epoch."""
    return 7 * epoch - 3


def last_day(epoch: int) -> int:
    """The Sunday of an epoch."""
    return 7 * epoch + 3


def iso(day: int) -> str:
    """A day as 2022-01-06; outside the years 1 to 9999 the number itself."""
    ordinal = day + _UNIX_DAY_ZERO
    if not date.min.toordinal() <= ordinal <= date.max.toordinal():
        return f"day {day}"
    return date.fromordinal(ordinal).isoformat()
