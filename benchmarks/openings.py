"""What a relay tells a reporter of what desks opened (SPEC section 17, class 3): when it is asked
for the first time, a day later, and a day later were no day remembered."""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from secrets import token_bytes

from benchmarks.desk import today
from benchmarks.parcels import make_letter
from qanat_client.reporter.openings import Openings
from qanat_protocol.frame_codec import encode_frame
from qanat_protocol.frames import Welcome
from qanat_protocol.limits import HASH_BYTES, TAG_BYTES
from qanat_protocol.signing import SigningKey
from qanat_protocol.tombstone import lock_of, opened_value, sign_opened
from qanat_relay.interests import MAX_OPENED, matching_bits
from qanat_relay.store.interface import MarkOpened, PutBlocks, StoredBlock
from qanat_relay.store.limits import StoreLimits
from qanat_relay.store.sqlite import SqliteStore

_LETTER_BYTES = 4096
_DAYS = 40
"""Over which letters come and are opened; all of them are carried for longer."""

_DESK = bytes(HASH_BYTES)


async def _fill(store: SqliteStore, letters: int, first_day: int) -> None:
    """Letters that are opened on the day on which they come, as many on each."""
    desk = SigningKey.generate()
    for day in range(_DAYS):
        puts, openings = [], []
        for _ in range(letters * day // _DAYS, letters * (day + 1) // _DAYS):
            content_key = token_bytes(32)
            header, body = make_letter(_LETTER_BYTES, bytes(TAG_BYTES))
            header = replace(header, lock=lock_of(content_key))
            puts.append(PutBlocks(header, (StoredBlock(0, header.root, body),)))
            opened = sign_opened(desk, header.parcel_id, opened_value(content_key))
            openings.append(MarkOpened(opened))
        await store.write(puts, today=first_day + day)
        await store.write(openings, today=first_day + day)


async def _session(
    store: SqliteStore, ids: Sequence[bytes], told: Mapping[bytes, int], day: int
) -> tuple[int, int, Mapping[bytes, int]]:
    """How many OPENED the relay tells and their bytes; what is kept of it."""
    bits = matching_bits(await store.count_opened())
    welcome = Welcome(1, day, store.incarnation, 2**30, 0, bits, 0)
    asked = Openings(welcome, [(each, _DESK) for each in ids], told, today=day, number=0)
    frames = [
        frame
        for interest in asked.interests
        for frame in await store.list_opened(
            interest.prefixes, interest.bits, MAX_OPENED, interest.since
        )
    ]
    for frame in frames:
        asked.heard(frame.parcel_id)
    return len(frames), sum(len(encode_frame(frame)) for frame in frames), asked.all_told()


async def _measure(letters: int, waiting: int) -> str:
    ids = [token_bytes(HASH_BYTES) for _ in range(waiting)]
    last_day = today()
    with tempfile.TemporaryDirectory() as folder:
        store = await SqliteStore.open(Path(folder) / "store", StoreLimits())
        try:
            await _fill(store, letters, last_day - _DAYS + 1)
            *first, told = await _session(store, ids, {}, last_day - 1)
            *later, _ = await _session(store, ids, told, last_day)
            *without, _ = await _session(store, ids, {}, last_day)
        finally:
            await store.close()
    lines = [f"{letters:,} letters opened within {_DAYS} days, {waiting} parcels wait for theirs"]
    for name, (count, size_bytes) in (
        ("the first time", first),
        ("a day later", later),
        ("without the day", without),
    ):
        lines.append(f"{name:16} {count:6,} OPENED  {size_bytes:9,} bytes")
    lines.append(f"{'saved':16} {1 - later[1] / without[1]:.3f}")
    return "\n".join(lines)


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--letters", type=int, default=8192, help="how many were opened")
    parser.add_argument("--waiting", type=int, default=10, help="parcels of the reporter")
    arguments = parser.parse_args()
    print(asyncio.run(_measure(arguments.letters, arguments.waiting)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
