"""Where strangers' files are developed: the worker's parent. It feeds, listens, and ends the worker
when a limit is reached; it decodes nothing itself."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from qanat_client.desk.media.asking import (
    Answers,
    DecodersMissing,
    Head,
    Job,
    NotShown,
    Piece,
    Readiness,
    job_bytes,
)
from qanat_client.desk.media.worker import NUMBER_BYTES, REAP, START

__all__ = ["WORKER", "Darkroom", "Development"]

WORKER: Final = (sys.executable, "-I", "-m", "qanat_client.desk.media.worker")
AT_ONCE: Final = 2
_READ_BYTES: Final = 256 << 10
_FIRST_WORD_S: Final = 120.0
"""Loading every decoder takes a second; a slow disk has its time."""
_LOOK_UP_S: Final = 0.5
"""As often as it looks whether it was stopped."""
_MAX_FIRST_WORD: Final = 4096
_BROKE: Final = "it broke its decoder: it is damaged, or made to do harm"
_SIGNALS: Final = {
    signal.SIGXCPU: "decoding it takes longer than it is given",
    signal.SIGKILL: "decoding it takes more time or memory than it is given",
}


@dataclass(frozen=True, slots=True)
class _Fork:
    """A worker's fork and our ends of its pipes."""

    number: int
    into: int
    out_of: int


