"""What stands abroad in these tests: a relay and a desk, made once and copied for each test."""

from __future__ import annotations

import asyncio
import hashlib
import json
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.client.relay_process import free_port
from tests.client.reporter_runs import run_here
from tests.end_to_end.commands import qanat

from qanat_client.demo.people import Desk, Reporter, expect
from qanat_client.demo.programs import Answer, Relay, run
from qanat_client.desk.cli import main as desk_main
from qanat_protocol.card import DeskCard, parse_card


class DeskHere(Desk):
    """The editors' desk, whose program runs in this process: a process for each of its commands
    would spend most of its time on being started."""

    async def _run(self, *arguments: str | Path, text: str = "") -> Answer:
        who: list[str | Path] = ["--json", "--home", self.home]
        who += ["--passphrase-file", self.passphrase_file]
        ran = await asyncio.to_thread(run_here, desk_main, [*who, *arguments], text)
        result = ran.json if ran.out.strip() else None
        return Answer(ran.code, result, ran.err.strip())

    async def ask(self, *arguments: str | Path, text: str = "") -> Answer:
        """What a command ends with."""
        return await self._run(*arguments, text=text)


@dataclass
class Abroad:
    """A relay on a port of loopback, a desk whose card names it, and that card."""

    folder: Path
    port: int

    def __post_init__(self) -> None:
        self.relay = Relay(self.folder / "relay", "the relay", "DE")
        self.desk = DeskHere(self.folder / "desk", self.folder / "passphrase")
        self.card_file = self.folder / "newsroom.card"

    @property
    def card(self) -> DeskCard:
        return parse_card(self.card_file.read_bytes())

    def copy(self, folder: Path) -> Abroad:
        """The same people and keys with a disk of their own."""
        shutil.copytree(self.folder, folder)
        return Abroad(folder, self.port)

    async def serve(self) -> None:
        """Start the relay, again after it was killed."""
        await self.relay.start(self.port)

    async def reporter(self, name: str = "reporter") -> Reporter:
        """Somebody with a home, the card and a code."""
        reporter = Reporter(name, self.folder / name, self.folder / f"{name}.code")
        await reporter.prepare(self.card_file)
        return reporter

    async def home(self, name: str = "home") -> Path:
        """A home that knows the desk; there is no code."""
        home = self.folder / name
        added = await qanat(home, "desk", "add", self.card_file, "--yes")
        assert added.code == 0, added.said
        return home

    async def ask_desk(
        self, *arguments: str | Path, text: str = "", variables: dict[str, str] | None = None
    ) -> Answer:
        """Run the editors' program; with variables of its own in a process of its own."""
        if variables is None:
            answer = await self.desk.ask(*arguments, text=text)
        else:
            options: list[str | Path] = ["--home", self.desk.home]
            options += ["--passphrase-file", self.desk.passphrase_file]
            answer = await run("qanat-desk", *options, *arguments, text=text, variables=variables)
        assert "Traceback" not in answer.said, answer.said
        return answer

    async def arrived(self) -> dict[str, dict[str, Any]]:
        """Pull; every report of the desk's inbox by its id. Nothing may be set aside."""
        await self.desk.pull()
        return {report["id"]: report for report in await self.desk.reports()}

    async def exported(self) -> dict[str, dict[str, str]]:
        """Export the inbox; for each report the SHA-256 of each original by its name."""
        folder = self.folder / "exported"
        await self.desk.export(folder)
        reports = json.loads((folder / "reports.json").read_text("utf-8"))["reports"]
        return {
            report["id"]: {
                file["name"]: hashlib.sha256((folder / place["path"]).read_bytes()).hexdigest()
                for file in report["files"]
                for place in file["exported"]
                if place["rendition"] == "original"
            }
            for report in reports
        }


def make_abroad(folder: Path, *, relay_address: str | None = None) -> Abroad:
    """Make the relay and the desk, once. `relay_address` is what the cards name, if it differs."""
    return asyncio.run(_make(folder, relay_address))


async def _make(folder: Path, relay_address: str | None) -> Abroad:
    folder.mkdir(parents=True)
    abroad = Abroad(folder, free_port())
    address = relay_address or f"http://127.0.0.1:{abroad.port}"
    made = await run(
        "qanat-relay", "init", "--data", abroad.relay.data, "--name", "the relay",
        "--country", "DE", "--address", address,
    )  # fmt: skip
    expect(made, 0, doing="the relay is made")
    abroad.desk.passphrase_file.write_text("only for the tests\n")
    relay_card = abroad.relay.data / "relay.card"
    made = await abroad.ask_desk("init", "--name", "Desk of the tests", "--relay-card", relay_card)
    expect(made, 0, doing="the desk is made")
    made = await abroad.ask_desk("card", "-o", abroad.card_file)
    expect(made, 0, doing="the card is written")
    made = await run("qanat-relay", "desk", "add", abroad.card_file, "--data", abroad.relay.data)
    expect(made, 0, doing="the relay takes the card")
    return abroad


@pytest.fixture(scope="session")
def made_abroad(tmp_path_factory: pytest.TempPathFactory) -> Abroad:
    """What is copied for each test."""
    return make_abroad(tmp_path_factory.mktemp("abroad") / "made")


@pytest.fixture
async def abroad(made_abroad: Abroad, tmp_path: Path) -> AsyncIterator[Abroad]:
    """A relay that serves and a desk, with empty stores."""
    copied = made_abroad.copy(tmp_path / "abroad")
    await copied.serve()
    yield copied
    await copied.relay.stop()
