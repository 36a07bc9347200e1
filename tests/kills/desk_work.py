"""`qanat-desk pull`: whenever it is killed, whatever its relay was given the key to drop is here,
opened and verified, and the next pull goes on from there."""

import asyncio
import time
from pathlib import Path

from tests.client.desk.newsroom import Attached, Writer, deposit
from tests.kills.nursery import speak
from tests.kills.watching_relay import Told, start
from tests.power_cuts.desk_writer import KEY

from qanat_client.desk.card_book import NewDesk, create_desk
from qanat_client.desk.cli import main
from qanat_client.desk.desk import Desk, open_desk
from qanat_client.desk.inbox import inbox
from qanat_client.desk.spool import Spool
from qanat_client.desk.tombstones import PURGE_SETTING
from qanat_protocol.parcel import parse_header

__all__ = ["DeskWork"]

REPORTS = 3


class DeskWork:
    """A desk that pulls, and is killed; its relay is not."""

    def __init__(self, folder: Path) -> None:
        self.home = folder / "desk"
        self._folder = folder
        self._told = folder / "told"
        self._passphrase = folder / "passphrase"

    def prepare(self) -> list[int]:
        pid, entry = start(self._folder / "relay", self._told)
        self._passphrase.write_text(KEY)
        wish = NewDesk("A desk", (entry,), ("kk",), "", grace_days=90, weeks=30, sources=())
        desk = create_desk(self.home, KEY, wish, time.time)
        with desk.vault.transaction():
            desk.vault.set_setting(PURGE_SETTING, "0")
        desk.vault.close()
        return [pid]

    def begin(self, number: int) -> None:
        """New reports lie at the relay: without files, with a small one, with a film."""
        desk = self._open()
        writer = Writer(desk.card, desk.today)
        desk.vault.close()
        parcels = []
        for at in range(REPORTS):
            files = [Attached("film", bytes([at]) * 500_000 if at > 1 else b"small")] if at else []
            parcels += writer.write(f"report {number}-{at}", files)[1]
        asyncio.run(deposit(desk.card.relays[0], parcels))

    def run(self, number: int) -> None:
        given = ["--home", str(self.home), "--passphrase-file", str(self._passphrase)]
        assert main([*given, "pull"]) == 0

    def check(self, said: list[str]) -> None:
        told = Told.in_file(self._told)
        desk = self._open()
        try:
            assert desk.vault.rows("PRAGMA cipher_integrity_check") == []
            assert desk.vault.value("PRAGMA integrity_check") == "ok"
            spool = Spool(self.home)
            for parcel_id in told.purged:
                header, state = desk.vault.rows(
                    "SELECT header, state FROM parcels WHERE id = ?", parcel_id
                )[0]
                assert state == "opened"
                spool.check(parse_header(header))
            known = {part.part.parcel_id for item in inbox(desk.vault) for part in item.parts}
            known |= {parcel_id for item in inbox(desk.vault) for parcel_id in item.letters}
            assert told.purged <= known
        finally:
            desk.vault.close()

    def complete(self, said: list[str]) -> None:
        self.check(said)
        told = Told.in_file(self._told)
        assert told.purged == told.stored
        speak(f"the desk purged {len(told.purged)} parcels, and holds them")
        desk = self._open()
        items = inbox(desk.vault)
        desk.vault.close()
        assert items
        assert {item.state for item in items} == {"complete"}

    def _open(self) -> Desk:
        return open_desk(self.home, KEY, time.time)
