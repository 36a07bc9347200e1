"""`python -m benchmarks.simulator_reality`: one small shutdown with real processes in namespaces,
and the same in the simulator: when each parcel is at the desk. Linux, root; nothing leaves the
machine."""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random
from subprocess import CalledProcessError

from benchmarks.bad_link import Line as RealLine
from benchmarks.chain import queue_reports
from benchmarks.machine import look_at
from benchmarks.metered import Failed, compiled, run
from benchmarks.namespace import what_is_missing
from benchmarks.network import Network, address_of, network
from benchmarks.windows.programs import started
from benchmarks.windows.scene import DESK, relay_host, relay_serving
from qanat_client.demo.programs import command
from qanat_client.desk.vault import Vault
from qanat_client.reporter.database import connect
from qanat_client.reporter.home import Home
from qanat_protocol.parcel import parse_header, rank_of
from qanat_simulation.engine import Conditions
from qanat_simulation.engine import run as simulate
from qanat_simulation.plan import Item, Line, Node, Plan, Role

__all__ = ["SCENES", "Delay", "Reporter", "Scenery", "Setting", "measure"]

WITHIN = 0.15
"""By how much the medians may differ."""

_RELAYS = 2
_PORT = 8080
_PASSPHRASE = "only for a measurement"
_START_S, _LOOK_S, _BEHIND_S = 60.0, 0.02, 15.0
_FAR = RealLine(rtt_ms=20)
_FAST_BYTES_S = 1e8
_SEED = 1


@dataclass(frozen=True, slots=True)
class Reporter:
    """name: of their host. windows: from when until when their line is there. letters, files: what
    they have queued, files by their sizes."""

    name: str
    windows: tuple[tuple[float, float], ...]
    letters: int
    files: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Setting:
    """One scenario. rate, round trip and loss of the reporters' lines; every_s: how often the desk
    tries a relay again that it does not reach."""

    rate_kbit: float
    rtt_ms: float
    loss: float
    every_s: int
    reporters: tuple[Reporter, ...]

    @property
    def end_s(self) -> float:
        """When the last window is over."""
        return max(end_s for one in self.reporters for _, end_s in one.windows)


SCENES: Mapping[str, Setting] = {
    "slow": Setting(
        rate_kbit=400,
        rtt_ms=600,
        loss=0.0,
        every_s=1,
        reporters=(
            Reporter("anna", ((10.0, 50.0),), 3, (100_000, 600_000)),
            Reporter("bek", ((15.0, 25.0), (35.0, 65.0)), 2, (800_000,)),
            Reporter("chinara", ((20.0, 50.0),), 3, (200_000, 400_000)),
        ),
    ),
}


@dataclass(frozen=True, slots=True)
class Delay:
    """A parcel: whose, of how many bytes, when its reporter's first window opened, and when it was
    whole at the desk, in seconds since all was written; None: never."""

    reporter: str
    size_bytes: int
    opened_s: float
    real_s: float | None
    simulated_s: float | None


@dataclass(frozen=True, slots=True)
class _Queued:
    """A parcel in a reporter's outbox."""

    reporter: str
    parcel_id: bytes
    item: Item


