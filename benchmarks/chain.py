"""A reporter, a relay and a desk on this machine, each a program with its own folder: the way of a
report, step by step, with what each step took."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.metered import Failed, Usage, compiled, run, running
from benchmarks.sockets import free_port
from qanat_client.demo.programs import command
from qanat_client.reporter.clock import writing_time
from qanat_client.reporter.database import connect
from qanat_client.reporter.desks import Desks
from qanat_client.reporter.home import Home
from qanat_client.reporter.newest import newest_checkpoint
from qanat_client.reporter.seal_report import Draft, seal_report
from qanat_client.reporter.sealing_room import SealingRoom
from qanat_protocol.code import one_off_identity

__all__ = ["Chain", "Relay", "new_chain", "queue_reports", "run_relay", "warm_up"]

_PASSPHRASE = "only for a measurement"


@dataclass(frozen=True, slots=True)
class Relay:
    """A relay that listens. start_s: seconds until it did. `stop` may be called early, for what it
    took."""

    url: str
    pid: int
    start_s: float
    stop: Callable[[], Usage]


@contextmanager
def run_relay(data: Path, variables: dict[str, str], listen: str) -> Iterator[Relay]:
    """A relay that serves this folder until the end of the block."""
    arguments = ["serve", "--data", str(data), "--listen", listen]
    begun = time.perf_counter()
    with running(command("qanat-relay", arguments), variables) as program:
        word, _, url = program.first_line().strip().partition(" ")
        start_s = time.perf_counter() - begun
        if word != "listening":
            raise Failed(f"the relay says {word!r}")
        yield Relay(url, program.pid, start_s, program.stop)


class Chain:
    """Homes that know each other, while the relay runs. Every step is a process started cold."""

    def __init__(self, folder: Path, variables: dict[str, str]) -> None:
        self.folder = folder
        self._variables = variables
        self._home = folder / "reporter"
        self.desk_home = folder / "desk"
        self.passphrase = folder / "passphrase"
        self.relay_data = folder / "relay"

    def make(self, address: str) -> None:
        """Make relay, desk and reporter; the cards name the relay's address."""
        self.folder.mkdir(parents=True)
        self.passphrase.write_text(f"{_PASSPHRASE}\n")
        card = self.folder / "desk.card"
        data: list[str | Path] = ["--data", self.relay_data]
        self._run("qanat-relay", "init", *data, "--name", "A relay", "--address", address)
        relay_card = self.relay_data / "relay.card"
        self._desk("init", "--name", "A desk", "--relay-card", relay_card)
        self._desk("card", "-o", card)
        self._run("qanat-relay", "desk", "add", card, *data)
        self._reporter("desk", "add", card, "--yes")

    def _run(self, program: str, *arguments: str | Path) -> Usage:
        return run(command(program, [str(word) for word in arguments]), self._variables)

    def _reporter(self, *arguments: str | Path) -> Usage:
        return self._run("qanat", "--json", "--home", self._home, *arguments)

    def _desk(self, *arguments: str | Path) -> Usage:
        options: list[str | Path] = ["--json", "--home", self.desk_home]
        options += ["--passphrase-file", self.passphrase]
        return self._run("qanat-desk", *options, *arguments)

    def queue(self, texts: Sequence[str]) -> None:
        """See `queue_reports`."""
        queue_reports(self._home, texts)

    def send(self, text: str, attachment: Path) -> Usage:
        """`qanat send` with a file."""
        return self._reporter("send", "--no-code", "--attach", attachment, text)

    def sync(self, parcels: int) -> Usage:
        """`qanat sync`. Raises Failed unless the relay signed for so many parcels."""
        usage = self._reporter("sync")
        (relay,) = json.loads(usage.output)["relays"]
        _check("signed for", relay["signed"], parcels)
        return usage

    def pull(self, *, reports: int, attachments: int = 0) -> Usage:
        """`qanat-desk pull`. Raises Failed unless so much was opened and verified."""
        usage = self._desk("pull")
        found = json.loads(usage.output)
        _check("reports", found["reports"], reports)
        _check("attachments", found["attachments"], attachments)
        _check("set aside", found["set_aside"], 0)
        return usage

    def texts(self) -> list[str]:
        """What the desk can read, in the order of its export."""
        folder = self.folder / "texts"
        self.export(folder)
        reports = json.loads((folder / "reports.json").read_text("utf-8"))["reports"]
        return [report["text"] for report in reports]

    def export(self, folder: Path) -> Usage:
        """`qanat-desk export`: what came, readable."""
        return self._desk("export", "-o", folder)


def queue_reports(folder: Path, texts: Sequence[str]) -> None:
    """Seal and queue reports in this process, as `qanat send --no-code` does in one each."""
    home = Home(folder)
    with closing(connect(home)) as connection:
        desks, room = Desks(home), SealingRoom(home, connection)
        card = desks.choose(None)
        for text in texts:
            checkpoint = newest_checkpoint(home, connection, desks)
            seal_report(
                home,
                room,
                card,
                draft=Draft(text=text),
                identity=one_off_identity(),
                time=writing_time(checkpoint[0]),
                checkpoint=checkpoint,
                tell=lambda _: None,
                advance=lambda _: None,
                about_to_queue=lambda: None,
            )


def _check(what: str, found: Any, expected: int) -> None:
    if found != expected:
        raise Failed(f"{what}: {found} instead of {expected}")


@contextmanager
def new_chain(folder: Path, cache: Path) -> Iterator[tuple[Chain, Relay]]:
    """A chain that was just made, and its relay, which runs until the end of the block."""
    variables = compiled(cache)
    listen = f"127.0.0.1:{free_port()}"
    chain = Chain(folder, variables)
    chain.make(f"http://{listen}")
    with run_relay(chain.relay_data, variables, listen) as relay:
        yield chain, relay


def warm_up(folder: Path, cache: Path) -> None:
    """Let every program run once, so that all of its modules are compiled."""
    with TemporaryDirectory(dir=folder) as made:
        file = Path(made) / "film.mp4"
        file.write_bytes(bytes(1 << 20))
        with new_chain(Path(made) / "chain", cache) as (chain, _):
            chain.send("The whole film.", file)
            chain.sync(parcels=2)
            chain.pull(reports=1, attachments=1)
            chain.texts()
