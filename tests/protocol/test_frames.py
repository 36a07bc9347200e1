"""Frames as records: what is written is read, and nothing else is."""

import dataclasses
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tests.protocol.made_frames import BY_TYPE, any_frame

from qanat_protocol import frames
from qanat_protocol.errors import (
    LocalError,
    LocalMalformed,
    Malformed,
    RemoteError,
    TooLarge,
    UnexpectedFrame,
    UnknownKind,
)
from qanat_protocol.frame_codec import decode_frame, encode_frame
from qanat_protocol.frames import AckEntry, AckStatus, Answer, Frame, FrameType
from qanat_protocol.record import Packable, pack, unpack

ID = bytes(range(32))
SIGNATURE = b"\x01" + bytes(64)


@pytest.mark.parametrize("name", BY_TYPE)
def test_every_frame_is_read_as_it_was_written(name: str) -> None:
    @given(BY_TYPE[name])
    def check(frame: Frame) -> None:
        record = encode_frame(frame)
        assert decode_frame(record) == frame
        assert decode_frame(memoryview(record)) == frame

    check()


def test_every_type_of_the_table_has_a_strategy_here() -> None:
    tried = {unpack(encode_frame(frame), max_bytes=65_517)[0] for frame in LARGEST_AND_SMALLEST}
    assert tried == set(FrameType)


LARGEST_AND_SMALLEST: list[Frame] = [
    frames.Hello((2**53 - 1,) * 8),
    frames.Welcome(1, 2**32 - 1, bytes(16), 2**53 - 1, 32, 32, 2**53 - 1),
    frames.DeskInterest(
        31, bytes(8192), ID, 2**32 - 128, 2**32 - 1, bytes(64), SIGNATURE, bytes(512)
    ),
    frames.DeskInterest(0, b"", ID, 0, 0, None, SIGNATURE, b""),
    frames.DeskInterest(0, b"", ID, 0, 0, None, SIGNATURE),
    frames.RepliesInterest(0, 32, b"\xff" * 4),
    frames.RepliesInterest(0, 0, bytes(4)),
    frames.OpenedInterest(0, 1, (b"\x80\0\0\0",) * 64),
    frames.OpenedInterest(31, 0, (bytes(4),), 2**32 - 1),
    frames.PublicInterest(0, (frames.PublicWant(bytes(16), 0, 2**53 - 1),) * 32),
    frames.AllInterest(31, ID, b"", SIGNATURE),
    frames.CardInterest(31),
    frames.Cursor(31, bytes(64)),
    frames.Offers(2**53 - 1, (bytes(16),) * 2048),
    frames.Answers(0, (Answer.WANT_REST,) * 2048),
    frames.Partial(ID, b"\x01" * 8192),
    frames.Partial(ID, b""),
    frames.Want((bytes(16),) * 2048),
    frames.HeaderFrame(2**53 - 1, bytes(96)),
    frames.Leaves(0, 1023, (ID,) * 64),
    frames.Leaves(0, 1024, (ID,) * 1024),
    frames.Block(2**53 - 1, 2**53 - 1, bytes(16_384)),
    frames.Ack(0, (AckEntry(2**53 - 1, AckStatus.REFUSED, 2**53 - 1),) * 512),
    frames.Receipt(2**32 - 1, bytes(16), (ID,) * 512, SIGNATURE),
    frames.Opened(ID, ID, ID, SIGNATURE),
    frames.Purge(ID, ID),
    frames.Stamp(ID, 2**32 - 1, 2**53 - 1, bytes(16)),
    frames.Cells(31, 2**32 - 1, bytes(12 * 2048)),
    frames.Cells(0, 0, b""),
    frames.Sketch(0, 2**32 - 1, bytes(16), ID, 2**53 - 1, 2048),
    frames.Bisect(0, 3, b"\xe0\0\0\0", 2**32 - 1, 2048),
    frames.Lack(0, (bytes(5),) * 4096),
    frames.Lack(31, ()),
    frames.Card(bytes(65_000)),
    frames.Card(b"\0"),
    frames.Idle(),
    frames.Error(2**53 - 1, "я" * 128),
    frames.End(),
]


