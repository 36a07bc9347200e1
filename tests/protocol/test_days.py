"""Days and epochs (SPEC 1)."""

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qanat_protocol.days import day_of, epoch_of, first_day, iso, last_day

DAYS = st.integers(0, 2**32)


def test_days_are_counted_in_utc_from_1970() -> None:
    assert day_of(0) == 0
    assert day_of(86_399.999) == 0
    assert day_of(86_400) == 1
    assert day_of(-1) == -1
    assert day_of(datetime(2022, 1, 5, 23, 59, 59, tzinfo=UTC).timestamp()) == 18_997


@given(DAYS)
def test_a_day_lies_in_its_epoch(day: int) -> None:
    epoch = epoch_of(day)
    assert first_day(epoch) <= day <= last_day(epoch)
    assert last_day(epoch) - first_day(epoch) == 6
    assert first_day(epoch + 1) == last_day(epoch) + 1


@given(st.integers(0, 2_000_000))
def test_an_epoch_runs_from_monday_to_sunday(epoch: int) -> None:
    monday = date.fromordinal(first_day(epoch % 400_000 + 1) + date(1970, 1, 1).toordinal())
    assert monday.weekday() == 0


def test_a_day_reads_as_a_date() -> None:
    assert iso(0) == "1970-01-01"
    assert iso(18_998) == "2022-01-06"


@pytest.mark.parametrize("day", [2_932_897, 2**53 - 1, -719_163])
def test_a_day_beyond_the_calendar_is_shown_as_its_number(day: int) -> None:
    assert iso(day) == f"day {day}"


def test_the_calendars_last_days_are_dates() -> None:
    assert iso(2_932_896) == "9999-12-31"
    assert iso(-719_162) == "0001-01-01"
