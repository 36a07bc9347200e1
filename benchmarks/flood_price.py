"""What a flood of letters costs a relay and whoever sends it: seconds of a processor for each.

`python -m benchmarks.flood_price [--letters N] [--hashes N]`: a relay with little room as a
process, and beside it a flooder that sends valid letters without stamps over WebSockets of
loopback.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.chain import run_relay
from benchmarks.deposit import entry_of
from benchmarks.machine import look_at
from benchmarks.metered import compiled
from qanat_protocol.frames import Stamp
from qanat_protocol.stamp import FIRST_EFFORT, check_stamp, find_stamp

_SETTINGS = """
capacity_bytes = 67_108_864
partial_bytes = 16_777_216
largest_body_bytes = 1_048_576
"""
_QUOTA = 700
"""Letters that are more than such a relay takes for nothing."""

_CHECKS = 100_000


def _processor_s(pid: int) -> float:
    """What a process has used so far (Linux)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _flood(url: str, key: bytes, letters: int, sessions: int) -> dict[str, Any]:
    """What the flooder says when it has brought them all."""
    command = [sys.executable, "-m", "tests.attackers.flooder", url, key.hex()]
    command += ["--letters", str(letters), "--sessions", str(sessions)]
    # Its input stays open: it ends when all is brought.
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        said: dict[str, Any] = json.loads(process.stdout.readline())
        process.kill()
    return said


def _stamp_s(tries: int) -> tuple[float, float]:
    """Seconds of a processor for a stamp of the least effort, on average of so many tries, and for
    checking one."""
    begun_s = time.process_time()
    find_stamp(bytes(32), 0, 1 << 40, start=bytes(16), tries=tries)
    making_s = (time.process_time() - begun_s) / tries * FIRST_EFFORT
    shown = find_stamp(bytes(32), 0, 1, start=bytes(16), tries=1)
    assert isinstance(shown, Stamp), "any nonce shows an effort of 1"
    begun_s = time.process_time()
    checks = min(tries, _CHECKS)
    for _ in range(checks):
        check_stamp(shown, 0)
    return making_s, (time.process_time() - begun_s) / checks


def _show(what: str, relay_s: float, flooder_s: float, count: int) -> None:
    print(
        f"{what:<44}  {relay_s / count * 1e6:10,.0f}  {flooder_s / count * 1e6:10,.0f}"
        f"  {relay_s / flooder_s:6.2f}"
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--letters", type=int, default=5_000)
    parser.add_argument("--sessions", type=int, default=16)
    parser.add_argument("--hashes", type=int, default=4 * FIRST_EFFORT, help="for a stamp's price")
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as made:
        data = Path(made) / "relay"
        data.mkdir()
        (data / "relay.toml").write_text(_SETTINGS)
        print(look_at(data))
        with run_relay(data, compiled(Path(made) / "cache"), "127.0.0.1:0") as relay:
            card = entry_of(relay.url)
            # Once it has taken all that there is for nothing.
            begun_s = _processor_s(relay.pid)
            taken = _flood(relay.url, card.sealing_key, _QUOTA, 1)
            taking_s = _processor_s(relay.pid) - begun_s
            begun_s = _processor_s(relay.pid)
            said = _flood(relay.url, card.sealing_key, given.letters, given.sessions)
            refusing_s = _processor_s(relay.pid) - begun_s
    making_s, checking_s = _stamp_s(given.hashes)
    print("microseconds of a processor                        the relay  the flooder   ratio")
    _show(f"a letter, most of {_QUOTA} stored", taking_s, taken["cpu_s"], _QUOTA)
    refused = said.get("STAMP_WANTED", 0)
    _show(f"a letter, {refused:,} of {given.letters:,} refused", refusing_s, said["cpu_s"],
          given.letters)  # fmt: skip
    _show("a stamp of the least effort, and its check", checking_s, making_s, 1)
    return 0


if __name__ == "__main__":
    sys.exit(main())