@pytest.mark.parametrize("frame", LARGEST_AND_SMALLEST, ids=lambda frame: type(frame).__name__)
def test_a_frame_at_its_limits_fits_a_packet(frame: Frame) -> None:
    record = encode_frame(frame)
    assert len(record) <= 65_517
    assert decode_frame(record) == frame


BEYOND: list[Frame] = [
    frames.Hello(()),
    frames.Hello((1,) * 9),
    frames.Hello((2**53,)),
    frames.Hello((-1,)),
    frames.Welcome(1, 2**32, bytes(16), 0, 0, 0, 0),
    frames.Welcome(1, 0, bytes(15), 0, 0, 0, 0),
    frames.Welcome(1, 0, bytes(16), 0, 33, 0, 0),
    frames.Welcome(1, 0, bytes(16), 0, 0, 33, 0),
    frames.DeskInterest(32, b"", ID, 0, 0, None, SIGNATURE),
    frames.DeskInterest(0, bytes(8193), ID, 0, 0, None, SIGNATURE),
    frames.DeskInterest(0, b"", ID, 1, 0, None, SIGNATURE),
    frames.DeskInterest(0, b"", ID, 0, 128, None, SIGNATURE),
    frames.DeskInterest(0, b"", ID, 0, 2**32, None, SIGNATURE),
    frames.DeskInterest(0, b"", ID, 0, 0, bytes(65), SIGNATURE),
    frames.DeskInterest(0, b"", ID, 0, 0, None, bytes(64)),
    frames.RepliesInterest(0, 33, bytes(4)),
    frames.RepliesInterest(0, 31, b"\0\0\0\x01"),
    frames.RepliesInterest(0, 0, b"\x80\0\0\0"),
    frames.OpenedInterest(0, 8, (bytes(4), b"\0\x80\0\0")),
    frames.OpenedInterest(0, 8, ()),
    frames.OpenedInterest(0, 8, (bytes(4),) * 65),
    frames.OpenedInterest(0, 8, (bytes(4),), 2**32),
    frames.PublicInterest(0, ()),
    frames.PublicInterest(0, (frames.PublicWant(bytes(16), 0, 0),) * 33),
    frames.PublicInterest(0, (frames.PublicWant(bytes(17), 0, 0),)),
    frames.AllInterest(0, bytes(31), None, SIGNATURE),
    frames.CardInterest(32),
    frames.Card(b""),
    frames.Card(bytes(65_001)),
    frames.Cursor(32, b""),
    frames.Cursor(0, bytes(65)),
    frames.Offers(0, ()),
    frames.Offers(0, (bytes(16),) * 2049),
    frames.Offers(0, (bytes(8), bytes(24))),
    frames.Answers(0, ()),
    frames.Answers(0, (Answer.WANT,) * 2049),
    frames.Partial(ID, b"\x01\0"),
    frames.Partial(ID, b"\x01" * 8193),
    frames.Want((bytes(15),)),
    frames.HeaderFrame(0, bytes(95)),
    frames.Leaves(0, 1025, (ID,)),
    frames.Leaves(0, 0, (ID,) * 65),
    frames.Leaves(0, 1023, (ID,) * 65),
    frames.Leaves(0, 1024, (ID,) * 1025),
    frames.Block(0, 0, b""),
    frames.Block(0, 0, bytes(16_385)),
    frames.Ack(0, ()),
    frames.Ack(0, (AckEntry(0, AckStatus.STORED, 0),) * 513),
    frames.Receipt(2**32, bytes(16), (ID,), SIGNATURE),
    frames.Receipt(0, bytes(16), (ID,) * 513, SIGNATURE),
    frames.Opened(ID, ID, ID, bytes(66)),
    frames.Purge(ID, bytes(33)),
    frames.Stamp(ID, 2**32, 1, bytes(16)),
    frames.DeskInterest(0, b"", ID, 0, 0, None, SIGNATURE, bytes(511)),
    frames.DeskInterest(0, b"", ID, 0, 0, None, SIGNATURE, bytes(513)),
    frames.Cells(0, 0, bytes(13)),
    frames.Cells(0, 0, bytes(12 * 2049)),
    frames.Cells(0, 2**32, bytes(12)),
    frames.Sketch(0, 2**32, bytes(16), ID, 0, 0),
    frames.Sketch(0, 0, bytes(16), ID, 0, 2049),
    frames.Bisect(0, 2, b"\xe0\0\0\0", 0, 1),
    frames.Bisect(0, 0, bytes(4), 0, 2049),
    frames.Lack(0, (bytes(5),) * 4097),
    frames.Lack(0, (bytes(6),)),
    frames.Error(0, "я" * 129),
    frames.Error(0, "two\nlines"),
]


