"""Stamps: work that anyone may do for a parcel, to give it a better place (SPEC section 14).

Searches as long as it is told to, and reads no clock.
"""

from hashlib import sha256

from qanat_protocol.days import epoch_of
from qanat_protocol.errors import BadStamp, LocalMalformed
from qanat_protocol.frames import Stamp
from qanat_protocol.hashing import u32
from qanat_protocol.labels import label

__all__ = [
    "FIRST_EFFORT",
    "MAX_EFFORT",
    "WEIGHT_BYTES",
    "check_stamp",
    "effort_for",
    "find_stamp",
    "weight_of",
]

FIRST_EFFORT = 1 << 16
"""The least that a relay under pressure asks for: a tenth of a second of a laptop, half a second of
an old phone. Who was told nothing else begins with it."""

WEIGHT_BYTES = 131_072
"""An effort is for so much of a body: all letters of a usual size, thumbnails and previews."""

MAX_EFFORT = 1 << 40
"""Two weeks of a phone at a million hashes a second: a higher claim is a mistake or an attack."""

_NONCES = 1 << 128


def find_stamp(
    parcel_id: bytes, epoch: int, effort: int, *, start: bytes, tries: int
) -> Stamp | None:
    """A stamp whose nonce is one of the `tries` from `start` (16 random bytes) on, or None.

    One try in `effort` (1 to 2^40) succeeds on average. To go on after None, start `tries` later.
    Raises `LocalMalformed` for another effort.
    """
    if not 1 <= effort <= MAX_EFFORT:
        raise LocalMalformed(f"a stamp's effort is 1 to {MAX_EFFORT}, not {effort}")
    behind = _behind_nonce(parcel_id, epoch, effort)
    first = int.from_bytes(start, "big")
    for number in range(first, first + tries):
        nonce = (number % _NONCES).to_bytes(16, "big")
        if _is_enough(nonce + behind, effort):
            return Stamp(parcel_id, epoch, effort, nonce)
    return None


def effort_for(effort: int, body_size: int) -> int:
    """What a stamp has to show for a body of this size where a relay asks for `effort`."""
    return min(effort * weight_of(body_size), MAX_EFFORT)


def weight_of(body_size: int) -> int:
    """How many times the effort is asked for a body of this size."""
    return -(-body_size // WEIGHT_BYTES)


def check_stamp(frame: Stamp, today: int) -> None:
    """Raise `BadStamp` unless the work was done, in the week of `today` (a day) or the last."""
    if not 1 <= frame.effort <= MAX_EFFORT:
        raise BadStamp(f"a stamp's effort is 1 to {MAX_EFFORT}, not {frame.effort}")
    current = epoch_of(today)
    if frame.epoch not in (current - 1, current):
        raise BadStamp(f"the stamp is of week {frame.epoch}, this is week {current}")
    if not _is_enough(
        frame.nonce + _behind_nonce(frame.parcel_id, frame.epoch, frame.effort), frame.effort
    ):
        raise BadStamp(f"the stamp does not show an effort of {frame.effort}")


def _behind_nonce(parcel_id: bytes, epoch: int, effort: int) -> bytes:
    return effort.to_bytes(8, "big") + u32(epoch) + parcel_id + label("stamp")


def _is_enough(hashed: bytes, effort: int) -> bool:
    return int.from_bytes(sha256(hashed).digest()[:8], "big") * effort < 1 << 64
