"""What a relay remembers of a peer between sessions: its cursor there, and how contact went.

A file beside the peer's card, written whole or not at all. No addresses and nothing of a parcel.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from qanat_relay.keys import write_whole

MAX_CURSOR_BYTES = 64
_BYTES = ("cursor", "incarnation", "desks")


@dataclass(frozen=True, slots=True)
class PeerRecord:
    """Times are unix seconds, 0 for never.

    cursor: up to where the peer has given us all it had, as it made it; incarnation: of our store
    that has all that (16 bytes, empty for none); desks: whose documents were taken of it then
    (`Desks.digest`). whole_day: the last day on which it was asked from the beginning. contact_s:
    when it last answered; given_s and taken_s: when it last was given, and gave, all that there
    was; failure: why the newest try failed, since failing_s; empty if it did not. given, taken:
    parcels in all.
    """

    cursor: bytes = b""
    incarnation: bytes = b""
    desks: bytes = b""
    whole_day: int = 0
    contact_s: int = 0
    given_s: int = 0
    taken_s: int = 0
    failing_s: int = 0
    failure: str = ""
    given: int = 0
    taken: int = 0

    def failed(self, failure: str, now_s: int) -> PeerRecord:
        """After a try that came to nothing."""
        return replace(self, failure=failure, failing_s=self.failing_s or now_s)

    def reached(self, now_s: int) -> PeerRecord:
        """After the peer has proven to be there."""
        return replace(self, contact_s=now_s, failure="", failing_s=0)


def read_record(path: Path) -> PeerRecord:
    """What the file says; nothing is known where it is not there or damaged, and the peer is asked
    from the beginning, which loses nothing."""
    try:
        values = json.loads(path.read_bytes())
        return _checked(values)
    except (OSError, ValueError, TypeError, AttributeError, KeyError):
        return PeerRecord()


def write_record(path: Path, record: PeerRecord) -> None:
    """Keep a record in place of the one before; it is on the disk when this returns."""
    values: dict[str, Any] = asdict(record)
    values |= {name: values[name].hex() for name in _BYTES}
    write_whole(path, json.dumps(values, indent=1).encode())


def _checked(values: Any) -> PeerRecord:
    values |= {name: bytes.fromhex(values[name]) for name in _BYTES}
    record = PeerRecord(**values)
    if len(record.cursor) > MAX_CURSOR_BYTES or type(record.failure) is not str:
        raise ValueError("a cursor or the words of a failure")
    for name, value in values.items():
        if name not in ("failure", *_BYTES) and (type(value) is not int or not 0 <= value < 2**53):
            raise ValueError(name)
    return record
