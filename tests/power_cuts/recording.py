"""Writes down what a program does to the files of one folder, in the order in which it was done.

The program runs under ptrace, driven from here with ctypes. What else could see every write, fsync
and rename was weighed: an LD_PRELOAD library needs a compiler and strace a package, and a fresh
machine has neither; a file system in user space needs root and a kernel module; a SQLite VFS made
in Python lives in a SQLite library of its own, so neither the standard library's SQLite nor the
vault's would use it, nor the spool, which is plain files; Python's audit hooks see no write of
SQLite. ptrace is there on every Linux, for a plain user, for C and Python alike, and
`PTRACE_GET_SYSCALL_INFO` (Linux 5.3) says the same on every processor; only the numbers of the
calls differ.

Usage: python -m tests.power_cuts.recording LOG FOLDER PROGRAM [ARGUMENT...]

What the program writes to its standard output is what it has said, and stands in the log beside
what it did. SQLite's -shm files are left out: they are memory, made anew from the -wal beside them.
"""

import ctypes
import os
import platform
import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgpack

__all__ = ["CALLS", "Record", "is_possible", "record"]

Record = list[Any]
"""Its name, then: create path file | rename old new | unlink path | mkdir path | rmdir path | write
file offset data | truncate file size | sync file begun | sync_names path begun | said text. Paths
are relative to the folder; `file` is a number that stays with a file when it is renamed; `begun` is
how many records there were when the fsync began: it waits for those alone."""

CALLS: dict[str, dict[int, str]] = {
    "x86_64": {
        1: "write", 18: "pwrite", 77: "ftruncate", 74: "fsync", 75: "fsync", 2: "open",
        257: "openat", 82: "rename", 264: "renameat", 316: "renameat", 87: "unlink",
        263: "unlinkat", 83: "mkdir", 258: "mkdirat", 84: "rmdir",
    },
    "aarch64": {
        64: "write", 68: "pwrite", 46: "ftruncate", 82: "fsync", 83: "fsync", 56: "openat",
        38: "renameat", 276: "renameat", 35: "unlinkat", 34: "mkdirat",
    },
}  # fmt: skip
"""By processor: number of a system call -> what it is. fdatasync keeps all that a reader needs."""

_TRACEME, _SYSCALL, _SETOPTIONS, _GET_SYSCALL_INFO = 0, 24, 0x4200, 0x420E
_OPTIONS = 0x0010_0000 | 0b1_1111
"""Kill the program with the recorder; follow fork, vfork, clone and exec; mark stops at calls."""
_AT_CALL = signal.SIGTRAP | 0x80
_ENTRY, _EXIT = 1, 2
_WAIT_ALL = 0x4000_0000
_WORKING_FOLDER = -100
_REMOVE_FOLDER = 0x200


class _Info(ctypes.Structure):
    """struct ptrace_syscall_info. `values`: number and six arguments, or the result."""

    _fields_ = (
        ("op", ctypes.c_uint8),
        ("arch", ctypes.c_uint32),
        ("instruction", ctypes.c_uint64),
        ("stack", ctypes.c_uint64),
        ("values", ctypes.c_uint64 * 8),
    )


_libc = ctypes.CDLL(None, use_errno=True)
if sys.platform == "linux":
    _libc.ptrace.restype = ctypes.c_long
    _libc.ptrace.argtypes = (ctypes.c_long, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)


def is_possible() -> bool:
    """Whether this system and processor are known here."""
    return sys.platform == "linux" and platform.machine() in CALLS


def _ptrace(request: int, pid: int, address: int = 0, data: int = 0) -> int:
    done = int(_libc.ptrace(request, pid, address, data))
    if done < 0:
        error = ctypes.get_errno()
        raise OSError(error, f"ptrace {request:#x}: {os.strerror(error)}")
    return done


