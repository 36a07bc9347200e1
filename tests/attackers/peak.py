"""Programs run as processes of their own, and the most memory that each had resident."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.client.reporter_runs import Ran

_MODULES = {"qanat": "qanat_client.reporter.cli", "qanat-desk": "qanat_client.desk.cli"}

# A process's own high-water mark: what the system tells of children includes their parent's.
_RUN = """
import pathlib, re, sys
from {module} import main
try:
    code = main()
finally:
    status = pathlib.Path("/proc/self/status").read_text()
    print("PEAK", re.search(r"VmHWM:\\s+(\\d+) kB", status)[1], file=sys.stderr)
sys.exit(code)
"""


@dataclass
class Measured(Ran):
    """What a program left behind, and its peak of resident memory in bytes."""

    peak_bytes: int

    @property
    def json(self) -> Any:
        return super().json


async def measured(program: str, *arguments: str | Path) -> Measured:
    """Run `qanat` or `qanat-desk` to its end."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", _RUN.format(module=_MODULES[program]), *map(str, arguments)),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    said, _, peak = err.decode().rpartition("PEAK ")
    assert process.returncode is not None
    return Measured(process.returncode, out.decode(), said, int(peak) * 1024)


def resident_peak_bytes(pid: int) -> int:
    """The high-water mark of a process that runs."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise AssertionError("the system tells no peak")


def resident_bytes(pid: int) -> int:
    """What a process that runs has resident now."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise AssertionError("the system tells no resident memory")
