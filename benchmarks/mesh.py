"""`python -m benchmarks.mesh`: five relays in namespaces of their own, each cut off at random, and
reports that come in at all of them: whether all reach the desk at one, and what that costs."""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from math import inf
from pathlib import Path
from random import Random
from subprocess import CalledProcessError

from benchmarks.bad_link import Line
from benchmarks.chain import queue_reports
from benchmarks.desk import TEXT
from benchmarks.machine import look_at
from benchmarks.metered import Failed, compiled, run
from benchmarks.namespace import what_is_missing
from benchmarks.network import Network, address_of, network
from benchmarks.windows.programs import Program, started
from benchmarks.windows.rows import Row, as_text
from benchmarks.windows.scene import (
    DESK,
    REPORTER,
    letters_in,
    opened_in,
    relay_host,
    relay_serving,
)
from qanat_client.demo.programs import command

__all__ = ["Mesh", "Outcome", "mesh_rows"]

_PORT = 8080
_PARCEL_BYTES, _OPENED_BYTES = 4096 + 96, 174
_MOST_BYTES = 1.1
_UP_S, _DOWN_S = (4.0, 20.0), (3.0, 15.0)
_SYNC_S, _SETTLE_S, _PULL_S = 15.0, 120.0, 300.0
_PASSPHRASE = "only for a measurement"


@dataclass(frozen=True, slots=True)
class Outcome:
    """reported: what the desk took of its relay; everywhere: letters in the store with the fewest;
    sent, again: bytes of TCP's streams between relays, and what of them was repeated; needed: a
    letter with its header, and its OPENED, for each relay that got these of a peer; settled_s: how
    long after the last cut all was everywhere."""

    reported: int
    everywhere: int
    sent: int
    again: int
    needed: int
    settled_s: float


@dataclass(frozen=True, slots=True)
class Mesh:
    """Folders of five relays, or so many, of a reporter at each, and of the desk, which knows the
    last one."""

    folder: Path
    variables: Mapping[str, str]
    reports: int
    relays: int = 5

    def relay(self, number: int) -> Path:
        """A relay's data folder; 1 is the first."""
        return self.folder / relay_host(number)

    def reporter(self, number: int) -> Path:
        """The home of who reports to this relay."""
        return self.folder / f"reporter{number}"

    def make(self) -> None:
        """Make all of it, and queue the reports. Raises CalledProcessError."""
        self.folder.mkdir(parents=True)
        (self.folder / "passphrase").write_text(f"{_PASSPHRASE}\n")
        for number in self._numbers:
            words = ("--name", relay_host(number), "--address", self._url(number))
            self._run("qanat-relay", "init", "--data", self.relay(number), *words)
        for number in self._numbers:
            for other in self._numbers:
                if other != number:
                    card = self.relay(other) / "relay.card"
                    self._run("qanat-relay", "peer", "add", card, "--data", self.relay(number))
        for number in self._numbers:
            card = self._card(number)
            self._run("qanat", "--home", self.reporter(number), "desk", "add", card, "--yes")
            count = self.reports // self.relays
            queue_reports(self.reporter(number), [f"{number}.{n} {TEXT}" for n in range(count)])

    @property
    def _numbers(self) -> range:
        return range(1, self.relays + 1)

    def _url(self, number: int) -> str:
        return f"http://{address_of(number + 1)}:{_PORT}"

    def _card(self, number: int) -> Path:
        """The desk's card that names this relay alone."""
        relay, card = self.relay(number) / "relay.card", self.folder / f"desk{number}.card"
        if number == 1:
            self._desk("init", "--name", "A desk", "--relay-card", relay)
            self._desk("card", "-o", card)
        else:
            before = self._url(number - 1)
            self._desk("card", "--renew", "--relay-card", relay, "--drop-relay", before, "-o", card)
        return card

    def _desk(self, *arguments: str | Path) -> None:
        secret = ("--passphrase-file", self.folder / "passphrase")
        self._run("qanat-desk", "--home", self.folder / "desk", *secret, *arguments)

    def _run(self, program: str, *arguments: str | Path) -> None:
        run(command(program, [str(word) for word in arguments]), self.variables)

    def play(self, seconds: float, seed: int, note: Callable[[str], None]) -> Outcome:
        """Let relays come and go for so long, then leave them together. Raises Failed."""
        chance = Random(seed)
        lines = {REPORTER: Line()}
        lines |= {relay_host(number): _comes_and_goes(chance, seconds) for number in self._numbers}
        lines[DESK] = Line()
        with network(lines, seed) as net, ExitStack() as stack:
            for number in self._numbers:
                stack.enter_context(self._serving(net, number))
            net.begin()
            while (now_s := net.now_s()) < seconds:
                note(f"{now_s:.0f} of {seconds:.0f} s: {self._counts()} letters")
                self._sync(net, chance.randint(1, self.relays), seconds)
            for number in self._numbers:
                self._sync(net, number, inf)
            settled_s = self._settled_s(net, note, letters_in)
            note("the desk pulls")
            reported = self._pulled(net)
            self._settled_s(net, note, opened_in)
            return self._outcome(net, reported, settled_s)

    def _serving(self, net: Network, number: int) -> AbstractContextManager[Program]:
        host = relay_host(number)
        options = ["--listen", f"{net.address(host)}:{_PORT}"]
        return relay_serving(net, host, self.relay(number), options, self.variables)

    def _sync(self, net: Network, number: int, until_s: float) -> None:
        words = ["--json", "--home", str(self.reporter(number)), "sync"]
        with started(net.command(REPORTER, command("qanat", words)), self.variables) as program:
            program.wait(min(_SYNC_S, max(0.0, until_s - net.now_s())))

    def _counts(self, count: Callable[[Path], int] = letters_in) -> list[int]:
        return [count(self.relay(number)) for number in self._numbers]

    def _settled_s(
        self, net: Network, note: Callable[[str], None], count: Callable[[Path], int]
    ) -> float:
        """How long it takes until each relay has one of each; at most _SETTLE_S."""
        began_s = net.now_s()
        while (waited_s := net.now_s() - began_s) < _SETTLE_S:
            counts = self._counts(count)
            if min(counts) >= self.reports:
                break
            note(f"{waited_s:.0f} s: {counts}")
            time.sleep(0.5)
        return waited_s

    def _pulled(self, net: Network) -> int:
        words = ["--json", "--home", str(self.folder / "desk")]
        words += ["--passphrase-file", str(self.folder / "passphrase"), "pull"]
        with started(net.command(DESK, command("qanat-desk", words)), self.variables) as pulling:
            if not pulling.ended_well(_PULL_S):
                raise Failed(f"the desk could not pull: {pulling.said()}")
            return int(json.loads(pulling.rest())["reports"])

    def _outcome(self, net: Network, reported: int, settled_s: float) -> Outcome:
        pairs = [
            stream
            for one in self._numbers
            for other in self._numbers
            if one != other
            for stream in net.streams.between(
                net.address(relay_host(one)), net.address(relay_host(other))
            )
        ]
        counts, opened = self._counts(), self._counts(opened_in)
        own = self.reports // self.relays
        return Outcome(
            reported=reported,
            everywhere=min(counts),
            sent=sum(stream.sent_bytes for stream in pairs),
            again=sum(stream.again_bytes for stream in pairs),
            # The desk itself told the last one.
            needed=sum(count - own for count in counts) * _PARCEL_BYTES
            + sum(opened[:-1]) * _OPENED_BYTES,
            settled_s=settled_s,
        )