class _Worker:
    """The process that forks. Raises ConnectionError where it is gone."""

    def __init__(self, program: Sequence[str]) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [*program, str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=(theirs.fileno(),),
                env={},
                cwd="/",
                start_new_session=True,
            )
        self._control = ours
        ours.settimeout(_FIRST_WORD_S)
        try:
            self.ready = self._first_word()
        except OSError:
            self.close()
            raise ConnectionError from None

    def _first_word(self) -> Readiness:
        said = b""
        while not said.endswith(b"\n"):
            more = self._control.recv(_MAX_FIRST_WORD)
            if not more or len(said) > _MAX_FIRST_WORD:
                raise ConnectionError
            said += more
        return Readiness(**json.loads(said))

    def fork(self) -> _Fork:
        """A fork that waits to be asked."""
        their_in, into = os.pipe()
        out_of, their_out = os.pipe()
        try:
            socket.send_fds(self._control, [START], [their_in, their_out])
            number = self._number()
        except OSError:
            os.close(into)
            os.close(out_of)
            raise ConnectionError from None
        finally:
            os.close(their_in)
            os.close(their_out)
        return _Fork(number, into, out_of)

    def end(self, number: int) -> int:
        """Make an end of a fork; returns its status. Nobody else has its number until then."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(number, signal.SIGKILL)
        try:
            self._control.sendall(REAP + number.to_bytes(NUMBER_BYTES, "big"))
            return self._number()
        except OSError:
            raise ConnectionError from None

    def _number(self) -> int:
        said = b""
        while len(said) < NUMBER_BYTES:
            more = self._control.recv(NUMBER_BYTES - len(said))
            if not more:
                raise ConnectionError
            said += more
        return int.from_bytes(said, "big")

    def close(self) -> None:
        """Without its parent it ends, and its forks with it."""
        self._control.close()
        try:
            self._process.wait(5.0)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


class Darkroom:
    """The worker, kept ready. For any threads; as many files at once as there are slots."""

    def __init__(self, *, program: Sequence[str] = WORKER, at_once: int = AT_ONCE) -> None:
        self._program = program
        self._slots = threading.BoundedSemaphore(at_once)
        self._lock = threading.Lock()
        self._worker: _Worker | None = None
        self._is_closed = False

    @property
    def ready(self) -> Readiness:
        """What the worker has; starts it. Raises NotShown."""
        with self._lock:
            return self._started().ready

    def _started(self) -> _Worker:
        if self._is_closed:
            raise DecodersMissing("the desk is being closed")
        if self._worker is None:
            try:
                self._worker = _Worker(self._program)
            except ConnectionError:
                raise DecodersMissing(
                    "the decoders do not start: install Qanat with its 'desk' extra"
                ) from None
        return self._worker

    def _forget(self) -> None:
        if self._worker is not None:
            self._worker.close()
            self._worker = None

    def _fork(self) -> _Fork:
        with self._lock:
            try:
                return self._started().fork()
            except ConnectionError:
                self._forget()
            try:
                return self._started().fork()
            except ConnectionError:
                self._forget()
                raise DecodersMissing("the decoders do not start; try again") from None

    def _end(self, number: int) -> int:
        with self._lock:
            try:
                return 0 if self._worker is None else self._worker.end(number)
            except ConnectionError:
                self._forget()
                return 0

    def develop(self, job: Job, file: Iterator[bytes]) -> Development:
        """Make something of a file, whose bytes come from the iterator; what that raises is raised.

        What comes out is to be taken until it ends, or closed.
        """
        return Development(self, job, file)

    def close(self) -> None:
        """End the worker and what it is doing, for good."""
        with self._lock:
            self._is_closed = True
            self._forget()


class Development:
    """One file on its way through the worker. Iterate over it in a thread that may wait."""

    def __init__(self, darkroom: Darkroom, job: Job, file: Iterator[bytes]) -> None:
        self._darkroom = darkroom
        self._job = job
        self._file = file
        self._answers = Answers(job.limits.output_bytes)
        self._is_stopped = threading.Event()

    @property
    def note(self) -> str:
        """What was left out, in words; known at the end."""
        return self._answers.note

    def stop(self) -> None:
        """From any thread: what is being made is not wanted any more."""
        self._is_stopped.set()

    def __iter__(self) -> Iterator[Head | Piece]:
        """A Head and then Pieces, to the end. Raises NotShown."""
        with self._darkroom._slots:
            fork = self._darkroom._fork()
            open_ends = {fork.into, fork.out_of}
            status: int | None = None
            try:
                os.set_blocking(fork.into, False)
                yield from self._talk(fork, open_ends)
            finally:
                for end in open_ends:
                    os.close(end)
                status = self._darkroom._end(fork.number)
            if not self._answers.is_ended:
                raise NotShown(_why(status))

    def _talk(self, fork: _Fork, open_ends: set[int]) -> Iterator[Head | Piece]:
        until = time.monotonic() + self._job.limits.wall_s
        waiting = memoryview(job_bytes(self._job))
        given = 0
        is_fed = False
        while True:
            if self._is_stopped.is_set():
                raise NotShown("it is not wanted any more")
            if (left_s := until - time.monotonic()) <= 0:
                raise NotShown("decoding it takes longer than it is given")
            if not waiting and not is_fed:
                piece = next(self._file, None)
                if piece is None:
                    if given != self._job.length:
                        raise NotShown("it is not as long as its letter says")
                    piece, is_fed = b".", True
                else:
                    given += len(piece)
                waiting = memoryview(piece)
                continue
            poll = select.poll()
            poll.register(fork.out_of, select.POLLIN)
            if waiting and fork.into in open_ends:
                poll.register(fork.into, select.POLLOUT)
            turned = {end for end, _ in poll.poll(min(left_s, _LOOK_UP_S) * 1000)}
            if fork.into in turned:
                try:
                    waiting = waiting[os.write(fork.into, waiting) :]
                except BrokenPipeError:
                    # It has an answer, or has ended: both are read.
                    os.close(fork.into)
                    open_ends.discard(fork.into)
                    waiting, is_fed = memoryview(b""), True
            if fork.out_of in turned:
                data = os.read(fork.out_of, _READ_BYTES)
                if not data:
                    return
                yield from self._answers.feed(data)


def _why(status: int) -> str:
    if os.WIFSIGNALED(status):
        return _SIGNALS.get(signal.Signals(os.WTERMSIG(status)), _BROKE)
    return _BROKE