@pytest.mark.parametrize("frame", BEYOND, ids=lambda frame: type(frame).__name__)
def test_a_frame_beyond_its_limits_is_not_written(frame: Frame) -> None:
    with pytest.raises(LocalMalformed):
        encode_frame(frame)


def test_what_is_not_text_is_not_written() -> None:
    with pytest.raises(LocalError):
        encode_frame(frames.Error(0, "\ud800"))


def test_an_estimate_that_is_not_given_is_left_out() -> None:
    # As those write it who know of no estimates.
    without: list[Packable] = [3, 31, 1, b"statement", ID, 5, 6, None, SIGNATURE]
    frame = frames.DeskInterest(31, b"statement", ID, 5, 6, None, SIGNATURE)
    assert encode_frame(frame) == pack(without)
    assert decode_frame(pack([*without, None])) == frame
    assert encode_frame(dataclasses.replace(frame, estimate=b"")) == pack([*without, b""])


def test_an_idle_that_answers_nothing_says_nothing_of_it() -> None:
    # As those write and read it who answer none.
    assert encode_frame(frames.Idle()) == pack([20])
    assert decode_frame(pack([20, 0])) == decode_frame(pack([20])) == frames.Idle()
    assert decode_frame(pack([20, 7, "grown"])) == frames.Idle(7)


def test_a_frame_larger_than_a_packet_is_neither_written_nor_read() -> None:
    # All fields are within their limits, so that only growth can make such a record.
    record = pack([22, bytes(65_512)])
    assert len(record) == 65_517
    assert decode_frame(record) == frames.End()
    with pytest.raises(TooLarge):
        decode_frame(pack([22, bytes(65_513)]))


MALFORMED_RECORDS: list[list[Any]] = [
    [],
    ["1"],
    [None],
    [True],
    [[1]],
    [9, 0],
    [9, 0, "x" * 96],
    [9, True, bytes(96)],
    [1, [True]],
    [1, [[1]]],
    [6, 0, b"\x05"],
    [6, 0, b"\0\xff\0"],
    [12, 1, [[0, 5, 0]]],
    [12, 1, [[0, 0]]],
    [12, 1, [0]],
    [12, 1, b"x"],
    [5, 0, bytes(17)],
    [10, 0, 0, bytes(33)],
    [17, 0, 0, bytes(15)],
    [7, ID, b"\0"],
    [21, 0, b"detail"],
    [21, 0, "a\x00b"],
    [3],
    [3, 0],
    [3, 32, 1],
    [3, "0", 2, 0, bytes(4)],
    [3, 0, 2, 0],
    [3, 0, 2, 0, b"\x01\0\0\0"],
    [3, 0, 3, 0, bytes(5)],
    [3, 0, 4, [[bytes(16), 0]]],
    [3, 0, 1, b"", ID, 5, 4, None, SIGNATURE],
    [3, 0, 1, b"", ID, 5, 5, False, SIGNATURE],
]


@pytest.mark.parametrize("record", MALFORMED_RECORDS, ids=repr)
def test_a_record_that_breaks_the_table_is_malformed(record: list[Any]) -> None:
    with pytest.raises(Malformed):
        decode_frame(pack(record))


