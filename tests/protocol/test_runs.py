"""Runs: parcels of one block are read many at a time, and as frame by frame."""

from dataclasses import replace
from itertools import chain

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.protocol.made_bodies import LETTER, ONE_BLOCK, TWO_BLOCKS, Body, body_of

from qanat_protocol.errors import LocalMalformed, ProtocolError
from qanat_protocol.frame_codec import decode_frame, encode_frame
from qanat_protocol.frames import Block, Frame, HeaderFrame, Idle
from qanat_protocol.parcel import Front, Kind
from qanat_protocol.runs import Run, read_run, runs_of, write_run
from qanat_protocol.transfer import Intake

HANDLES = [0, 1, 126, 127, 128, 254, 255, 256, 65_534, 65_535, 65_536, 2**32 - 1]


def framed(*frames: Frame) -> bytes:
    records = [encode_frame(frame) for frame in frames]
    return b"".join(len(record).to_bytes(2) + record for record in records)


def pair(handle: int, body: Body) -> tuple[Frame, Frame]:
    return HeaderFrame(handle, body.header.encode()), Block(handle, 0, body.block(0))


def read(plain: bytes, *, in_runs: bool) -> tuple[list[Frame], type[ProtocolError] | None]:
    """What a packet's plain holds, and the error behind it."""
    frames: list[Frame] = []
    at = 0
    try:
        while at < len(plain):
            if in_runs and (found := read_run(memoryview(plain), at)) is not None:
                run, at = found
                frames += run.frames()
                continue
            start, at = at + 2, at + 2 + int.from_bytes(plain[at : at + 2])
            frame = decode_frame(plain[start:at])
            assert frame is not None
            frames.append(frame)
    except ProtocolError as error:
        return frames, type(error)
    return frames, None


@pytest.mark.parametrize("size", [LETTER, 8192, ONE_BLOCK])
@pytest.mark.parametrize("first", HANDLES)
def test_parcels_of_one_block_come_as_one_run(first: int, size: int) -> None:
    bodies = [body_of(size, tag) for tag in range(2)]
    # The next handle may have another encoding: a run ends there.
    count = 2 if first + 1 not in {128, 256, 65_536, 2**32} else 1
    said = list(chain.from_iterable(map(pair, range(first, first + count), bodies)))
    found = read_run(memoryview(framed(*said)), 0)
    assert found is not None
    run, end = found
    assert (run.first, len(run.headers)) == (first, count)
    assert run.front.body_size == size
    assert list(run.frames()) == said
    assert end == len(framed(*said))


def test_a_run_ends_before_what_is_none() -> None:
    letters = [*pair(300, body_of(LETTER)), *pair(301, body_of(LETTER, 1))]
    for behind in (Idle(), *pair(302, body_of(8192)), *pair(303, body_of(LETTER))[:1]):
        plain = framed(*letters, behind)
        found = read_run(memoryview(plain), 0)
        assert found is not None
        assert list(found[0].frames()) == letters
        assert read_run(memoryview(plain), found[1]) is None


def public_document() -> Body:
    body = body_of(LETTER)
    return replace(body, header=replace(body.header, kind=Kind.PUBLIC, urgent=False))


NO_RUNS: dict[str, bytes] = {
    "nothing": b"",
    "another frame": framed(Idle(), *pair(0, body_of(LETTER))),
    "no more than a type": b"\x00\x6b\x93\x09",
    "a header alone": framed(pair(0, body_of(LETTER))[0]),
    "a long body": framed(*pair(0, body_of(TWO_BLOCKS))),
    "a public document": framed(*pair(0, public_document())),
    "a handle of nine bytes": framed(*pair(2**32, body_of(LETTER))),
    "another handle in its block": framed(
        HeaderFrame(0, body_of(LETTER).header.encode()), Block(1, 0, body_of(LETTER).block(0))
    ),
    "a handle that is not in its shortest encoding": framed(*pair(300, body_of(LETTER))).replace(
        b"\xcd\x01\x2c", b"\xcd\x00\x7f"
    ),
    "a header that is not legal": framed(HeaderFrame(0, b"\x09" * 96), Block(0, 0, bytes(4096))),
}


@pytest.mark.parametrize("name", NO_RUNS)
def test_what_is_no_run_is_left_to_the_frames(name: str) -> None:
    plain = NO_RUNS[name]
    assert read_run(memoryview(plain), 0) is None
    before = framed(*pair(0, body_of(LETTER)))
    assert read_run(memoryview(before + plain), len(before)) is None
    assert read(plain, in_runs=True) == read(plain, in_runs=False)


