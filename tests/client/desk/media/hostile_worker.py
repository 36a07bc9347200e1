"""A worker that was taken over: it is confined as the real one is, and tries what the file says."""

from __future__ import annotations

import ctypes
import io
import mmap
import os
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path

from qanat_client.desk.media import confinement, worker
from qanat_client.desk.media.asking import (
    Form,
    Head,
    Job,
    Piece,
    Readiness,
    Record,
    record_bytes,
)

Emit = Callable[[Head | Piece], None]
HEAD = Head("image/jpeg", "done")


def spin() -> None:
    """Use the processor."""
    while True:
        pass


def hoard() -> None:
    """Take memory until there is none."""
    held = []
    while True:
        held.append(bytearray(16 << 20))


def run_memory() -> None:
    """Make memory that can be run."""
    mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)


def call(number: int, *arguments: int) -> None:
    """A system call past the library. Raises OSError."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.syscall(number, *arguments) < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


NAME = ctypes.create_string_buffer(b"user", 256)
OWN_PIPE = 1


class Span(ctypes.Structure):
    """Where memory begins, and how many bytes."""

    _fields_ = (("at", ctypes.c_void_p), ("size", ctypes.c_size_t))


def read_memory(pid: int, *, number: int = 310) -> None:
    """Read a word of another process; 311 writes it. Raises OSError."""
    here = Span(ctypes.addressof(NAME), 8)
    there = Span(ctypes.addressof(NAME), 8)
    call(number, pid, ctypes.addressof(here), 1, ctypes.addressof(there), 1, 0)


ATTEMPTS: dict[str, Callable[[], object]] = {
    "read a file": lambda: os.open("/etc/passwd", os.O_RDONLY),
    "write a file": lambda: os.open("/tmp/qanat-media", os.O_CREAT | os.O_WRONLY),
    "list a folder": lambda: list(Path("/").iterdir()),
    "look at a file": Path("/etc/passwd").stat,
    "remove a file": Path("/tmp/qanat-media").unlink,
    "make a socket": socket.socket,
    "make a local socket": lambda: socket.socket(socket.AF_UNIX),
    "make a pipe": os.pipe,
    "fork": os.fork,
    "start a program": lambda: os.execv("/bin/sh", ["sh"]),  # noqa: S606 # it is refused
    "end its parent": lambda: os.kill(os.getppid(), 9),
    "look into its parent": lambda: call(101, 16, os.getppid(), 0, 0),
    "read its parent's memory": lambda: read_memory(os.getppid()),
    "write its parent's memory": lambda: read_memory(os.getppid(), number=311),
    "trace its parent": lambda: call(101, 0x4206, os.getppid(), 0, 0),
    "take its parent's files": lambda: call(434, os.getppid(), 0),
    "stop its neighbour": lambda: call(234, os.getppid(), os.getppid(), 19),
    "share memory": lambda: call(29, 0, 4096, 0o1600),
    "make a file in memory": lambda: call(319, ctypes.addressof(NAME), 0),
    "look into the keyring": lambda: call(250, 0, -3, 0),
    "add a key": lambda: call(248, ctypes.addressof(NAME), ctypes.addressof(NAME), 0, 0, -3),
    "make a queue of calls": lambda: call(425, 8, ctypes.addressof(NAME)),
    "watch the kernel": lambda: call(298, 0, 0, -1, -1, 0),
    "load a program into the kernel": lambda: call(321, 0, 0, 0),
    "call by the other numbers": lambda: call(0x40000000 + 39),
    "duplicate a pipe": lambda: os.dup(OWN_PIPE),
    "become another user": lambda: call(105, 0),
    "be seen again": lambda: call(157, 4, 1, 0, 0, 0),
    "leave its namespace": lambda: call(272, 0x10000000),
    "run memory": run_memory,
    "raise a limit": lambda: call(160, 7, 0),
    "spin": spin,
    "hoard": hoard,
    "sleep": lambda: time.sleep(600),
    "crash": lambda: ctypes.string_at(0),
    "raise": lambda: 1 // 0,
}


def no_filter(libc: ctypes.CDLL, *, threads: bool) -> bool:
    """As on a system whose kernel refuses no calls."""
    return False


def attempt(job: Job, data: io.BytesIO, emit: Emit) -> str:
    """What the file names; the answer says how it went."""
    wish = data.getvalue().decode()
    try:
        ATTEMPTS[wish]()
    except OSError as error:
        emit(Head("image/jpeg", f"refused: {error.strerror}"))
        return ""
    emit(Head("image/jpeg", "it worked"))
    return ""


def lie(job: Job, data: io.BytesIO, emit: Emit) -> str:
    """Answer with the file itself, as if it were records."""
    answer = data.getvalue()
    for target in range(3, 64):
        try:
            os.write(target, answer)
        except OSError:
            continue
    os._exit(0)


def flood(job: Job, data: io.BytesIO, emit: Emit) -> str:
    """Answer without an end."""
    emit(HEAD)
    at = 0
    while True:
        emit(Piece(at, bytes(1 << 16)))
        at += 1 << 16


def stutter(job: Job, data: io.BytesIO, emit: Emit) -> str:
    """Answer with pieces of nothing, or with the same piece, as fast as it can."""
    emit(HEAD)
    piece = record_bytes(Record.PIECE, Piece(0, bytes(int(data.getvalue()))))
    pieces = piece * max(1, (1 << 16) // len(piece))
    target = next(each for each in range(3, 1024) if is_open_to_write(each))
    while True:
        os.write(target, pieces)


def is_open_to_write(number: int) -> bool:
    """Whether nothing can be written there without an error."""
    try:
        os.write(number, b"")
    except OSError:
        return False
    return True


def surroundings(job: Job, data: io.BytesIO, emit: Emit) -> str:
    """Tell what it can see."""
    emit(Head("image/jpeg", " ".join(sorted(os.environ))))
    return ""


if __name__ == "__main__":
    control = socket.socket(fileno=int(sys.argv[-1]))
    confinement.leave_the_world()
    if "no-filter" in sys.argv:
        confinement._filter = no_filter
    worker.serve(
        control,
        {
            Form.PICTURE: attempt,
            Form.POSTER: flood,
            Form.SOUND: surroundings,
            Form.BLACKED: lie,
            Form.FILM: stutter,
        },
        Readiness(),
    )
