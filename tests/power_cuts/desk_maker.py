"""Makes a desk, and says so.

Usage: python -m tests.power_cuts.desk_maker HOME
"""

import os
import sys
from pathlib import Path

from tests.power_cuts.desk_writer import KEY
from tests.relay.made_parcels import TODAY

from qanat_client.desk.card_book import NewDesk, create_desk

__all__ = ["noon"]


def noon() -> float:
    """The time, always the same."""
    return (TODAY + 0.5) * 86_400


def make(home: Path) -> None:
    """As `qanat-desk init`, with a key in the place of the passphrase."""
    wish = NewDesk(
        "A desk", relays=(), languages=("kk",), note="", grace_days=90, weeks=2, sources=()
    )
    create_desk(home, KEY, wish, noon).vault.close()
    os.write(1, b"made\n")


if __name__ == "__main__":
    make(Path(sys.argv[1]))
