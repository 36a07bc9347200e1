"""`qanat send` and `qanat sync`: a report that was said to be queued is there, whole, whenever one
of them is killed, and nothing is believed to be held by a relay that does not hold it."""

import re
from contextlib import closing
from pathlib import Path
from random import Random

from tests.client.made_desk import MadeDesk, write_card
from tests.client.reporter_runs import qanat
from tests.kills.watching_relay import Told, start

from qanat_client.reporter.cli import main
from qanat_client.reporter.database import connect
from qanat_client.reporter.home import Home
from qanat_client.reporter.outbox import Outbox, Word
from qanat_client.reporter.sealing_room import SealingRoom
from qanat_protocol.merkle import block_count, leaf_hash, root_of

__all__ = ["ReporterWork"]

FILES = (1000, 300_000)


class ReporterWork:
    """A reporter's program that is killed; its relay is not."""

    def __init__(self, folder: Path) -> None:
        self.home = folder / "home"
        self._folder = folder
        self._told = folder / "told"

    def prepare(self) -> list[int]:
        pid, entry = start(self._folder / "relay", self._told)
        card = write_card(MadeDesk().card(relays=[entry]), self._folder)
        assert qanat(self.home, "desk", "add", card, "--yes").code == 0
        for at, size_bytes in enumerate(FILES):
            (self._folder / f"file-{at}").write_bytes(Random(at).randbytes(size_bytes))
        return [pid]

    def begin(self, number: int) -> None:
        pass

    def run(self, number: int) -> None:
        attached = [part for at in range(2) for part in ("--attach", f"{self._folder}/file-{at}")]
        for command in (
            ["send", f"{number}, with files", "--no-code", *attached],
            ["sync"],
            ["send", f"{number}, sent at once", "--no-code", "--now"],
        ):
            assert main(["--home", str(self.home), *command]) == 0

    def check(self, said: list[str]) -> None:
        home = Home(self.home)
        found = [re.match(r"report number (\d+), safely queued", line) for line in said]
        queued = {int(match[1]) for match in found if match}
        told = Told.in_file(self._told)
        with closing(connect(home)) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            SealingRoom(home, connection).clear_abandoned()
            outbox = Outbox(home, connection)
            waiting = outbox.waiting()
            assert {parcel.item for parcel in waiting} >= queued
            for parcel in waiting:
                pieces = [
                    outbox.piece(parcel, index, page=None, with_roots=False)
                    for index in range(block_count(parcel.header.body_size))
                ]
                leaves = [leaf_hash(piece.data) for piece in pieces if piece is not None]
                assert root_of(leaves) == parcel.header.root
                if any(word >= Word.HOLDS for word, _ in parcel.words.values()):
                    assert parcel.id in told.stored
            rows = connection.execute("SELECT count(*) FROM parcel WHERE item IS NULL").fetchone()
            assert rows == (0,)

    def complete(self, said: list[str]) -> None:
        self.check(said)
        with closing(connect(Home(self.home))) as connection:
            waiting = {parcel.id for parcel in Outbox(Home(self.home), connection).waiting()}
        assert waiting <= Told.in_file(self._told).stored
