"""Stores that older programs made, and what has to be in them (old_stores/README.md)."""

import gzip
from pathlib import Path

from tests.relay.made_parcels import LONG_LETTER_BYTES, TAG, TODAY, make, part

from qanat_protocol.frames import AckStatus
from qanat_protocol.parcel import Kind, Rank
from qanat_relay.store.files import DATABASE
from qanat_relay.store.interface import Outcome, State
from qanat_relay.store.limits import StoreLimits
from qanat_relay.store.sqlite import SqliteStore

__all__ = ["VERSIONS", "assert_all_there", "unpack"]

VERSIONS = [1, 3]
_STORES = Path(__file__).with_name("old_stores")


def unpack(version: int, folder: Path) -> Path:
    """Put one into a folder; its database."""
    folder.mkdir(exist_ok=True)
    path = folder / DATABASE
    path.write_bytes(gzip.decompress((_STORES / f"version_{version}.db.gz").read_bytes()))
    return path


async def assert_all_there(folder: Path) -> None:
    """Open it with the program of today: nothing is lost, nothing is wrong, and it goes on."""
    letters = [make(number) for number in range(1, 5)]
    long, film = make(5, Kind.LETTER, LONG_LETTER_BYTES), part(6)
    store = await SqliteStore.open(folder, StoreLimits())
    try:
        found = await store.look_up([each.header.offer for each in [*letters, long, film]])
        held, purged, half = State.HELD, State.PURGED, State.PARTIAL
        assert [each and each.state for each in found] == [held, purged, held, held, held, half]
        assert [each is not None and each.opened for each in found[:3]] == [True, True, False]
        for made in (*letters, long):
            blocks = await store.blocks(made.parcel_id, range(len(made.blocks)))
            assert b"".join(blocks) == made.body
        assert await store.blocks(film.parcel_id, [0, 3]) == [
            film.blocks[index].data for index in (0, 3)
        ]
        assert len(await store.list_all(Rank.LETTER, 0, 2**62, 9)) == 4
        assert len(await store.list_known(TAG, 0, 9)) == 5
        assert len(await store.list_tombstones([TAG], 0, 9)) == 3
        assert [problem async for problem in store.check()] == []
        assert await store.write([film.put()], today=TODAY) == [Outcome(AckStatus.STORED)]
        assert [problem async for problem in store.check()] == []
    finally:
        await store.close()
