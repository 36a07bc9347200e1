"""What a test takes from a program before it starts: the right time, room, the powers of root.

Found by Python's start-up in PYTHONPATH; each handicap is a variable of the environment.
"""

import ctypes
import os
import resource
import time

_CAPABILITIES = 0x20080522
_DAC_OVERRIDE, _DAC_READ_SEARCH = 1, 2


def _shift_clock(seconds: float) -> None:
    real = time.time
    time.time = lambda: real() + seconds


def _limit_files(size_bytes: int) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, size_bytes))


def _obey_permissions() -> None:
    """Drop what lets root write where the permissions say no; others have nothing to drop."""
    if os.geteuid() != 0:
        return
    libc = ctypes.CDLL(None, use_errno=True)
    header = (ctypes.c_uint32 * 2)(_CAPABILITIES, 0)
    sets = (ctypes.c_uint32 * 6)()
    kept = ~(1 << _DAC_OVERRIDE | 1 << _DAC_READ_SEARCH)
    if libc.capget(header, sets) != 0:
        raise OSError(ctypes.get_errno(), "capget")
    sets[0] &= kept
    if libc.capset(header, sets) != 0:
        raise OSError(ctypes.get_errno(), "capset")


if "HANDICAP_CLOCK_S" in os.environ:
    _shift_clock(float(os.environ["HANDICAP_CLOCK_S"]))
if "HANDICAP_FILE_BYTES" in os.environ:
    _limit_files(int(os.environ["HANDICAP_FILE_BYTES"]))
if "HANDICAP_OBEY" in os.environ:
    _obey_permissions()
