"""The program that reads strangers' media: it forks for each file, and the fork reads the file.

The process that forks never sees a byte of a file. It loads every decoder, says in one line of JSON
what keeps it in, then answers its parent over one socket: `S` with two pipes starts a fork and
gives its number, `R` and a number waits for one and gives its status. A fork reads what is asked
and the whole file from one pipe, lets itself be confined, looks into the file, answers on the other
pipe (`asking`), and ends.
"""

from __future__ import annotations

import gc
import io
import json
import os
import signal
import socket
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Final, NoReturn

from qanat_client.desk.media.asking import (
    Form,
    Head,
    Job,
    NotShown,
    Piece,
    Readiness,
    Record,
    parse_job,
    record_bytes,
)
from qanat_client.desk.media.confinement import confine, leave_the_world
from qanat_client.desk.media.formats import FIRST_BYTES, format_of

__all__ = ["NUMBER_BYTES", "REAP", "START", "main", "serve"]

NUMBER_BYTES: Final = 4
START: Final = b"S"
REAP: Final = b"R"
_READ_BYTES: Final = 1 << 20

_Emit = Callable[[Head | Piece], None]
Jobs = Mapping[Form, Callable[[Job, io.BytesIO, _Emit], str]]


class _Gone(Exception):
    """Nobody reads the answer any more."""


def _read(source: int, size: int) -> bytes:
    data = bytearray()
    while len(data) < size:
        piece = os.read(source, min(_READ_BYTES, size - len(data)))
        if not piece:
            raise _Gone
        data += piece
    return bytes(data)


def _write(target: int, data: bytes) -> None:
    view = memoryview(data)
    try:
        while view:
            view = view[os.write(target, view) :]
    except OSError:
        raise _Gone from None


def _file(source: int, length: int) -> io.BytesIO:
    """The whole file: what is verified only at its end is not decoded before."""
    data = io.BytesIO()
    while data.tell() < length:
        piece = os.read(source, min(_READ_BYTES, length - data.tell()))
        if not piece:
            raise _Gone
        data.write(piece)
    # One more byte says that its sender found it whole.
    if os.read(source, 1) != b".":
        raise _Gone
    data.seek(0)
    return data


def _develop(jobs: Jobs, source: int, target: int) -> None:
    """One file, from the first byte that is asked to the last of the answer."""
    job = parse_job(_read(source, int.from_bytes(_read(source, NUMBER_BYTES), "big")))
    data = _file(source, job.length)
    found = format_of(bytes(data.getbuffer()[:FIRST_BYTES]))
    confine(
        memory_bytes=job.limits.memory_bytes,
        cpu_s=job.limits.cpu_s,
        keep=(source, target),
        threads=found is not None and found.needs_threads,
    )

    def emit(what: Head | Piece) -> None:
        record = Record.HEAD if isinstance(what, Head) else Record.PIECE
        _write(target, record_bytes(record, what))

    try:
        note = jobs[job.form](job, data, emit)
        _write(target, record_bytes(Record.END, note))
    except NotShown as fault:
        _write(target, record_bytes(Record.FAULT, str(fault)))
    except MemoryError:
        gc.collect()
        _write(target, record_bytes(Record.FAULT, "decoding it takes more memory than it is given"))


def _fork(jobs: Jobs, control: socket.socket, source: int, target: int) -> int:
    child = os.fork()
    if child:
        return child
    try:
        control.close()
        _develop(jobs, source, target)
        os._exit(0)
    except _Gone:
        os._exit(0)
    finally:
        # Whatever else went wrong: a fork never goes on as the process that forks.
        os._exit(1)


def _refuses_calls() -> bool:
    """Tried in a fork, which does not get out again."""
    child = os.fork()
    if child == 0:
        os._exit(0 if confine(memory_bytes=1 << 20, cpu_s=1, keep=(0, 1)) else 1)
    return os.waitpid(child, 0)[1] == 0


def serve(control: socket.socket, jobs: Jobs, ready: Readiness) -> None:
    """Fork and wait as the parent says, until it is gone."""
    control.sendall(json.dumps(asdict(ready)).encode() + b"\n")
    gc.freeze()
    children: set[int] = set()
    while True:
        message, pipes, _, _ = socket.recv_fds(control, 1 + NUMBER_BYTES, 2)
        if message == START and len(pipes) == 2:
            child = _fork(jobs, control, *pipes)
            for pipe in pipes:
                os.close(pipe)
            children.add(child)
            control.sendall(child.to_bytes(NUMBER_BYTES, "big"))
        elif message[:1] == REAP and len(message) == 1 + NUMBER_BYTES:
            child = int.from_bytes(message[1:], "big")
            _, status = os.waitpid(child, 0)
            children.discard(child)
            control.sendall(status.to_bytes(NUMBER_BYTES, "big"))
        else:
            break
    for child in children:
        os.kill(child, signal.SIGKILL)


def main(arguments: list[str]) -> NoReturn:
    """The one argument is the number of the socket."""
    control = socket.socket(fileno=int(arguments[0]))
    has_no_network = leave_the_world()
    # Threads that wait for numbers in vain would not be forked along.
    os.environ.update({"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"})
    from qanat_client.desk.media.developing import JOBS, can_hash, warm_up

    warm_up()
    serve(control, JOBS, Readiness(has_no_network, _refuses_calls(), can_hash()))
    sys.exit(0)


if __name__ == "__main__":
    main(sys.argv[1:])
