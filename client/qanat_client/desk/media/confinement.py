"""The walls around a process that reads strangers' bytes. Each wall that this system does not have
is left out and said; never loosens anything.

Two steps: `leave_the_world` before anything is imported, for a process that will only fork, and
`confine` in each fork, behind which it can read and write the pipes that it has, and use memory and
time up to its limits. A limit of 0 open files alone keeps files and sockets away on every system.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import platform
import resource
import signal
import sys
from pathlib import Path
from typing import Final

__all__ = ["confine", "leave_the_world"]

_CLONE_NEWUSER: Final = 0x10000000
_CLONE_NEWNET: Final = 0x40000000
_PR_SET_PDEATHSIG: Final = 1
_PR_SET_DUMPABLE: Final = 4
_PR_SET_SECCOMP: Final = 22
_PR_SET_NO_NEW_PRIVS: Final = 38
_SECCOMP_MODE_FILTER: Final = 2
_NOBODY: Final = 65_534

# What a decoder needs: memory, time, and the pipes that it has. Everything else fails with EPERM.
_ALLOWED: Final = {
    "x86_64": {
        "read": 0, "write": 1, "close": 3, "fstat": 5, "lseek": 8, "munmap": 11, "brk": 12,
        "rt_sigaction": 13, "rt_sigprocmask": 14, "rt_sigreturn": 15, "writev": 20,
        "sched_yield": 24, "mremap": 25, "madvise": 28, "nanosleep": 35, "getpid": 39, "exit": 60,
        "gettimeofday": 96, "getrusage": 98, "times": 100, "sigaltstack": 131, "gettid": 186,
        "futex": 202, "sched_getaffinity": 204, "restart_syscall": 219, "clock_gettime": 228,
        "clock_getres": 229, "clock_nanosleep": 230, "exit_group": 231, "getrandom": 318,
        "rseq": 334,
    },
    "aarch64": {
        "read": 63, "write": 64, "close": 57, "fstat": 80, "lseek": 62, "munmap": 215, "brk": 214,
        "rt_sigaction": 134, "rt_sigprocmask": 135, "rt_sigreturn": 139, "writev": 66,
        "sched_yield": 124, "mremap": 216, "madvise": 233, "nanosleep": 101, "getpid": 172,
        "exit": 93, "gettimeofday": 169, "getrusage": 165, "times": 153, "sigaltstack": 132,
        "gettid": 178, "futex": 98, "sched_getaffinity": 123, "restart_syscall": 128,
        "clock_gettime": 113, "clock_getres": 114, "clock_nanosleep": 115, "exit_group": 94,
        "getrandom": 278, "rseq": 293,
    },
}  # fmt: skip
# Allowed for memory that can't be run: mmap, mprotect.
_MEMORY_CALLS: Final = {"x86_64": (9, 10), "aarch64": (222, 226)}
# Allowed for threads, where there may be any: clone, and set_robust_list. clone3 hides its flags,
# so it is said not to exist, and clone is used.
_CLONE: Final = {"x86_64": 56, "aarch64": 220}
_SET_ROBUST_LIST: Final = {"x86_64": 273, "aarch64": 99}
_CLONE3: Final = 435
_ARCHITECTURES: Final = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_PROT_EXEC: Final = 4
_CLONE_THREAD: Final = 0x00010000
_EPERM: Final = 1
_ENOSYS: Final = 38

# Classic BPF (linux/bpf_common.h) over struct seccomp_data: number, architecture, ..., arguments.
_LOAD: Final = 0x20
_JUMP_IF_EQUAL: Final = 0x15
_JUMP_IF_SET: Final = 0x45
_RETURN: Final = 0x06
_AT_NUMBER: Final = 0
_AT_ARCHITECTURE: Final = 4
_AT_FLAGS: Final = 16
_AT_PROTECTION: Final = 32
_ALLOW: Final = 0x7FFF0000
_FAIL: Final = 0x00050000 | _EPERM
_UNKNOWN: Final = 0x00050000 | _ENOSYS
_KILL: Final = 0x80000000


class _Instruction(ctypes.Structure):
    _fields_ = (
        ("code", ctypes.c_ushort),
        ("if_true", ctypes.c_ubyte),
        ("if_false", ctypes.c_ubyte),
        ("value", ctypes.c_uint32),
    )


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.POINTER(_Instruction)))


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def leave_the_world() -> bool:
    """No core file, no new privileges, no terminal's interrupts, no network where the kernel lets
    go of it. True if there is none. Must come before any thread."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    os.chdir("/")
    with contextlib.suppress(OSError):
        os.nice(5)
    if sys.platform != "linux":
        return False
    libc = _libc()
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
    # A namespace of users of its own also takes root's powers away.
    if libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNET) == 0:
        return True
    return bool(libc.unshare(_CLONE_NEWNET) == 0)


