"""Frames that come by the thousand have a short way, which gives what the table gives."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from qanat_protocol import bulk_frames
from qanat_protocol.errors import LocalMalformed, Malformed, ProtocolError
from qanat_protocol.frame_codec import decode_frame, encode_frame
from qanat_protocol.frames import Ack, AckEntry, AckStatus, Block, Frame, HeaderFrame, Idle
from qanat_protocol.record import pack, unpack

NUMBERS = [0, 127, 128, 255, 256, 65_535, 65_536, 2**32 - 1, 2**32, 2**53 - 1]


def stored(*handles: int, commit: int = 1) -> Ack:
    return Ack(commit, tuple(AckEntry(handle, AckStatus.STORED, 0) for handle in handles))


def as_record(frame: Frame) -> list[Any]:
    match frame:
        case HeaderFrame(handle, header):
            return [9, handle, header]
        case Block(handle, index, data):
            return [11, handle, index, data]
        case Ack(commit, entries):
            return [12, commit, [[entry.handle, entry.status, entry.value] for entry in entries]]
        case _:
            raise AssertionError


@pytest.mark.parametrize("number", NUMBERS)
def test_the_short_way_writes_canonical_records(number: int) -> None:
    for frame in (
        HeaderFrame(number, bytes(96)),
        Block(number, 1, bytes(256)),
        Block(1, number, bytes(16_384)),
        stored(*range(256, 272), commit=number),
        stored(*range(65_536 - 512, 65_536), commit=number),
    ):
        record = bulk_frames.encode(frame)
        assert record == pack(as_record(frame)) == encode_frame(frame)
        assert decode_frame(record) == frame


OTHERS: dict[str, Frame] = {
    "another frame": Idle(),
    "a small block": Block(1, 1, b"x" * 255),
    "few entries": stored(*range(256, 271)),
    "a handle of fewer bytes": stored(*range(255, 272)),
    "a handle of more bytes": stored(*range(65_500, 65_537)),
    "another status": Ack(1, (*stored(*range(256, 272)).entries, AckEntry(9, AckStatus.HAVE, 0))),
    "a value": Ack(1, (*stored(*range(256, 272)).entries, AckEntry(300, AckStatus.STORED, 1))),
}


@pytest.mark.parametrize("name", OTHERS)
def test_unusual_frames_go_by_the_table(name: str) -> None:
    frame = OTHERS[name]
    assert bulk_frames.encode(frame) is None
    assert bulk_frames.decode(encode_frame(frame)) is None
    assert decode_frame(encode_frame(frame)) == frame


@pytest.mark.parametrize(
    "frame",
    [
        HeaderFrame(-1, bytes(96)),
        HeaderFrame(2**53, bytes(96)),
        HeaderFrame(True, bytes(96)),
        HeaderFrame(1, bytes(95)),
        HeaderFrame(1, bytearray(96)),  # type: ignore[arg-type]
        Block(-1, 0, bytes(4096)),
        Block(0, 2**53, bytes(4096)),
        Block(0, 0, bytes(16_385)),
        stored(*range(256, 272), commit=-1),
        stored(*range(256, 256 + 513)),
        Ack(1, (*stored(*range(256, 272)).entries, AckEntry(True, AckStatus.STORED, 0))),
        Ack(1, (*stored(*range(256, 272)).entries, AckEntry(300, AckStatus.STORED, False))),
    ],
)
def test_the_short_way_lets_nothing_through_that_the_table_refuses(frame: Frame) -> None:
    assert bulk_frames.encode(frame) is None
    with pytest.raises(LocalMalformed):
        encode_frame(frame)


def by_the_table(record: bytes) -> Frame | type[ProtocolError]:
    """As decode_frame without a short way: of an ACK that is longer than these, only."""
    try:
        kind, commit, entries = unpack(record, max_bytes=65_517)[:3]
    except (ProtocolError, ValueError):
        return ProtocolError
    try:
        assert kind == 12
        assert isinstance(entries, list)
        assert type(commit) is int
        rows: list[Any] = list(entries)
        assert all(type(row[0]) is type(row[1]) is type(row[2]) is int for row in rows)
        assert 1 <= len(rows) <= 512
        acked = Ack(commit, tuple(AckEntry(row[0], AckStatus(row[1]), row[2]) for row in rows))
    except (AssertionError, ValueError, TypeError, IndexError):
        return ProtocolError
    return acked


@given(
    commit=st.sampled_from(NUMBERS),
    count=st.integers(16, 40),
    at=st.integers(0, 40),
    byte=st.integers(0, 255),
    cut=st.integers(0, 12),
)
def test_a_damaged_ack_is_read_as_by_the_table(
    commit: int, count: int, at: int, byte: int, cut: int
) -> None:
    whole = bytearray(encode_frame(stored(*range(256, 256 + count), commit=commit)))
    whole[at % len(whole)] = byte
    assume(whole[0] == 0x93)
    for record in (bytes(whole), bytes(whole[: len(whole) - cut]), bytes(whole) + bytes(cut)):
        try:
            read: Frame | type[ProtocolError] | None = decode_frame(record)
        except ProtocolError:
            read = ProtocolError
        if record[1] == 12:
            assert read == by_the_table(record)


def test_an_ack_is_read_the_short_way_up_to_its_last_entry() -> None:
    ack = stored(*range(256, 272))
    record = encode_frame(ack)
    assert bulk_frames.decode(record) == bulk_frames.decode(memoryview(record)) == ack
    assert bulk_frames.decode(record[:-1]) is None
    assert bulk_frames.decode(record[:-6]) is None
    assert bulk_frames.decode(record[:-1] + b"\x01") is None
    assert bulk_frames.decode(record[:6]) is None
    other = replace(ack, commit=2**32)
    assert bulk_frames.decode(encode_frame(other)) is None
    assert decode_frame(encode_frame(other)) == other


def test_an_ack_that_ends_anywhere_is_malformed() -> None:
    ack = encode_frame(stored(*range(16)))
    for length in range(len(ack)):
        with pytest.raises(Malformed):
            decode_frame(ack[:length])
