"""Cuts the power of simulated machines: follows what is written to their disks while a run goes on,
and lays out what a disk may hold after a cut, by the model of tests/power_cuts.

Two sides of one fork. The run asks by writing a line to a file that nobody else writes to; the
recorder, which has stopped it for that write, does what is asked before the run goes on.
"""

from __future__ import annotations

import ctypes
import json
import mmap
import os
import platform
import signal
import struct
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any, NoReturn

from tests.power_cuts.disk import Disk, Remains
from tests.power_cuts.recording import CALLS, _Info, _libc, _memory, _ptrace, _Recorder

__all__ = ["Power", "run_recorded"]

_TRACEME, _CONTINUE, _TO_EXIT, _SETOPTIONS, _GET_SYSCALL_INFO = 0, 7, 24, 0x4200, 0x420E
_OPTIONS = 0x0010_0000 | 0b1001_1111
"""As the recorder of tests/power_cuts, and stops where the filter says."""
_AT_FILTER = 7
_AT_CALL = signal.SIGTRAP | 0x80
_WAIT_ALL = 0x4000_0000
_NO_NEW_PRIVILEGES, _SET_FILTER, _BY_PROGRAM = 38, 22, 2
_ASK, _LET = 0x7FF0_0000, 0x7FFF_0000
_MACHINES = 256

_BY_NUMBER = {"write", "pwrite", "ftruncate", "fsync"}
_PATH_AT = {
    "open": 0, "rename": 0, "unlink": 0, "mkdir": 0, "rmdir": 0,
    "openat": 1, "renameat": 1, "unlinkat": 1, "mkdirat": 1,
}  # fmt: skip
"""Which argument is the path. Programs here name every file from the root."""


class Power:
    """The run's side."""

    def __init__(self, asking: int, fallen: mmap.mmap) -> None:
        self._asking, self._fallen = asking, fallen
        self._places: dict[Path, int] = {}

    def _ask(self, *words: object) -> None:
        os.write(self._asking, json.dumps(words).encode())

    def watch(self, folder: Path) -> None:
        """Follow what is written to a folder, which is there."""
        self._places[folder] = len(self._places)
        self._ask("watch", str(folder), self._places[folder])

    def arm(self, folder: Path, records: int) -> None:
        """Note a cut at the so many-th next record of a folder; 0 takes that back."""
        self._ask("arm", str(folder), records)

    def has_fallen(self, folder: Path) -> bool:
        """Whether the armed cut has come."""
        return self._fallen[self._places[folder]] == 1

    def succeed(self, last: Path, folder: Path, *, by_power: bool) -> None:
        """Lay out in `folder` what is left of `last` at its cut, or now; follow that instead."""
        self._places[folder] = len(self._places)
        self._ask("succeed", str(last), str(folder), self._places[folder], by_power)


class _Life:
    """One folder that is followed."""

    def __init__(self, folder: Path, place: int) -> None:
        self.place = place
        self.before = Remains.of(folder)
        self.recorder = _Recorder(folder)
        self.cut_at: int | None = None


class _Recording:
    """The recorder's side, for all folders of one run."""

    def __init__(self, asking: int, fallen: mmap.mmap, seed: str, place: Path) -> None:
        self._asking, self._fallen = asking, fallen
        self._place = f"{place.resolve()}/"
        self._lives: dict[str, _Life] = {}
        self._calls = CALLS[platform.machine()]
        self._under_way: dict[int, tuple[_Life | None, Callable[[int], None]]] = {}
        self._chance = Random(f"{seed} power")

    def begins(self, pid: int) -> bool:
        """A call that may matter begins; whether its end does."""
        info = _info(pid)
        number, *arguments = info.values
        name = self._calls[number]
        if name == "write" and arguments[0] == self._asking:
            with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as memory:
                memory.seek(arguments[1])
                words = json.loads(memory.read(arguments[2]))
            self._under_way[pid] = (None, lambda _: self._do(*words))
            return True
        if name == "write" and arguments[0] <= 2:
            return False
        life = self._life_of(pid, name, arguments)
        if life is None:
            return False
        finish = getattr(life.recorder, f"_{name}")(pid, *arguments)
        self._under_way[pid] = (life, finish)
        return True

    def _life_of(self, pid: int, name: str, arguments: list[int]) -> _Life | None:
        """Whose folder a call is about; None if it changes nothing in any."""
        if name in _BY_NUMBER:
            try:
                path = str(Path(f"/proc/{pid}/fd/{arguments[0]}").readlink())
            except OSError:
                return None
        else:
            at = _PATH_AT[name]
            if name.startswith("open") and not arguments[at + 1] & (os.O_CREAT | os.O_TRUNC):
                return None
            path = os.fsdecode(_memory(pid, arguments[at], 4096).partition(b"\0")[0])
        beginning = path.removeprefix(self._place)
        if beginning == path:
            return None
        return self._lives.get(f"{self._place}{beginning.partition('/')[0]}")

    def ends(self, pid: int) -> None:
        """The call has been made."""
        found = self._under_way.pop(pid, None)
        result = ctypes.c_int64(_info(pid).values[0]).value
        if found is None or result < 0:
            return
        life, finish = found
        finish(result)
        if life is None or life.cut_at is None:
            return
        if len(life.recorder.records) >= life.cut_at:
            self._fallen[life.place] = 1

    def _do(self, what: str, folder: str, *values: Any) -> None:
        match what, values:
            case "watch", [place]:
                self._lives[folder] = _Life(Path(folder), place)
            case "arm", [records]:
                life = self._lives[folder]
                life.cut_at = len(life.recorder.records) + records if records else None
            case "succeed", [target, place, by_power]:
                self._succeed(self._lives.pop(folder), Path(target), place, by_power=by_power)
            case _:
                raise AssertionError(f"nobody knows how to {what}")

    def _succeed(self, life: _Life, target: Path, place: int, *, by_power: bool) -> None:
        records = life.recorder.records
        at = len(records) if life.cut_at is None else min(life.cut_at, len(records))
        disk = Disk(life.before, records[:at])
        remains = disk.after(at, self._chance) if by_power else disk.unharmed()
        remains.lay_out(target)
        self._lives[str(target)] = _Life(target, place)


