"""Sends reports with files, has some opened and dropped: `qanat send` itself says what is queued.

Usage: python -m tests.power_cuts.reporter_writer HOME REPORTS

Before a report may go, it says so: `going NUMBER`.
"""

import contextlib
import os
import sys
from pathlib import Path
from random import Random

from tests.client.made_desk import today

from qanat_client.reporter import database
from qanat_client.reporter.cli import main
from qanat_client.reporter.database import connect
from qanat_client.reporter.home import Home
from qanat_client.reporter.outbox import Outbox

__all__ = ["files_of"]

SELDOM_PAGES, OFTEN_PAGES = database.CHECKPOINT_PAGES, 4
"""When the log is put back into the file: as the program does it, and all the time."""


def files_of(number: int) -> list[bytes]:
    """The attachments of a report, none to three: of one block, of many."""
    draw = Random(number)
    return [draw.randbytes(size) for size in (1000, 200_000, 90_000)[: (number - 1) % 4]]


def _send(home: Path, number: int) -> None:
    attached: list[str] = []
    for index, data in enumerate(files_of(number)):
        path = home.parent / f"{number}-{index}.bin"
        path.write_bytes(data)
        attached += ["--attach", str(path)]
    command = ["--home", str(home), "send", f"report {number}", "--no-code", *attached]
    database.CHECKPOINT_PAGES = SELDOM_PAGES if number % 2 else OFTEN_PAGES
    if number % 2:
        # Another program has the home open: nothing is put back from the log, not even at the end.
        with contextlib.closing(connect(Home(home))) as other:
            other.execute("SELECT count(*) FROM item").fetchone()
            assert main(command) == 0
    else:
        assert main(command) == 0


def _let_go(home: Path, number: int, *, opened: bool) -> None:
    database.CHECKPOINT_PAGES = OFTEN_PAGES
    with contextlib.closing(connect(Home(home))) as connection:
        outbox = Outbox(Home(home), connection)
        os.write(1, f"going {number}\n".encode())
        if opened:
            for parcel in outbox.waiting():
                if parcel.item == number:
                    outbox.mark_opened(parcel.id, today())
        else:
            outbox.drop(number)


def run(home: Path, reports: int) -> None:
    """Of three reports one is opened by the desk later, and one is dropped."""
    for number in range(1, reports + 1):
        _send(home, number)
        if number % 3 == 0:
            _let_go(home, number - 1, opened=True)
        elif number > 1 and number % 3 == 1:
            _let_go(home, number - 1, opened=False)


if __name__ == "__main__":
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    run(Path(sys.argv[1]), int(sys.argv[2]))
