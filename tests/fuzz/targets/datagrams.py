"""Targets of datagrams, and of the machine that puts their pieces in order (SPEC 23)."""

from __future__ import annotations

import math
from collections.abc import Iterable

from tests.fuzz.target import Target
from tests.fuzz.vectors import binaries
from tests.protocol.samples import parses_or_refuses

from qanat_protocol.datagram import MAX_DATA_BYTES, MAX_DATAGRAM_BYTES, Acks, Datagram, Mask
from qanat_protocol.datagram_incoming import WINDOW_BYTES
from qanat_protocol.datagram_stream import DatagramStream
from qanat_protocol.errors import Malformed

__all__ = ["TARGETS"]

_MASK = Mask(bytes(1216), to_relay=True)
_CONNECTION = b"connects"
_FIRST = 1000
_MOST_DATAGRAMS = 300
_MOST_AHEAD_BYTES = 1024 * MAX_DATA_BYTES


def _masked(below: bytes) -> bytes:
    tag = _MASK._tag(below)
    return tag + _MASK._turn(tag, below)


def _below(written: bytes) -> bytes:
    return _MASK._turn(written[:8], written[8:])


def _datagram(data: bytes) -> None:
    """A datagram is written as it was read; the input is what stands below the mask, and not."""
    for written in (data, _masked(data)):
        datagram = parses_or_refuses(_MASK.read, written)
        if datagram is not None:
            assert len(written) <= MAX_DATAGRAM_BYTES
            again = _MASK.write(datagram)
            assert _below(again) == _below(written)
            assert _MASK.read(again) == datagram


def _stream(data: bytes) -> None:
    """Whatever comes is refused or fine, costs little and gets no more back than it may.

    The input is what one stream hears after the other: how long it took to come (in 1/64 s), how
    many bytes, and the bytes behind the connection and below the mask.
    """
    is_relay, wrote, at = bool(data[:1] > b"\x7f"), 64 * len(data[:2]), 1
    stream = DatagramStream(_CONNECTION, _FIRST, 0.0, mask=_MASK, is_proven=not is_relay)
    stream.write(bytes(wrote * 200))
    now_s = 0.0
    came = went = got = 0
    for _ in range(_MOST_DATAGRAMS):
        if at >= len(data):
            break
        took, length = data[at], data[at + 1] if at + 1 < len(data) else 0
        now_s += took / 64
        written = _masked(_CONNECTION + data[at + 2 : at + 2 + length])
        at += 2 + length
        came += len(written)
        went = _hear(stream, written, now_s, came, went)
        if length % 3:
            got += len(stream.read())
        assert got <= came
        assert len(stream._incoming._ready) <= WINDOW_BYTES
        assert sum(map(len, stream._incoming._ahead.values())) <= _MOST_AHEAD_BYTES
    stream.close()
    assert len(stream.due(now_s)) <= 1
    assert stream.wake_s(now_s) == math.inf


def _hear(stream: DatagramStream, written: bytes, now_s: float, came: int, went: int) -> int:
    """One datagram; how many bytes went out so far."""
    before = stream.moved_bytes, stream.is_proven, stream.on_way
    datagram = parses_or_refuses(_MASK.read, written)
    if datagram is not None:
        try:
            stream.receive(datagram, len(written), now_s)
        except Malformed:
            assert (stream.moved_bytes, stream.is_proven, stream.on_way) == before
    went += sum(map(len, stream.due(now_s)))
    assert stream.is_proven or went <= 3 * came
    assert stream.wake_s(now_s) > now_s
    assert stream.due(now_s) == []
    return went


def _datagram_seeds() -> Iterable[bytes]:
    for written in binaries("read_datagram", "datagram", max_bytes=400):
        yield written
        yield _below(written)


def _heard(*datagrams: Datagram) -> bytes:
    told = b""
    for datagram in datagrams:
        below = _below(_MASK.write(datagram))[len(_CONNECTION) :]
        told += bytes([3, len(below)]) + below
    return told


def _stream_seeds() -> Iterable[bytes]:
    pieces = [Datagram(_CONNECTION, n, None, 9 * n, b"QNT bytes", n == 7) for n in range(8)]
    acks = [
        Datagram(_CONNECTION, 20 + n, Acks(((_FIRST, _FIRST + n),), n, WINDOW_BYTES + n))
        for n in range(4)
    ]
    for head in (b"\x00", b"\xff"):
        yield head + _heard(*pieces)
        yield head + _heard(*pieces[::-1])
        yield head + _heard(*pieces[::2], *acks, *pieces)
        yield head + _heard(acks[0], acks[3], Datagram(_CONNECTION, 40, acks[1].acks, closes=True))
        yield head + _heard(
            *(Datagram(_CONNECTION, 2 * n, None, 2 * n + 2, b"!") for n in range(90))
        )


TARGETS = (
    Target("datagram", _datagram, _datagram_seeds, max_bytes=1360, brief_runs=3000),
    Target("datagram-stream", _stream, _stream_seeds, max_bytes=4000, brief_runs=300),
)