def confine(*, memory_bytes: int, cpu_s: int, keep: tuple[int, ...], threads: bool = False) -> bool:
    """Keep this process to its pipes `keep`, this much more memory than it has, and this much time.

    threads: whether it may have any; another process it gets nowhere. True if the kernel also
    refuses every call but those that a decoder needs.
    """
    highest = max(keep)
    for number in range(highest):
        if number not in keep:
            with contextlib.suppress(OSError):
                os.close(number)
    os.closerange(highest + 1, 1024)
    with contextlib.suppress(OSError):
        # Only where there is no namespace of users: in one, root has no powers.
        if os.geteuid() == 0:
            os.setgroups([])
            os.setgid(_NOBODY)
            os.setuid(_NOBODY)
    own = _address_space()
    _limit(resource.RLIMIT_AS, own + memory_bytes)
    # The first ends it with a signal that says why; the second whoever takes no notice.
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_s, cpu_s + 1))
    if not threads:
        _limit(resource.RLIMIT_NPROC, 0)
    if sys.platform != "linux":
        _limit(resource.RLIMIT_NOFILE, 0)
        return False
    libc = _libc()
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    _limit(resource.RLIMIT_NOFILE, 0)
    return _filter(libc, threads=threads)


def _limit(which: int, value: int) -> None:
    _, hard = resource.getrlimit(which)
    most = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(which, (most, most))


def _address_space() -> int:
    """Bytes that this process has mapped; a guess where the system does not tell."""
    try:
        pages = int(Path("/proc/self/statm").read_text("ascii").split()[0])
    except (OSError, ValueError):
        return 1 << 30
    return pages * resource.getpagesize()


def _filter(libc: ctypes.CDLL, *, threads: bool) -> bool:
    machine = platform.machine()
    # A 32-bit program on a 64-bit kernel makes other calls.
    if machine not in _ALLOWED or sys.maxsize < 1 << 32:
        return False
    to = dict.fromkeys(_ALLOWED[machine].values(), "allow")
    to |= dict.fromkeys(_MEMORY_CALLS[machine], "memory")
    to[_CLONE3] = "unknown"
    if threads:
        to |= {_CLONE[machine]: "clone", _SET_ROBUST_LIST[machine]: "allow"}
    ends = {
        "fail": [(_RETURN, 0, 0, _FAIL)],
        "allow": [(_RETURN, 0, 0, _ALLOW)],
        "unknown": [(_RETURN, 0, 0, _UNKNOWN)],
        "memory": [
            (_LOAD, 0, 0, _AT_PROTECTION),
            (_JUMP_IF_SET, 0, 1, _PROT_EXEC),
            (_RETURN, 0, 0, _FAIL),
            (_RETURN, 0, 0, _ALLOW),
        ],
        "clone": [
            (_LOAD, 0, 0, _AT_FLAGS),
            (_JUMP_IF_SET, 1, 0, _CLONE_THREAD),
            (_RETURN, 0, 0, _FAIL),
            (_RETURN, 0, 0, _ALLOW),
        ],
    }
    # The ends stand behind the comparisons, the first where none was true.
    at = 0
    places = {}
    for name, end in ends.items():
        places[name] = at
        at += len(end)
    code = [
        (_LOAD, 0, 0, _AT_ARCHITECTURE),
        (_JUMP_IF_EQUAL, 1, 0, _ARCHITECTURES[machine]),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, _AT_NUMBER),
        *(
            (_JUMP_IF_EQUAL, len(to) - 1 - index + places[name], 0, number)
            for index, (number, name) in enumerate(to.items())
        ),
        *(instruction for end in ends.values() for instruction in end),
    ]
    instructions = (_Instruction * len(code))(*(_Instruction(*fields) for fields in code))
    program = _Program(len(code), instructions)
    done = libc.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.byref(program), 0, 0)
    return bool(done == 0)
