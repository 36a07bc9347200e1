"""A desk that takes parcels from two relays at once, as a pull does: says what it counts on.

Usage: python -m tests.power_cuts.desk_writer HOME PARCELS

Both relays offer the same parcels, numbered from 1, and each brings every other one. Lines:
`cursor RELAY NUMBER` once a relay's cursor stands behind that parcel, `whole NUMBER`, and
`purging NUMBER` when relays are about to be told that they may drop it.
"""

import os
import sys
from functools import cache
from pathlib import Path

from tests.relay.made_parcels import TODAY, Made, make, part

from qanat_client.desk.arrivals import Arrivals
from qanat_client.desk.spool import Spool
from qanat_client.desk.tombstones import PURGE_SETTING, Tombstones
from qanat_client.desk.vault import VAULT_NAME, Vault
from qanat_protocol.frames import Purge
from qanat_protocol.signing import SigningKey

__all__ = ["KEY", "RELAYS", "cursor_of", "make_desk", "open_vault", "parcel"]

RELAYS = (b"first relay's signing key, 32 by.", b"other relay's signing key, 32 by.")
KEY = f"x'{bytes(range(32)).hex()}'"
"""A key that SQLCipher takes as it is: to make one from a passphrase is slow on purpose."""


def open_vault(home: Path) -> Vault:
    """The vault of a desk that `make_desk` made."""
    return Vault.open(home, KEY)


def make_desk(home: Path) -> None:
    """An empty vault that knows two relays and purges at once."""
    home.mkdir()
    vault = Vault.create(home / VAULT_NAME, KEY)
    with vault.transaction():
        vault.set_setting(PURGE_SETTING, "0")
        for relay in RELAYS:
            vault.run("INSERT INTO cursors VALUES (?, ?, ?)", relay, _cursor(0), TODAY)
    vault.close()


@cache
def parcel(number: int) -> Made:
    """Letters, and every third an original of eleven blocks."""
    return make(number) if number % 3 else part(number)


def _cursor(number: int) -> bytes:
    return number.to_bytes(8, "big")


def cursor_of(vault: Vault, relay: bytes) -> int:
    """Behind which parcel a relay's cursor stands."""
    return int.from_bytes(vault.value("SELECT cursor FROM cursors WHERE relay = ?", relay), "big")


def _say(*words: object) -> None:
    os.write(1, (" ".join(map(str, words)) + "\n").encode())


def _flush(arrivals: Arrivals, relay: int, number: int) -> None:
    """The cursor moves behind a parcel; what is not whole then is remembered as outstanding."""
    offers = [parcel(one).header.offer for one in range(1, number + 1)]
    outstanding = [offer for offer in offers if not arrivals.is_here(offer)]
    arrivals.flush(RELAYS[relay], cursor=_cursor(number), outstanding=outstanding)
    _say("cursor", relay, number)


def run(home: Path, parcels: int) -> None:
    """Half of an original is flushed before the rest of it comes."""
    vault, spool = open_vault(home), Spool(home)
    arrivals = Arrivals(vault, spool, lambda: TODAY * 86_400.0)
    tombstones = Tombstones(vault, SigningKey(bytes(32)))
    for number in range(1, parcels + 1):
        relay, made = number % 2, parcel(number)
        incoming = arrivals.begin(made.header, RELAYS[relay])
        assert incoming is not None
        for block in made.blocks:
            if block.index == 6:
                arrivals.flush(RELAYS[relay])
                _flush(arrivals, 1 - relay, number)
            arrivals.take(incoming, block.index, block.data)
        _flush(arrivals, relay, number)
        _say("whole", number)
        with vault.transaction():
            tombstones.publish(made.parcel_id, made.content_key, TODAY)
        told = tombstones.untold(RELAYS[relay], TODAY)
        if any(isinstance(frame, Purge) for frame in told):
            _say("purging", number)
        tombstones.mark_told(RELAYS[relay], told)
    vault.close()


if __name__ == "__main__":
    run(Path(sys.argv[1]), int(sys.argv[2]))
