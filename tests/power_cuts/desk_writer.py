"""A desk that takes parcels from two relays at once and opens them, as a pull does, and decides
something after each: says what it counts on.

Usage: python -m tests.power_cuts.desk_writer HOME MAIL [careless]

Both relays offer the same parcels, those of the file MAIL, numbered from 1, and each brings every
other one. Lines: `cursor RELAY NUMBER` once a relay's cursor stands behind that parcel, `whole
NUMBER`, `purging NUMBER...` when a relay is about to be given the keys that let it drop them,
`decided NUMBER` once a star is kept, `catalogued COUNT` of the reports that can be looked for, and
`deleted` when no secret of a week is left. A careless one never waits for the disk, but where
SQLite does so by itself.
"""

import asyncio
import os
import sys
from dataclasses import dataclass
from pathlib import Path

import msgpack
from tests.power_cuts.commands import never_wait

from qanat_client.desk.arrivals import Arrivals
from qanat_client.desk.catalogue import catch_up
from qanat_client.desk.decision_log import decision_log
from qanat_client.desk.decisions import star
from qanat_client.desk.desk import Desk, open_desk
from qanat_client.desk.epochs import delete_due_secrets
from qanat_client.desk.finding import Wish, count
from qanat_client.desk.opening import Opener
from qanat_client.desk.relay_book import RelayBook
from qanat_client.desk.spool import Spool
from qanat_client.desk.tombstones import Tombstones
from qanat_client.desk.vault import Vault
from qanat_protocol.frames import Purge
from qanat_protocol.limits import BLOCK_BYTES
from qanat_protocol.parcel import Header, parse_header

__all__ = [
    "KEY",
    "LATER",
    "RELAYS",
    "TODAY",
    "Bench",
    "Parcel",
    "cursor_of",
    "noon",
    "read_mail",
    "starred",
]

RELAYS = (b"first relay's signing key, 32 by.", b"other relay's signing key, 32 by.")
KEY = f"x'{bytes(range(32)).hex()}'"
"""A key that SQLCipher takes as it is: to make one from a passphrase is slow on purpose."""
TODAY = 19_000
LATER = TODAY + 365
"""A day on which the secrets of all weeks are due."""


def noon() -> float:
    """The time, always the same."""
    return (TODAY + 0.5) * 86_400


@dataclass(frozen=True)
class Parcel:
    """One of the file."""

    header: Header
    body: bytes

    @property
    def blocks(self) -> list[bytes]:
        """Of 16 KiB, the last may be shorter."""
        return [self.body[at : at + BLOCK_BYTES] for at in range(0, len(self.body), BLOCK_BYTES)]


def read_mail(path: Path) -> list[Parcel]:
    """The parcels of a file."""
    return [Parcel(parse_header(head), body) for head, body in msgpack.unpackb(path.read_bytes())]


class Bench:
    """A desk's parts as a pull puts them together."""

    def __init__(self, home: Path) -> None:
        self.desk: Desk = open_desk(home, KEY, noon)
        self.vault = self.desk.vault
        self.spool = Spool(home)
        self.arrivals = Arrivals(self.vault, self.spool, noon)
        self.tombstones = Tombstones(self.vault, self.desk.signing)
        self.opener = Opener(
            self.vault,
            self.spool,
            self.tombstones,
            desk_id=self.desk.card.desk_id,
            clock=noon,
        )

    def bring(self, parcel: Parcel, relay: bytes) -> None:
        """All of a parcel that is not here; durable with the next flush."""
        incoming = self.arrivals.begin(parcel.header, relay)
        if incoming is not None:
            for index, block in enumerate(parcel.blocks):
                self.arrivals.take(incoming, index, block)


def _cursor(number: int) -> bytes:
    return number.to_bytes(8, "big")


def cursor_of(vault: Vault, relay: bytes) -> int:
    """Behind which parcel a relay's cursor stands."""
    cursor = vault.value("SELECT cursor FROM cursors WHERE relay = ?", relay)
    return int.from_bytes(cursor or b"", "big")


def starred(number: int) -> bytes:
    """The report that gets a star after a parcel: it is none of those that come."""
    return number.to_bytes(32, "big")


def _say(*words: object) -> None:
    os.write(1, (" ".join(map(str, words)) + "\n").encode())


async def run(home: Path, parcels: list[Parcel]) -> None:
    """Half of an original is flushed before the rest of it comes."""
    bench = Bench(home)
    numbers = {parcel.header.parcel_id: at for at, parcel in enumerate(parcels, start=1)}

    def flush(relay: int, number: int) -> None:
        # The cursor moves behind a parcel; what is not whole then is remembered as outstanding.
        offers = [parcel.header.offer for parcel in parcels[:number]]
        outstanding = [offer for offer in offers if not bench.arrivals.is_here(offer)]
        bench.arrivals.flush(RELAYS[relay], cursor=_cursor(number), outstanding=outstanding)
        _say("cursor", relay, number)

    for key in RELAYS:
        RelayBook(bench.vault).begin(key)
    for number, parcel in enumerate(parcels, start=1):
        relay = number % 2
        incoming = bench.arrivals.begin(parcel.header, RELAYS[relay])
        assert incoming is not None
        for index, block in enumerate(parcel.blocks):
            if index == 6:
                bench.arrivals.flush(RELAYS[relay])
                flush(1 - relay, number)
            bench.arrivals.take(incoming, index, block)
        flush(relay, number)
        _say("whole", number)
        await bench.opener.open_all()
        told = bench.tombstones.untold(RELAYS[relay], TODAY)
        purged = [numbers[frame.parcel_id] for frame in told if isinstance(frame, Purge)]
        if purged:
            _say("purging", *purged)
        bench.tombstones.mark_told(RELAYS[relay], told)
        decision_log(bench.desk).record([star(starred(number))])
        _say("decided", number)
        catch_up(bench.vault)
        _say("catalogued", count(bench.vault, Wish()))
    delete_due_secrets(bench.vault, LATER)
    _say("deleted")
    bench.vault.close()


if __name__ == "__main__":
    if "careless" in sys.argv[3:]:
        never_wait()
    asyncio.run(run(Path(sys.argv[1]), read_mail(Path(sys.argv[2]))))
