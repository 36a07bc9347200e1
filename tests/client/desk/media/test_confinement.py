"""A worker that was taken over gets nowhere: each wall is tried from inside, in the real fork."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.client.desk.media.developed import developed

from qanat_client.desk.media.asking import Form, Head, Job, NotShown, Piece, Record, record_bytes
from qanat_client.desk.media.darkroom import Darkroom
from qanat_client.desk.media.limits import PICTURE_LIMITS

HOSTILE = Path(__file__).with_name("hostile_worker.py")
TOO_LONG = "decoding it takes longer than it is given"


@pytest.fixture(scope="module")
def hostile() -> Iterator[Darkroom]:
    room = Darkroom(program=(sys.executable, "-I", str(HOSTILE)))
    yield room
    room.close()


def tried(room: Darkroom, what: str, **limits: Any) -> str:
    return developed(room, Form.PICTURE, what.encode(), **limits).head.words


@pytest.mark.parametrize(
    "what",
    [
        "read a file",
        "write a file",
        "list a folder",
        "look at a file",
        "remove a file",
        "make a socket",
        "make a local socket",
        "make a pipe",
        "fork",
        "start a program",
        "end its parent",
        "look into its parent",
        "read its parent's memory",
        "write its parent's memory",
        "trace its parent",
        "take its parent's files",
        "stop its neighbour",
        "share memory",
        "make a file in memory",
        "look into the keyring",
        "add a key",
        "make a queue of calls",
        "watch the kernel",
        "load a program into the kernel",
        "call by the other numbers",
        "duplicate a pipe",
        "become another user",
        "be seen again",
        "leave its namespace",
        "run memory",
        "raise a limit",
    ],
)
def test_the_kernel_refuses_a_worker_everything_but_its_pipes(hostile: Darkroom, what: str) -> None:
    assert tried(hostile, what) == "refused: Operation not permitted"


@pytest.mark.parametrize("what", ["read a file", "make a socket", "make a local socket"])
def test_the_limit_of_open_files_keeps_files_and_networks_away_by_itself(what: str) -> None:
    room = Darkroom(program=(sys.executable, "-I", str(HOSTILE), "no-filter"))
    try:
        assert tried(room, what) == "refused: Too many open files"
    finally:
        room.close()


def test_memory_ends_at_its_limit(hostile: Darkroom) -> None:
    with pytest.raises(NotShown, match="takes more memory than it is given"):
        tried(hostile, "hoard", memory_bytes=200 << 20)


def test_processor_time_ends_at_its_limit(hostile: Darkroom) -> None:
    with pytest.raises(NotShown, match=TOO_LONG):
        tried(hostile, "spin", cpu_s=1)


def test_waiting_ends_at_its_limit(hostile: Darkroom) -> None:
    with pytest.raises(NotShown, match=TOO_LONG):
        tried(hostile, "sleep", wall_s=0.5)


def test_an_answer_without_an_end_is_cut_off(hostile: Darkroom) -> None:
    with pytest.raises(NotShown, match="what it decodes to is too large"):
        developed(hostile, Form.POSTER, b"flood", output_bytes=4 << 20)


@pytest.mark.parametrize("size_bytes", [0, 1, 4096])
def test_pieces_without_an_end_are_cut_off_whatever_they_hold(
    hostile: Darkroom, size_bytes: int
) -> None:
    with pytest.raises(NotShown, match="says more than any file holds"):
        developed(hostile, Form.FILM, str(size_bytes).encode(), output_bytes=4 << 20)


@pytest.mark.parametrize("what", ["crash", "raise"])
def test_a_decoder_that_breaks_is_a_sentence_and_the_next_file_is_decoded(
    hostile: Darkroom, what: str
) -> None:
    with pytest.raises(NotShown, match="it broke its decoder"):
        tried(hostile, what)
    assert tried(hostile, "read a file").startswith("refused")


def test_a_worker_sees_nothing_of_the_programs_environment(
    hostile: Darkroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QANAT_HOME", "a secret place")
    assert "QANAT_HOME" not in developed(hostile, Form.SOUND, b"?").head.words


GOOD_HEAD = record_bytes(Record.HEAD, Head("image/jpeg", "x"))


def head_with(**changed: object) -> bytes:
    value = {"media_type": "image/jpeg", "words": "", "width": 1, "height": 1, "duration_s": 0}
    text = json.dumps({**value, "note": "", **changed}).encode()
    return b"H" + len(text).to_bytes(4, "big") + text


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"H",
        b"\xff" * 40,
        b"H\xff\xff\xff\xff{}",
        b"H\0\0\0\2[]",
        b"H\0\0\0\1{",
        head_with(media_type="text/html"),
        head_with(width=1e300),
        head_with(width="1"),
        head_with(height=True),
        head_with(duration_s=-1),
        head_with(words="x" * 301),
        head_with(note=7),
        record_bytes(Record.PIECE, Piece(0, b"no head")),
        GOOD_HEAD,
        GOOD_HEAD + GOOD_HEAD,
        GOOD_HEAD + record_bytes(Record.PIECE, Piece(1 << 60, b"far")),
        GOOD_HEAD + b"P\0\0\0\1x",
        GOOD_HEAD + b"Z\0\0\0\0",
        GOOD_HEAD + record_bytes(Record.END, "") + GOOD_HEAD,
    ],
)
def test_an_answer_that_is_none_is_refused(hostile: Darkroom, answer: bytes) -> None:
    with pytest.raises(NotShown, match=r"broke|too large"):
        developed(hostile, Form.BLACKED, answer)


def test_what_a_worker_says_is_made_printable(hostile: Darkroom) -> None:
    with pytest.raises(NotShown) as caught:
        developed(hostile, Form.BLACKED, record_bytes(Record.FAULT, "a\x1b[31m\u202e<b>"))
    assert str(caught.value) == "a\N{REPLACEMENT CHARACTER}[31m\N{REPLACEMENT CHARACTER}<b>"


def test_a_worker_that_is_killed_is_started_again(hostile: Darkroom) -> None:
    assert hostile._worker is not None
    os.kill(hostile._worker._process.pid, signal.SIGKILL)
    hostile._worker._process.wait()
    assert tried(hostile, "fork").startswith("refused")


def test_nothing_is_left_open_behind_files_that_were_given_up(hostile: Darkroom) -> None:
    def given_up() -> None:
        development = hostile.develop(Job(Form.POSTER, 5, PICTURE_LIMITS), iter([b"flood"]))
        pieces = iter(development)
        assert isinstance(next(pieces), Head)
        next(pieces)
        development.stop()
        with pytest.raises(NotShown, match="not wanted"):
            for _ in pieces:
                pass

    given_up()
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(10):
        given_up()
    assert len(list(Path("/proc/self/fd").iterdir())) == before
    assert hostile._worker is not None
    pid = hostile._worker._process.pid
    assert Path(f"/proc/{pid}/task/{pid}/children").read_text() == ""


def test_a_file_is_not_looked_at_before_it_was_found_whole(hostile: Darkroom) -> None:
    class Damaged(Exception):
        """Raised where a body is not what it was."""

    def damaged() -> Iterator[bytes]:
        yield b"look at "
        raise Damaged

    with pytest.raises(Damaged):
        list(hostile.develop(Job(Form.PICTURE, 14, PICTURE_LIMITS), damaged()))
    with pytest.raises(NotShown, match="not as long as its letter says"):
        list(hostile.develop(Job(Form.PICTURE, 14, PICTURE_LIMITS), iter([b"look"])))


def test_the_real_worker_says_what_keeps_it_in(darkroom: Darkroom) -> None:
    assert darkroom.ready.refuses_calls


def test_a_worker_that_does_not_start_is_a_sentence() -> None:
    room = Darkroom(program=(sys.executable, "-c", "raise SystemExit(1)"))
    with pytest.raises(NotShown, match="'desk' extra"):
        tried(room, "fork")
    room.close()
    with pytest.raises(NotShown, match="being closed"):
        tried(room, "fork")
