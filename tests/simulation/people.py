"""Who takes part: relays, reporters and desks, each a machine that runs the real program.

They remember what they were told, as people do; whether it was true is judged in `truths`.
"""

from __future__ import annotations

import asyncio
import hashlib
import sqlite3
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from signal import SIGTERM
from typing import Any

from tests.simulation.machines import Machine, Ran

from qanat_client.desk.cli import main as desk_main
from qanat_client.reporter.cli import main as reporter_main
from qanat_protocol.card import DeskCard, parse_card
from qanat_protocol.code import new_code
from qanat_relay.cli import main as relay_main
from qanat_relay.config import Config
from qanat_relay.folders import make_folder
from qanat_relay.serving import serve
from qanat_relay.store.interface import State, Store
from qanat_relay.store.sqlite import SqliteStore

__all__ = ["Desk", "Relay", "Reporter", "Sent", "Told", "World"]

_PASSPHRASE = "six words that nobody has said"
_FINE = {0, 3, 4}
"""Exit codes of a program that did what it could: done, nobody reached, refused."""


class World:
    """What all share: a place for things that lie on no machine, and the faults that were found."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.wrong: list[str] = []
        self.sent: list[Sent] = []
        self.told: list[Told] = []
        self.spoken: set[str] = set()
        self.secrets: list[bytes] = []

    def hold(self, true: bool, words: str) -> None:
        """Note what is not as it must be."""
        if not true and words not in self.wrong:
            self.wrong.append(words)


@dataclass(slots=True)
class Sent:
    """A report that somebody wrote. `report_id`: None where `send` ended before it had said that it
    is queued, so that it may be and may not be."""

    reporter: Reporter
    desk: Desk
    text: str
    files: dict[str, bytes]
    """By name: the SHA-256 of what was attached."""
    report_id: str | None = None
    number: int = 0
    last_day: str = ""
    is_dropped: bool = False
    is_answered: bool = False
    has_code: bool = True


@dataclass(slots=True)
class Told:
    """A reply or a bulletin that a desk said it had queued, and when."""

    desk: Desk
    text: str
    report: Sent | None
    at_s: float
    is_due: bool
    """Whether its date is one at which it is still carried."""

    came_to: set[Reporter] = field(default_factory=set)


class Relay:
    """A relay and whoever switches it on again."""

    def __init__(self, machine: Machine, world: World, config: Config) -> None:
        self.machine, self.config = machine, config
        self.cards: list[DeskCard] = []
        self.purged: set[bytes] = set()
        self._world = world
        self._task: asyncio.Task[None] | None = None
        self._answers_in_life = 0

    @property
    def url(self) -> str:
        return f"http://{self.machine.address}:8080"

    @property
    def data(self) -> Path:
        return self.machine.folder / "relay"

    @property
    def is_serving(self) -> bool:
        return self.machine.is_on and self._task is not None and not self._task.done()

    @property
    def is_answering(self) -> bool:
        """Whether its store is open and it listens."""
        return self.is_serving and self._answers_in_life == self.machine.life

    def start(self) -> None:
        """Begin to serve."""
        if not self.machine.is_on:
            self.machine.start()
        name, deaths, life = self.machine.name, self.machine.deaths, self.machine.life

        def listens(_: list[str]) -> None:
            self._answers_in_life = life

        def note(task: asyncio.Task[None]) -> None:
            if self.machine.deaths == deaths and not task.cancelled():
                self._world.hold(task.exception() is None, f"{name} ended by {task.exception()!r}")

        make_folder(self.data)
        self._task = self.machine.spawn(
            "serve", lambda: serve(self.data, self.config, self.cards, listens)
        )
        self._task.add_done_callback(note)

    async def stop(self) -> None:
        """End it as an operator does."""
        if self.is_serving and self._task is not None:
            self._answers_in_life = 0
            self.machine.signal(SIGTERM)
            await asyncio.wait([self._task])

    async def check(self) -> Ran:
        """What `qanat-relay check` says."""
        return await self.machine.run(relay_main, ["check", "--data", str(self.data)])

    async def states(self, parcel_ids: list[bytes]) -> list[State | None]:
        """What its store holds of these; nothing at all while nobody can ask it."""
        found: list[State | None] = []
        for start in range(0, len(parcel_ids), 256):
            if (store := self._store()) is None:
                return []
            offers = [parcel_id[:16] for parcel_id in parcel_ids[start : start + 256]]
            holdings = await store.look_up(offers)
            found += [None if holding is None else holding.state for holding in holdings]
        return [] if self._store() is None else found

    async def tombstones(self, tags: list[bytes]) -> list[bytes]:
        """The parcels of these tags of which it has a tombstone; none while nobody can ask it."""
        if (store := self._store()) is None:
            return []
        found = await store.list_tombstones(tags, 0, 100_000)
        return [] if self._store() is None else [frame.parcel_id for _, frame in found]

    def _store(self) -> Store | None:
        store = self.machine.opened
        return store if isinstance(store, SqliteStore) and self.is_answering else None


class Reporter:
    """A person with a phone and a code."""

    def __init__(self, machine: Machine, world: World) -> None:
        self.machine, self.code = machine, new_code()
        self._world = world
        self.notes = world.place / "notes" / machine.name
        self.notes.mkdir(parents=True)
        self.code_file = self.notes / "code"
        self.code_file.write_text(self.code)
        world.secrets.append(self.code.replace(" ", "").encode())

    async def run(self, *words: object) -> Ran:
        """`qanat` with these words, and --json. Raises Died."""
        home = str(self.machine.folder / "home")
        ran = await self.machine.run(reporter_main, ["--home", home, "--json", *map(str, words)])
        self._world.hold(
            ran.code in _FINE, f"{self.machine.name}: qanat {words} ended {ran.code}: {ran.warned}"
        )
        return ran

    async def send(self, desk: Desk, text: str, attached: dict[str, bytes], *options: str) -> Sent:
        """Write a report. Raises Died."""
        hashes = {name: hashlib.sha256(data).digest() for name, data in attached.items()}
        sent = Sent(self, desk, text, hashes, has_code="--no-code" not in options)
        self._world.sent.append(sent)
        named = []
        for name, data in attached.items():
            path = self.notes / name
            path.write_bytes(data)
            named += ["--attach", path]
        who = ["--code-file", self.code_file] if sent.has_code else []
        which = ["--desk", desk.card.name]
        ran = await self.run("send", text, *which, *named, *who, *options)
        if ran.code == 0:
            facts = ran.facts
            sent.report_id, sent.number = facts["report_id"], facts["number"]
            sent.last_day = facts["must_arrive_by"]
        return sent

    async def sync(self) -> Ran:
        return await self.run("sync", "--connect-timeout", "20", "--stall-timeout", "60")

    async def read(self, *, sync: bool) -> None:
        """Look into the inbox, and note what has come."""
        ran = await self.run("inbox", "--code-file", self.code_file, *(["--sync"] if sync else []))
        facts = ran.facts
        texts = {one["text"] for one in (*facts["replies"], *facts["bulletins"])}
        for told in self._world.told:
            if told.text in texts:
                told.came_to.add(self)
                mine = told.report is None or told.report.reporter is self
                self._world.hold(mine, f"{self.machine.name} reads a reply to somebody else")
        self._world.hold(
            texts <= self._world.spoken, f"{self.machine.name} reads what nobody wrote: {texts}"
        )

    async def outbox(self) -> Any:
        """What `qanat outbox` shows. Raises Died."""
        return (await self.run("outbox")).facts

    def problems_of_disk(self) -> list[str]:
        """What SQLite finds wrong in the home's database."""
        path = self.machine.folder / "home" / "qanat.db"
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
            found = [words for (words,) in connection.execute("PRAGMA integrity_check")]
            found += [str(row) for row in connection.execute("PRAGMA foreign_key_check")]
        return [words for words in found if words != "ok"]


