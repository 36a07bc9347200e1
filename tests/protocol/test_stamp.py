"""A stamp shows work for one parcel in one week, and a lucky claim is no stamp."""

import hashlib
from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qanat_protocol import stamp
from qanat_protocol.days import epoch_of, first_day, last_day
from qanat_protocol.errors import BadStamp, LocalMalformed
from qanat_protocol.frames import Stamp

PARCEL_ID = hashlib.sha256(b"a parcel").digest()
EPOCH = 2715
TODAY = first_day(EPOCH) + 2
START = bytes(16)


def found(effort: int, start: bytes = START) -> Stamp:
    result = stamp.find_stamp(PARCEL_ID, EPOCH, effort, start=start, tries=effort * 100)
    assert result is not None
    return result


def test_the_digest_is_what_the_specification_says() -> None:
    frame = found(1000)
    behind = (1000).to_bytes(8, "big") + EPOCH.to_bytes(4, "big") + PARCEL_ID + b"qanat/1/stamp\0"
    worked = [
        number
        for number in range(int.from_bytes(frame.nonce, "big") + 1)
        if int.from_bytes(hashlib.sha256(number.to_bytes(16, "big") + behind).digest()[:8], "big")
        * 1000
        < 2**64
    ]
    assert worked == [int.from_bytes(frame.nonce, "big")]
    stamp.check_stamp(frame, TODAY)


@given(st.integers(1, 64), st.binary(min_size=16, max_size=16))
def test_a_stamp_that_was_found_is_valid(effort: int, start: bytes) -> None:
    stamp.check_stamp(found(effort, start), TODAY)


def test_the_search_ends_after_its_tries_and_goes_on_from_there() -> None:
    winner = int.from_bytes(found(1000).nonce, "big")
    assert winner > 0
    assert stamp.find_stamp(PARCEL_ID, EPOCH, 1000, start=START, tries=winner) is None
    assert stamp.find_stamp(PARCEL_ID, EPOCH, 1000, start=START, tries=0) is None
    later = winner.to_bytes(16, "big")
    assert stamp.find_stamp(PARCEL_ID, EPOCH, 1000, start=later, tries=1) == found(1000)
    behind = (winner + 1).to_bytes(16, "big")
    assert int.from_bytes(found(1000, behind).nonce, "big") > winner


def test_the_nonce_goes_on_from_zero_behind_the_last() -> None:
    assert found(1000, b"\xff" * 16).nonce == found(1000).nonce


def test_a_stamp_counts_in_its_week_and_the_next() -> None:
    frame = found(16)
    for day in (first_day(EPOCH), last_day(EPOCH), last_day(EPOCH) + 1, last_day(EPOCH + 1)):
        stamp.check_stamp(frame, day)
    for day in (first_day(EPOCH) - 1, last_day(EPOCH + 1) + 1):
        with pytest.raises(BadStamp):
            stamp.check_stamp(frame, day)
    assert epoch_of(last_day(EPOCH + 1) + 1) == EPOCH + 2


def test_work_counts_for_its_own_parcel_effort_and_week_only() -> None:
    frame = found(1 << 16)
    others = [
        replace(frame, parcel_id=hashlib.sha256(b"another").digest()),
        replace(frame, effort=1 << 17),
        replace(frame, effort=(1 << 16) - 1),
        replace(frame, epoch=EPOCH - 1),
        replace(frame, nonce=bytes(15) + b"\x01"),
    ]
    stamp.check_stamp(frame, TODAY)
    for other in others:
        with pytest.raises(BadStamp):
            stamp.check_stamp(other, TODAY)


@pytest.mark.parametrize("effort", [0, (1 << 40) + 1, 1 << 53])
def test_an_effort_out_of_range_is_no_stamp(effort: int) -> None:
    with pytest.raises(BadStamp):
        stamp.check_stamp(Stamp(PARCEL_ID, EPOCH, effort, START), TODAY)
    with pytest.raises(LocalMalformed):
        stamp.find_stamp(PARCEL_ID, EPOCH, effort, start=START, tries=1)


def test_the_limits_of_effort_are_efforts() -> None:
    stamp.check_stamp(Stamp(PARCEL_ID, EPOCH, 1, START), TODAY)
    with pytest.raises(BadStamp, match="does not show"):
        stamp.check_stamp(Stamp(PARCEL_ID, EPOCH, stamp.MAX_EFFORT, START), TODAY)
    assert stamp.find_stamp(PARCEL_ID, EPOCH, stamp.MAX_EFFORT, start=START, tries=1) is None


@given(
    st.binary(min_size=32, max_size=32),
    st.integers(0, 2**53 - 1),
    st.integers(0, 2**53 - 1),
    st.binary(min_size=16, max_size=16),
    st.integers(0, 2**32 - 1),
)
def test_any_frame_is_a_stamp_or_a_bad_one(
    parcel_id: bytes, epoch: int, effort: int, nonce: bytes, today: int
) -> None:
    with suppress(BadStamp):
        stamp.check_stamp(Stamp(parcel_id, epoch, effort, nonce), today)


@pytest.mark.parametrize("epoch", [-1, 2**32])
def test_no_stamp_is_sought_for_a_week_that_it_cannot_name(epoch: int) -> None:
    with pytest.raises(LocalMalformed):
        stamp.find_stamp(PARCEL_ID, epoch, 1, start=START, tries=1)


@pytest.mark.parametrize(
    ("body_size", "times"), [(4096, 1), (131_072, 1), (131_073, 2), (2**30, 8192)]
)
def test_a_larger_body_is_asked_for_more(body_size: int, times: int) -> None:
    assert stamp.weight_of(body_size) == times
    assert stamp.effort_for(stamp.FIRST_EFFORT, body_size) == stamp.FIRST_EFFORT * times
    assert stamp.effort_for(0, body_size) == 0
    # Never more than any stamp may show.
    assert stamp.effort_for(stamp.MAX_EFFORT, body_size) == stamp.MAX_EFFORT
