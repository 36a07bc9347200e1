"""Looks for stamps in a process of its own: hashing in a thread would hold up whoever waits for it.

`python -m qanat_client.reporter.stamp_worker`: reads lines of parcel id (hex), epoch and effort,
answers each by a line with the nonce (hex), after one with the tries that it makes in a second.
Ends with its input, so never later than the program that began it.
"""

import os
import select
import sys
import time
from collections import deque

from qanat_protocol.stamp import find_stamp

_TRIES = 20_000
"""Between two looks at the input: some hundredths of a second."""

_MEASURED_TRIES = 4000
"""Some thousandths: the person waits."""


def _measured() -> int:
    """Tries in a second."""
    begun_s = time.perf_counter()
    find_stamp(bytes(32), 0, 1 << 40, start=os.urandom(16), tries=_MEASURED_TRIES)
    return max(1, int(_MEASURED_TRIES / (time.perf_counter() - begun_s)))


def main() -> None:
    """Work until the input ends."""
    # Behind all else here, and not by much: the person waits.
    os.nice(5)
    source = sys.stdin.fileno()
    print(_measured(), flush=True)
    jobs: deque[list[str]] = deque()
    unread = b""
    while True:
        while not jobs or select.select([source], [], [], 0)[0]:
            data = os.read(source, 65_536)
            if not data:
                return
            *lines, unread = (unread + data).split(b"\n")
            jobs.extend(line.decode().split() for line in lines)
        parcel_id, epoch, effort = jobs[0]
        found = find_stamp(
            bytes.fromhex(parcel_id), int(epoch), int(effort), start=os.urandom(16), tries=_TRIES
        )
        if found is not None:
            jobs.popleft()
            print(found.nonce.hex(), flush=True)


if __name__ == "__main__":
    main()