class Scenery:
    """The folders of all programs, and what is queued in them."""

    def __init__(self, folder: Path, variables: Mapping[str, str], setting: Setting) -> None:
        self._folder = folder
        self._variables = variables
        self._setting = setting
        self.queued: list[_Queued] = []

    def make(self) -> None:
        """Make all of it. Raises CalledProcessError."""
        self._folder.mkdir(parents=True)
        (self._folder / "passphrase").write_text(f"{_PASSPHRASE}\n")
        numbers = range(1, _RELAYS + 1)
        for number in numbers:
            words = ("--name", relay_host(number), "--address", self._url(number))
            self._run("qanat-relay", "init", "--data", self._relay(number), *words)
        for number in numbers:
            for other in numbers:
                if other != number:
                    card = self._relay(other) / "relay.card"
                    self._run("qanat-relay", "peer", "add", card, "--data", self._relay(number))
        card = self._folder / "desk.card"
        relays = [
            word
            for number in numbers
            for word in ("--relay-card", self._relay(number) / "relay.card")
        ]
        self._desk("init", "--name", "A desk", *relays)
        self._desk("card", "-o", card)
        for report, reporter in enumerate(self._setting.reporters):
            self._queue(reporter, card, 100 * report)
        self.queued.sort(key=lambda each: each.item.number)

    def _queue(self, reporter: Reporter, card: Path, first: int) -> None:
        home = self._folder / reporter.name
        self._run("qanat", "--home", home, "desk", "add", card, "--yes")
        queue_reports(home, [f"{reporter.name}, {number}." for number in range(reporter.letters)])
        for size_bytes in reporter.files:
            file = self._folder / f"{reporter.name}-{size_bytes}.bin"
            file.write_bytes(Random(size_bytes).randbytes(size_bytes))
            words = ("send", "--no-code", "--attach", file, f"What {file.name} shows.")
            self._run("qanat", "--home", home, *words)
        with closing(connect(Home(home))) as connection:
            rows = connection.execute(
                "SELECT id, header, item FROM parcel ORDER BY item, position"
            ).fetchall()
        for number, (parcel_id, data, report) in enumerate(rows):
            header = parse_header(data)
            item = Item(
                first + number,
                first + report,
                reporter.name,
                0.0,
                rank_of(header),
                header.body_size,
            )
            self.queued.append(_Queued(reporter.name, parcel_id, item))

    @property
    def _home(self) -> Path:
        return self._folder / "desk"

    def _relay(self, number: int) -> Path:
        return self._folder / relay_host(number)

    def _url(self, number: int) -> str:
        return f"http://{address_of(number)}:{_PORT}"

    def _desk(self, *arguments: str | Path) -> None:
        secret = ("--passphrase-file", self._folder / "passphrase")
        self._run("qanat-desk", "--home", self._home, *secret, *arguments)

    def _run(self, program: str, *arguments: str | Path) -> None:
        run(command(program, [str(word) for word in arguments]), self._variables)

    # In reality

    def live(self, note: Callable[[str], None]) -> dict[bytes, float]:
        """When each parcel was whole at the desk, by its id. Raises Failed."""
        setting = self._setting
        lines = {relay_host(number): _FAR for number in range(1, _RELAYS + 1)}
        lines[DESK] = _FAR
        for one in setting.reporters:
            lines[one.name] = RealLine(
                setting.rate_kbit, setting.rtt_ms, setting.loss, open_s=one.windows
            )
        with network(lines, _SEED) as net, ExitStack() as stack:
            for number in range(1, _RELAYS + 1):
                host = relay_host(number)
                options = ["--listen", f"{net.address(host)}:{_PORT}"]
                stack.enter_context(
                    relay_serving(net, host, self._relay(number), options, self._variables)
                )
            for one in setting.reporters:
                stack.enter_context(self._watching(net, one))
            stack.enter_context(self._pulling(net))
            vault = stack.enter_context(closing(Vault.open(self._home, _PASSPHRASE)))
            net.begin()
            return self._watched(net, vault, note)

    @contextmanager
    def _watching(self, net: Network, one: Reporter) -> Iterator[None]:
        net.namespace(one.name).disconnect()
        words = ["--json", "--home", str(self._folder / one.name), "sync", "--watch"]
        with started(net.command(one.name, command("qanat", words)), self._variables) as program:
            if not program.line(_START_S):
                raise Failed(f"qanat sync --watch: {program.said()}")
            yield

    @contextmanager
    def _pulling(self, net: Network) -> Iterator[None]:
        words = ["--json", "--home", str(self._home)]
        words += ["--passphrase-file", str(self._folder / "passphrase")]
        words += ["pull", "--watch", "--every", str(self._setting.every_s)]
        with started(net.command(DESK, command("qanat-desk", words)), self._variables) as program:
            if not program.line(_START_S):
                raise Failed(f"qanat-desk pull --watch: {program.said()}")
            yield

    def _watched(
        self, net: Network, vault: Vault, note: Callable[[str], None]
    ) -> dict[bytes, float]:
        changes = sorted(
            (at_s, one.name, is_begin)
            for one in self._setting.reporters
            for window in one.windows
            for at_s, is_begin in zip(window, (True, False), strict=True)
        )
        came: dict[bytes, float] = {}
        told = 0
        while net.now_s() < self._setting.end_s + _BEHIND_S and len(came) < len(self.queued):
            while changes and changes[0][0] <= net.now_s():
                _, name, is_begin = changes.pop(0)
                host = net.namespace(name)
                if is_begin:
                    host.connect()
                else:
                    host.disconnect()
            kept = {
                parcel_id
                for (parcel_id,) in vault.rows("SELECT id FROM parcels WHERE state != 'partial'")
            }
            for each in self.queued:
                if each.parcel_id in came:
                    continue
                if each.parcel_id in kept or self._is_whole(each):
                    came[each.parcel_id] = net.now_s()
            if net.now_s() > told:
                note(f"{told:.0f} s: {len(came)} of {len(self.queued)} at the desk")
                told += 10
            time.sleep(_LOOK_S)
        return came

    def _is_whole(self, each: _Queued) -> bool:
        """Whether all blocks of a body with a file of its own are there, before they are kept."""
        try:
            facts = (self._home / "parcels" / each.parcel_id.hex()).stat()
        except FileNotFoundError:
            return False
        size_bytes = each.item.body_bytes
        # Blocks that did not come are holes, which take no room.
        return facts.st_size == size_bytes and facts.st_blocks * 512 >= size_bytes

    # In the simulator

    def plan(self) -> Plan:
        """The same for the simulator."""
        setting, end_s = self._setting, self._setting.end_s + _BEHIND_S
        relays = [relay_host(number) for number in range(1, _RELAYS + 1)]
        lines = [
            Line(name, 0.0, end_s, _FAST_BYTES_S, _FAST_BYTES_S, 0.02, 0.0, is_foreign=True)
            for name in (*relays, DESK)
        ]
        rate_bytes_s = setting.rate_kbit * 125.0
        lines += [
            Line(
                one.name,
                *window,
                rate_bytes_s,
                rate_bytes_s,
                setting.rtt_ms / 1000.0,
                setting.loss,
            )
            for one in setting.reporters
            for window in one.windows
        ]
        nodes = [
            *(Node(one.name, Role.REPORTER, "city") for one in setting.reporters),
            *(Node(name, Role.RELAY, "abroad") for name in relays),
            Node(DESK, Role.DESK, "abroad"),
        ]
        return Plan(
            "reality",
            _SEED,
            end_s,
            tuple(nodes),
            tuple(sorted(lines, key=lambda line: line.start_s)),
            (),
            tuple(each.item for each in self.queued),
        )

    def simulate(self) -> dict[int, float]:
        """When each item is whole at the desk, by its number."""
        conditions = Conditions(is_tls=False, desk_every_s=self._setting.every_s)
        return dict(simulate(self.plan(), lambda _: None, conditions).arrived_s)