@dataclass(slots=True)
class Desk:
    """An editor with a computer."""

    machine: Machine
    world: World
    name: str
    passphrase_file: Path = field(init=False)
    card: DeskCard = field(init=False)

    def __post_init__(self) -> None:
        self.passphrase_file = self.world.place / "notes" / f"{self.machine.name}-passphrase"
        self.passphrase_file.parent.mkdir(parents=True, exist_ok=True)
        self.passphrase_file.write_text(_PASSPHRASE)

    @property
    def home(self) -> Path:
        return self.machine.folder / "desk"

    @property
    def _knows_the_day(self) -> bool:
        return abs(self.machine.clock_error_s) < 86_400

    async def run(self, *words: object) -> Ran:
        """`qanat-desk` with these words. Raises Died."""
        given = ["--home", self.home, "--json", "--passphrase-file", self.passphrase_file, *words]
        ran = await self.machine.run(desk_main, list(map(str, given)))
        # With a date out of its card's reach a desk can say nothing, and says so.
        refuses = ran.code == 2 and "certif" in ran.warned and self.machine.clock_error_s != 0
        self.world.hold(
            ran.code in _FINE or refuses,
            f"{self.machine.name}: qanat-desk {words} ended {ran.code}: {ran.warned}",
        )
        return ran

    async def make(self, relays: list[Relay], *, grace_days: int, purge_after_days: int) -> None:
        """Make the desk, before anything goes wrong."""
        cards = []
        for relay in relays:
            cards += ["--relay-card", relay.data / "relay.card"]
        await self.run("init", "--name", self.name, "--grace", grace_days, *cards)
        await self.run("set", "purge-after-days", purge_after_days)
        await self.run("set", "dummies", 2)
        self.card = parse_card((self.home / "desk.card").read_bytes())

    async def pull(self) -> Ran:
        return await self.run("pull")

    async def reports(self) -> Any:
        """What `qanat-desk list` shows. Raises Died."""
        return (await self.run("list", "--all")).facts

    async def reply(self, sent: Sent, text: str, now_s: float, *options: str) -> None:
        """Answer a report. Raises Died, and then nobody knows whether the answer is queued."""
        self.world.spoken.add(text)
        ran = await self.run("reply", sent.report_id, text, *options)
        if ran.code == 0:
            sent.is_answered = True
            self.world.told.append(Told(self, text, sent, now_s, self._knows_the_day))

    async def publish(self, text: str, now_s: float) -> None:
        """Publish a bulletin. Raises Died."""
        self.world.spoken.add(text)
        if (await self.run("bulletin", text, "--title", "news")).code == 0:
            self.world.told.append(Told(self, text, None, now_s, self._knows_the_day))