class _Recorder:
    """The log of one program, and which of its calls are under way."""

    def __init__(self, folder: Path) -> None:
        self.records: list[Record] = []
        self._folder = f"{folder.resolve()}/"
        there = sorted(
            path for path in folder.rglob("*") if path.is_file() and not path.name.endswith("-shm")
        )
        self._files = {
            path.relative_to(folder).as_posix(): number for number, path in enumerate(there)
        }
        self._next = len(self._files)
        self._calls = CALLS[platform.machine()]
        self._under_way: dict[int, Callable[[int], None]] = {}

    def at_call(self, pid: int) -> None:
        """A thread is about to make a call, or has made it."""
        info = _Info()
        _ptrace(_GET_SYSCALL_INFO, pid, ctypes.sizeof(info), ctypes.addressof(info))
        if info.op == _ENTRY:
            number, *arguments = info.values
            name = self._calls.get(number)
            if name is not None:
                self._under_way[pid] = getattr(self, f"_{name}")(pid, *arguments)
        elif info.op == _EXIT:
            finish = self._under_way.pop(pid, None)
            result = ctypes.c_int64(info.values[0]).value
            if finish is not None and result >= 0:
                finish(result)

    # What each call does: looked at when it begins, written down when it has been done.

    def _write(self, pid: int, fd: int, buffer: int, size: int, *_: int) -> Callable[[int], None]:
        if fd == 1:
            self.records.append(["said", _memory(pid, buffer, size).decode()])
            return _nothing
        file = self._file(pid, fd)
        if file is None:
            return _nothing
        data = _memory(pid, buffer, size)

        def finish(result: int) -> None:
            lines = Path(f"/proc/{pid}/fdinfo/{fd}").read_text("ascii").split()
            self.records.append(["write", file, int(lines[1]) - result, data[:result]])

        return finish

    def _pwrite(
        self, pid: int, fd: int, buffer: int, size: int, offset: int, *_: int
    ) -> Callable[[int], None]:
        file = self._file(pid, fd)
        if file is None:
            return _nothing
        data = _memory(pid, buffer, size)
        return lambda result: self.records.append(["write", file, offset, data[:result]])

    def _ftruncate(self, pid: int, fd: int, size: int, *_: int) -> Callable[[int], None]:
        file = self._file(pid, fd)
        if file is None:
            return _nothing
        return lambda _: self.records.append(["truncate", file, size])

    def _fsync(self, pid: int, fd: int, *_: int) -> Callable[[int], None]:
        begun, path = len(self.records), self._opened(pid, fd)
        if path is None:
            return _nothing
        if path in self._files:
            return lambda _: self.records.append(["sync", self._files[path], begun])
        return lambda _: self.records.append(["sync_names", path, begun])

    def _open(self, pid: int, path: int, flags: int, *_: int) -> Callable[[int], None]:
        return self._openat(pid, _WORKING_FOLDER, path, flags)

    def _openat(
        self, pid: int, folder: int, path: int, flags: int, *_: int
    ) -> Callable[[int], None]:
        if not flags & (os.O_CREAT | os.O_TRUNC):
            return _nothing
        name = self._named(pid, folder, path)
        if name is None:
            return _nothing

        def finish(_: int) -> None:
            if name not in self._files:
                self._files[name] = self._next
                self._next += 1
                self.records.append(["create", name, self._files[name]])
            elif flags & os.O_TRUNC:
                self.records.append(["truncate", self._files[name], 0])

        return finish

    def _rename(self, pid: int, old: int, new: int, *_: int) -> Callable[[int], None]:
        return self._renameat(pid, _WORKING_FOLDER, old, _WORKING_FOLDER, new)

    def _renameat(
        self, pid: int, old_folder: int, old: int, new_folder: int, new: int, *_: int
    ) -> Callable[[int], None]:
        source, target = self._named(pid, old_folder, old), self._named(pid, new_folder, new)
        if source is None and target is None:
            return _nothing
        assert source is not None, "a file came from another folder"
        assert target is not None, "a file went to another folder"
        assert Path(source).parent == Path(target).parent, "a file went to another folder"

        def finish(_: int) -> None:
            self._files[target] = self._files.pop(source)
            self.records.append(["rename", source, target])

        return finish

    def _unlink(self, pid: int, path: int, *_: int) -> Callable[[int], None]:
        return self._unlinkat(pid, _WORKING_FOLDER, path, 0)

    def _rmdir(self, pid: int, path: int, *_: int) -> Callable[[int], None]:
        return self._unlinkat(pid, _WORKING_FOLDER, path, _REMOVE_FOLDER)

    def _unlinkat(
        self, pid: int, folder: int, path: int, flags: int, *_: int
    ) -> Callable[[int], None]:
        name = self._named(pid, folder, path)
        if flags & _REMOVE_FOLDER:
            return _nothing if name is None else lambda _: self.records.append(["rmdir", name])
        if name not in self._files:
            return _nothing

        def finish(_: int) -> None:
            del self._files[name]
            self.records.append(["unlink", name])

        return finish

    def _mkdir(self, pid: int, path: int, *_: int) -> Callable[[int], None]:
        return self._mkdirat(pid, _WORKING_FOLDER, path)

    def _mkdirat(self, pid: int, folder: int, path: int, *_: int) -> Callable[[int], None]:
        name = self._named(pid, folder, path)
        return _nothing if name is None else lambda _: self.records.append(["mkdir", name])

    # Which file a call is about

    def _within(self, path: str) -> str | None:
        inside = path.startswith(self._folder) and not path.endswith(("-shm", " (deleted)"))
        return path.removeprefix(self._folder) if inside else None

    def _opened(self, pid: int, fd: int) -> str | None:
        try:
            path = str(Path(f"/proc/{pid}/fd/{fd}").readlink())
        except OSError:
            return None  # the call will fail too
        return "." if f"{path}/" == self._folder else self._within(path)

    def _file(self, pid: int, fd: int) -> int | None:
        path = self._opened(pid, fd)
        return None if path is None else self._files[path]

    def _named(self, pid: int, folder: int, path: int) -> str | None:
        given = _memory(pid, path, 4096).partition(b"\0")[0]
        at = ctypes.c_int32(folder & 0xFFFF_FFFF).value
        place = f"/proc/{pid}/cwd" if at == _WORKING_FOLDER else f"/proc/{pid}/fd/{at}"
        whole = os.path.normpath(Path(place).readlink() / os.fsdecode(given))
        return self._within(whole)