def _info(pid: int) -> _Info:
    info = _Info()
    _ptrace(_GET_SYSCALL_INFO, pid, ctypes.sizeof(info), ctypes.addressof(info))
    return info


class _Program(ctypes.Structure):
    """struct sock_fprog"""

    _fields_ = (("length", ctypes.c_ushort), ("steps", ctypes.c_void_p))


def _stop_at_calls() -> None:
    """Have the system stop this process at the calls that matter, and at no other."""
    numbers = sorted(CALLS[platform.machine()])
    load, is_equal, give = 0x20, 0x15, 0x06
    steps = struct.pack("<HBBI", load, 0, 0, 0)
    for at, number in enumerate(numbers):
        steps += struct.pack("<HBBI", is_equal, len(numbers) - at, 0, number)
    steps += struct.pack("<HBBI", give, 0, 0, _LET) + struct.pack("<HBBI", give, 0, 0, _ASK)
    held = ctypes.create_string_buffer(steps, len(steps))
    program = _Program(len(numbers) + 3, ctypes.addressof(held))
    if _libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0) or _libc.prctl(
        _SET_FILTER, _BY_PROGRAM, ctypes.byref(program), 0, 0
    ):
        raise OSError(ctypes.get_errno(), "the system takes no filter of calls")


def run_recorded(seed: str, place: Path, work: Callable[[Power], int]) -> int:
    """Fork, run `work` there under the recorder, and return its exit code.

    The folders of all machines lie directly in `place`. Raises PermissionError where ptrace is not
    allowed.
    """
    fallen = mmap.mmap(-1, _MACHINES * 16)
    asking = os.open(os.devnull, os.O_WRONLY)
    program = os.fork()
    if program == 0:
        _be_recorded(work, Power(asking, fallen))
    try:
        return _follow(program, _Recording(asking, fallen, seed, place))
    finally:
        os.close(asking)
        fallen.close()


def _be_recorded(work: Callable[[Power], int], power: Power) -> NoReturn:
    code = 70
    try:
        _ptrace(_TRACEME, 0)
        os.kill(os.getpid(), signal.SIGSTOP)
        _stop_at_calls()
        code = work(power)
    finally:
        os._exit(code)


def _follow(program: int, recording: _Recording) -> int:
    _, status = os.waitpid(program, 0)
    if not os.WIFSTOPPED(status):
        raise PermissionError("this system does not let a program trace its own child")
    _ptrace(_SETOPTIONS, program, 0, _OPTIONS)
    _ptrace(_CONTINUE, program)
    known = {program}
    ended_with = 0
    while True:
        try:
            pid, status = os.waitpid(-1, _WAIT_ALL)
        except ChildProcessError:
            return os.waitstatus_to_exitcode(ended_with)
        if not os.WIFSTOPPED(status):
            if pid == program:
                ended_with = status
            continue
        stopped_by, how = os.WSTOPSIG(status), _CONTINUE
        if status >> 16 == _AT_FILTER:
            stopped_by = 0
            if recording.begins(pid):
                how = _TO_EXIT
        elif stopped_by == _AT_CALL:
            recording.ends(pid)
            stopped_by = 0
        elif status >> 16 or pid not in known:
            stopped_by = 0
        known.add(pid)
        try:
            _ptrace(how, pid, 0, stopped_by)
        except ProcessLookupError:
            continue