def measure(
    folder: Path, variables: Mapping[str, str], setting: Setting, note: Callable[[str], None]
) -> list[Delay]:
    """Both, side by side. Raises Failed, CalledProcessError."""
    scenery = Scenery(folder, variables, setting)
    scenery.make()
    real, simulated = scenery.live(note), scenery.simulate()
    opened_s = {one.name: one.windows[0][0] for one in setting.reporters}
    return [
        Delay(
            each.reporter,
            each.item.body_bytes,
            opened_s[each.reporter],
            real.get(each.parcel_id),
            simulated.get(each.item.number),
        )
        for each in scenery.queued
    ]


def _shown(at_s: float | None) -> str:
    return "never" if at_s is None else f"{at_s:.1f} s"


def _medians(delays: Sequence[Delay], *, since_opening: bool) -> tuple[float, float]:
    """Of what came in both: in reality, and in the simulator."""
    both = [
        (each.real_s - from_s, each.simulated_s - from_s)
        for each in delays
        if each.real_s is not None and each.simulated_s is not None
        for from_s in [each.opened_s if since_opening else 0.0]
    ]
    return statistics.median(one for one, _ in both), statistics.median(two for _, two in both)


def _print_table(delays: Sequence[Delay]) -> None:
    print(f"{'parcel, since it was written':<30}{'real':>10}{'simulated':>12}{'ratio':>8}")
    for each in delays:
        ratio = (
            ""
            if each.real_s is None or each.simulated_s is None
            else f"{each.simulated_s / each.real_s:.2f}"
        )
        name = f"{each.reporter}, {each.size_bytes:,} bytes"
        print(f"{name:<30}{_shown(each.real_s):>10}{_shown(each.simulated_s):>12}{ratio:>8}")
    for words, since_opening in (("median", False), ("median since a window opened", True)):
        real_s, simulated_s = _medians(delays, since_opening=since_opening)
        ratio = f"{simulated_s / real_s:.2f}"
        print(f"{words:<30}{_shown(real_s):>10}{_shown(simulated_s):>12}{ratio:>8}")


def _note(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def main() -> int:
    """Measure and print; 1 where nothing could be measured or the medians differ by too much."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.simulator_reality",
        description="One small shutdown with real processes in network namespaces and in the"
        " simulator: the delay of each parcel. Needs Linux and root.",
    )
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--folder", type=Path, help="a disk to store on, instead of the temporary")
    options = parser.parse_args()
    missing = what_is_missing()
    if missing is not None:
        print(missing, file=sys.stderr)
        return 1
    (setting,) = SCENES.values()
    with tempfile.TemporaryDirectory(prefix="qanat-reality-", dir=options.folder) as made:
        folder = Path(made)
        machine = look_at(folder)
        try:
            variables = compiled(folder / "compiled") | os.environ
            delays = measure(folder / "scene", variables, setting, _note)
            real_s, simulated_s = _medians(delays, since_opening=False)
        except (Failed, CalledProcessError, statistics.StatisticsError) as error:
            print(f"nothing measured: {error}", file=sys.stderr)
            return 1
    if options.json:
        rows = [asdict(each) for each in delays]
        print(json.dumps({"delays": rows, "real_s": real_s, "simulated_s": simulated_s}))
    else:
        print(f"{machine}\n")
        _print_table(delays)
    return 0 if abs(simulated_s / real_s - 1) <= WITHIN else 1


if __name__ == "__main__":
    sys.exit(main())
