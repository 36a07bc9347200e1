"""A reporter's home between a relay that lies and one that does not, with the desk's own keys."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.client.desk.lying_relay import LyingRelay
from tests.client.desk.newsroom import Made, deposit
from tests.client.made_desk import MadeDesk, today, write_card
from tests.client.relay_process import fetch
from tests.client.reporter_runs import Ran, parcels, qanat
from tests.relay.running_relay import Running

from qanat_protocol.card import DeskCard, RelayEntry
from qanat_protocol.frames import AckStatus, Answer, Answers, Offers
from qanat_protocol.parcel import Header


async def claims_to_have_all(relay: LyingRelay) -> None:
    """Answer every offer with "have"; whether anything is there is another question."""
    offers = await relay.hear(Offers)
    await relay.say(Answers(0, (Answer.HAVE,) * len(offers.offers)))


@dataclass(frozen=True)
class Scene:
    """Commands run in a thread, since both relays live on this event loop."""

    home: Path
    code_file: Path
    desk: MadeDesk
    liar: LyingRelay
    honest: Running

    @property
    def honest_entry(self) -> RelayEntry:
        relay = self.honest
        return RelayEntry((relay.url,), relay.keys.signing.public, relay.keys.sealing.public)

    def card(self, serial: int = 1, **fields: Any) -> DeskCard:
        """A card of the desk that names both relays."""
        return self.desk.card(serial, relays=(self.liar.entry, self.honest_entry), **fields)

    async def prepare(self) -> None:
        """Take the desk's card."""
        path = write_card(self.card(), self.home.parent)
        added = await self.run("desk", "add", path, "--yes")
        assert added.code == 0, added.err

    async def run(self, *arguments: str | Path) -> Ran:
        """Run the reporter's program in this process."""
        return await asyncio.to_thread(qanat, self.home, *arguments)

    async def queue(
        self, text: str = "They came at night.", *arguments: str | Path, with_code: bool = False
    ) -> None:
        """Queue a report, to which the desk can answer if it is sent with the code."""
        who = ("--code-file", self.code_file) if with_code else ("--no-code",)
        sent = await self.run("send", text, *who, *arguments)
        assert sent.code == 0, sent.err

    async def sync(self, *arguments: str | Path) -> tuple[dict[str, Any], dict[str, Any]]:
        """Sync; what is told of the liar and of the honest relay."""
        done = await self.run("sync", "--json", *arguments)
        assert done.code == 0, done.err
        told = {relay["relay"]: relay for relay in done.json["relays"]}
        return told[self.liar.url], told[self.honest.url]

    async def outbox(self) -> list[dict[str, Any]]:
        """What the outbox shows of each report."""
        found: list[dict[str, Any]] = (await self.run("outbox", "--json")).json
        return found

    async def inbox(self, *, with_code: bool = False) -> dict[str, Any]:
        """What the inbox shows, to whoever knows the code if it is asked with that."""
        who = ("--code-file", self.code_file) if with_code else ()
        found: dict[str, Any] = (await self.run("inbox", "--json", *who)).json
        return found

    def queued(self) -> list[tuple[Header, bytes]]:
        """Every parcel that lies in the home, with its sealed body."""
        return parcels(self.home)

    async def arrived(self) -> dict[bytes, tuple[Header, bytes]]:
        """What the honest relay holds for the desk."""
        return await asyncio.to_thread(fetch, self.honest_entry, self.desk)

    async def assert_safe(self, before: list[tuple[Header, bytes]]) -> None:
        """What was queued is as it was, and all of it is at the honest relay."""
        assert self.queued() == before
        arrived = await self.arrived()
        for header, body in before:
            assert arrived[header.parcel_id] == (header, body)

    def say_that_all_is_held(self, days_ago: int) -> None:
        """Note in the home that the liar claimed every parcel some days ago."""
        with closing(sqlite3.connect(self.home / "qanat.db")) as database, database:
            database.execute(
                "INSERT INTO custody (parcel, relay, word, day) SELECT key, ?, 3, ? FROM parcel",
                (self.liar.key.public, today() - days_ago),
            )

    async def hand_over(self, *made: Made) -> None:
        """Hand parcels to the honest relay, as anybody can."""
        for status in await deposit(self.honest_entry, made):
            assert status.status in (AckStatus.STORED, AckStatus.HAVE), status