def _nothing(_: int) -> None:
    pass


def _memory(pid: int, address: int, size: int) -> bytes:
    """Up to `size` bytes of the program: fewer where its memory ends."""
    with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as memory:
        found = b""
        while len(found) < size:
            memory.seek(address + len(found))
            try:
                more = memory.read(min(size - len(found), 4096 - (address + len(found)) % 4096))
            except OSError:
                break
            found += more
        return found


def record(
    folder: Path, program: Callable[[], None], *, kill_after: int | None = None
) -> list[Record]:
    """Run a program, in a process of its own, and return what it did in `folder`.

    To its end, or until it is killed as soon as there are `kill_after` records. For a process that
    has no other child. Raises OSError where ptrace is not allowed, ChildProcessError when the
    program fails.
    """
    recorder = _Recorder(folder)
    pid_of_program = _start(program)
    _, status = os.waitpid(pid_of_program, 0)
    if not os.WIFSTOPPED(status):
        raise PermissionError("this system does not let a program trace its own child")
    _ptrace(_SETOPTIONS, pid_of_program, 0, _OPTIONS)
    _ptrace(_SYSCALL, pid_of_program)
    known, ended_with, is_killed = {pid_of_program}, 0, False
    while True:
        try:
            pid, status = os.waitpid(-1, _WAIT_ALL)
        except ChildProcessError:
            break
        if not os.WIFSTOPPED(status):
            if pid == pid_of_program:
                ended_with = status
            continue
        stopped_by = os.WSTOPSIG(status)
        try:
            if stopped_by == _AT_CALL:
                recorder.at_call(pid)
                stopped_by = 0
            elif status >> 16 or pid not in known:
                stopped_by = 0  # a note of ptrace's own, or the stop that a new thread begins with
            known.add(pid)
            if kill_after is not None and not is_killed and len(recorder.records) >= kill_after:
                is_killed = True
                os.kill(pid_of_program, signal.SIGKILL)
            _ptrace(_SYSCALL, pid, 0, stopped_by)
        except (ProcessLookupError, FileNotFoundError):
            continue  # it was killed meanwhile
    if ended_with and not is_killed:
        raise ChildProcessError(f"it ended with {os.waitstatus_to_exitcode(ended_with)}")
    return recorder.records


def _start(program: Callable[[], None]) -> int:
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            _ptrace(_TRACEME, 0)
            os.kill(os.getpid(), signal.SIGSTOP)
            program()
            code = 0
        except BaseException:
            traceback.print_exc()
            raise
        finally:
            os._exit(code)
    return pid


if __name__ == "__main__":
    words = sys.argv[3:]
    found = record(Path(sys.argv[2]), lambda: os.execvp(words[0], words))  # noqa: S606 - of tests
    Path(sys.argv[1]).write_bytes(msgpack.packb(found))