def _comes_and_goes(chance: Random, seconds: float) -> Line:
    """A line with random gaps, that stays in the end."""
    spans, at_s = [], 0.0
    while at_s < seconds:
        up_s = chance.uniform(*_UP_S)
        spans.append((at_s, min(at_s + up_s, seconds)))
        at_s += up_s + chance.uniform(*_DOWN_S)
    return Line(rtt_ms=50, open_s=(*spans, (seconds, inf)))


def mesh_rows(found: Outcome, reports: int, seconds: float) -> list[Row]:
    """What came of a run."""
    return [
        Row(
            f"5 relays, {seconds:.0f} s of random cuts: bytes between relays / minimum",
            "x",
            [found.sent / max(1, found.needed)],
            must=_MOST_BYTES,
            remark=f"{found.again / max(1, found.needed):.1%} more that TCP repeated",
        ),
        Row("reports at the desk, of one relay", "letters", [found.reported], must=reports),
        Row("letters in the store with the fewest", "letters", [found.everywhere], must=reports),
        Row("from the last cut until all is everywhere", "s", [found.settled_s]),
    ]


def _note(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def main() -> int:
    """Measure and print; 1 where nothing could be measured."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.mesh",
        description="Five relays that are cut off from each other at random, each with its peers."
        " Needs Linux and root; nothing leaves the machine.",
    )
    parser.add_argument("--seconds", type=float, default=600.0, help="of cuts; default 600")
    parser.add_argument("--reports", type=int, default=1000, help="default 1000")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", type=Path, help="a disk to store on, instead of the temporary")
    options = parser.parse_args()
    missing = what_is_missing()
    if missing is not None:
        print(missing, file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory(prefix="qanat-mesh-", dir=options.folder) as made:
        folder = Path(made)
        machine = look_at(folder)
        mesh = Mesh(folder / "mesh", compiled(folder / "compiled") | os.environ, options.reports)
        try:
            _note(f"{options.reports} reports are queued")
            mesh.make()
            found = mesh.play(options.seconds, options.seed, _note)
        except (Failed, CalledProcessError) as error:
            print(f"nothing measured: {error}", file=sys.stderr)
            return 1
    print(as_text(machine, mesh_rows(found, options.reports, options.seconds)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