@given(
    first=st.sampled_from(HANDLES),
    at=st.integers(0, 2 * 4210),
    byte=st.integers(0, 255),
    cut=st.integers(0, 2 * 4210),
)
def test_damaged_runs_are_read_as_frame_by_frame(first: int, at: int, byte: int, cut: int) -> None:
    """A byte of the heads or of the header is changed, or the end is cut off."""
    whole = bytearray(framed(*pair(first, body_of(LETTER)), *pair(first + 1, body_of(LETTER, 1))))
    # Most of it is body, where a change means nothing: look at the 130 bytes before as often.
    whole[at % len(whole) if at % 2 else at % 130] = byte
    for plain in (bytes(whole), bytes(whole[:cut])):
        assert read(plain, in_runs=True) == read(plain, in_runs=False)


def run_at(first: int, *bodies: Body) -> Run:
    """A run as its sender makes it, whether it may or not."""
    header = bodies[0].header
    front = Front(header.kind, header.urgent, header.expiry_day, header.body_size)
    headers = tuple(body.header.encode() for body in bodies)
    return Run(first, front, headers, tuple(body.block(0) for body in bodies))


def run_of(*bodies: Body, first: int = 0) -> Run:
    found = read_run(
        memoryview(framed(*chain.from_iterable(map(pair, range(first, 99), bodies)))), 0
    )
    assert found is not None
    return found[0]


@pytest.mark.parametrize("first", HANDLES[:-1])
def test_a_run_is_written_as_its_frames_are(first: int) -> None:
    bodies = [body_of(LETTER, tag) for tag in range(3)]
    headers = tuple(body.header.encode() for body in bodies)
    run = replace(run_of(*bodies), first=first, headers=headers)
    assert b"".join(write_run(run)) == framed(*run.frames())
    assert len(write_run(run)) == 3


WELL = run_at(0, body_of(LETTER), body_of(LETTER, 1))
NO_RUN_TO_WRITE = {
    "nothing": replace(WELL, headers=(), bodies=()),
    "a body too few": replace(WELL, bodies=WELL.bodies[:1]),
    "a handle below zero": replace(WELL, first=-1),
    "a handle of nine bytes": replace(WELL, first=2**32 - 2),
    "another front": replace(WELL, front=replace(WELL.front, urgent=True)),
    "a header of another front": replace(
        WELL, headers=(WELL.headers[0], body_of(ONE_BLOCK).header.encode())
    ),
    "a short header": replace(WELL, headers=(WELL.headers[0], WELL.headers[1][:-1])),
    "a long body": replace(WELL, bodies=(WELL.bodies[0], WELL.bodies[1] + b"x")),
    "a body of two blocks": run_at(0, body_of(TWO_BLOCKS)),
}


@pytest.mark.parametrize("what", NO_RUN_TO_WRITE)
def test_what_makes_no_run_is_not_written(what: str) -> None:
    with pytest.raises(LocalMalformed):
        write_run(NO_RUN_TO_WRITE[what])


def test_a_run_is_written_up_to_the_last_handle_but_one() -> None:
    last = replace(run_of(body_of(LETTER)), first=2**32 - 2)
    assert len(write_run(last)) == 1
    with pytest.raises(LocalMalformed):
        write_run(replace(last, first=2**32 - 1))


def test_parcels_become_runs_as_long_as_they_are_alike() -> None:
    sizes = [LETTER, LETTER, 8192, LETTER]
    bodies = [body_of(size, tag) for tag, size in enumerate(sizes)]
    runs = list(runs_of([(body.header, body.block(0)) for body in bodies], 7))
    assert [(run.first, len(run.headers)) for run in runs] == [(7, 2), (9, 1), (10, 1)]
    said = [frame for handle, body in enumerate(bodies, 7) for frame in pair(handle, body)]
    assert [frame for run in runs for frame in run.frames()] == said
    assert b"".join(piece for run in runs for piece in write_run(run)) == framed(*said)
    assert list(runs_of([], 7)) == []


def test_a_run_is_taken_as_its_frames_would_be() -> None:
    bodies = [body_of(LETTER, tag) for tag in range(3)]
    intake = Intake()
    assert intake.run(run_of(*bodies)) == tuple(body.header.parcel_id for body in bodies)
    # Handles go on from run to run.
    for following in (1, 2):
        assert intake.run(run_of(*bodies, first=following * len(bodies))) is not None
    assert intake.open_handles == ()
    assert intake.open(HeaderFrame(9, bodies[0].header.encode())) == bodies[0].header


def test_a_run_with_anything_wrong_leaves_all_to_the_frames() -> None:
    intake = Intake()
    assert intake.run(run_of(body_of(LETTER), first=1)) is None
    good = run_of(body_of(LETTER), body_of(LETTER, 1))
    assert intake.run(replace(good, bodies=(good.bodies[0], bytes(LETTER)))) is None
    assert intake.run(good) is not None


def test_no_run_is_taken_beside_64_open_transfers() -> None:
    intake = Intake()
    for handle in range(64):
        intake.open(HeaderFrame(handle, body_of(TWO_BLOCKS).header.encode()))
    run = run_of(body_of(LETTER), first=64)
    assert intake.run(run) is None
    intake.close(3)
    assert intake.run(run) == (body_of(LETTER).header.parcel_id,)