@pytest.mark.parametrize("kind", [0, 25, 127])
def test_a_type_that_the_table_lacks_is_unexpected(kind: int) -> None:
    with pytest.raises(UnexpectedFrame):
        decode_frame(pack([kind, 1]))


@pytest.mark.parametrize("kind", [0, 7, 2**53 - 1])
def test_a_class_that_the_table_lacks_is_named_so(kind: int) -> None:
    with pytest.raises(UnknownKind):
        decode_frame(pack([3, 0, kind]))


@pytest.mark.parametrize("kind", [128, 2**53 - 1])
def test_a_reserved_type_is_ignored_whatever_it_holds(kind: int) -> None:
    assert decode_frame(pack([kind, "anything", None, [[b"", True]]])) is None


@given(any_frame)
def test_fields_of_a_later_version_are_ignored(frame: Frame) -> None:
    fields: Any = unpack(encode_frame(frame), max_bytes=65_517)
    # A number that is 0 is left out, and stands there where something follows it.
    match frame:
        case frames.Idle(heard=0) | frames.OpenedInterest(since=0):
            left_out = [0]
        case _:
            left_out = []
    assert decode_frame(pack([*fields, *left_out, None, ["new", 7]])) == frame


def test_rows_of_a_later_version_are_read_too() -> None:
    assert decode_frame(pack([12, 7, [[5, 1, 2, "new"]]])) == frames.Ack(
        7, (AckEntry(5, AckStatus.PARTIAL, 2),)
    )


@given(any_frame, st.binary(min_size=1, max_size=20))
def test_bytes_behind_a_frame_are_malformed(frame: Frame, behind: bytes) -> None:
    with pytest.raises(Malformed):
        decode_frame(encode_frame(frame) + behind)


@given(any_frame, st.data())
def test_a_frame_that_is_cut_short_is_malformed(frame: Frame, data: st.DataObject) -> None:
    record = encode_frame(frame)
    with pytest.raises(Malformed):
        decode_frame(record[: data.draw(st.integers(0, len(record) - 1))])


@given(st.binary(max_size=200))
@example(b"\x91\x14")
def test_any_bytes_are_a_frame_or_a_remote_error(data: bytes) -> None:
    with suppress(RemoteError):
        decode_frame(data)


@given(any_frame, st.data())
def test_a_damaged_frame_is_a_frame_or_a_remote_error(frame: Frame, data: st.DataObject) -> None:
    record = bytearray(encode_frame(frame))
    for _ in range(data.draw(st.integers(1, 3))):
        record[data.draw(st.integers(0, min(len(record) - 1, 60)))] = data.draw(st.integers(0, 255))
    try:
        read = decode_frame(bytes(record))
    except RemoteError:
        return
    # What is taken is canonical: it is written as the same bytes, unless it has fields behind.
    if read is not None:
        assert bytes(record)[1:].startswith(encode_frame(read)[1:])


@given(
    st.integers(0, 140),
    st.lists(
        st.recursive(
            st.none() | st.booleans() | st.integers(0, 600) | st.binary(max_size=70) | st.text(),
            lambda inner: st.lists(inner, max_size=4),
            max_leaves=8,
        ),
        max_size=9,
    ),
)
def test_any_record_is_a_frame_or_a_remote_error(kind: int, fields: list[Any]) -> None:
    try:
        record = pack([kind, *fields])
    except LocalError:
        return
    with suppress(RemoteError):
        decode_frame(record)


def test_a_frame_never_changes() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        frames.Cursor(0, b"").interest = 1  # type: ignore[misc]


def test_all_statuses_but_stored_so_far_are_final() -> None:
    assert [status for status in AckStatus if not status.is_final] == [AckStatus.PARTIAL]


def test_two_answers_ask_for_what_was_offered() -> None:
    assert [answer for answer in Answer if answer.is_wanted] == [Answer.WANT, Answer.WANT_REST]
