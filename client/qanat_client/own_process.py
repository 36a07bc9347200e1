"""What a program does to its own process before it holds anything readable.

Called once by each command line. Never imports anything heavy.
"""

import io
import resource
import sys

__all__ = ["guard_process"]


def guard_process() -> None:
    """Leave no core file behind, and fail at no letter that the terminal can't show.

    A crash in any library would else write texts, codes and keys from memory to the disk.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, hard))
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
