"""A flood of valid letters, lines that drip and garbage at once, while honest reporters send."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import pytest
from tests.attackers.peak import resident_bytes
from tests.client.conftest import desk
from tests.client.made_desk import MadeDesk, write_card
from tests.client.relay_process import RelayProcess
from tests.client.reporter_runs import qanat, start

from qanat_relay.store.files import DATABASE

__all__ = ["desk"]

ARRIVE = (
    "Under a flood of valid letters without stamps, lines that drip and garbage every honest letter"
    " still arrives, and what was acknowledged stays."
)
SETTINGS = """
capacity_bytes = 67_108_864
partial_bytes = 16_777_216
largest_body_bytes = 1_048_576
"""
QUOTA = 600
"""What such a relay takes for nothing, in letters: half of a quarter of three eighths of it."""

MORE = 1.2
"""Resident memory under the storm, against that in the calm."""


@dataclass(frozen=True)
class Run:
    """What was measured of honest reporters: seconds from the command to its end, all taken."""

    delays_s: list[float]
    resident_bytes: int
    relay_letters: int
    flood: dict[str, Any]


@contextmanager
def relay_in(folder: Path) -> Iterator[RelayProcess]:
    folder.mkdir(parents=True)
    (folder / "relay.toml").write_text(SETTINGS)
    relay = RelayProcess(folder)
    try:
        yield relay
    finally:
        relay.stop()


def letters_in(relay: RelayProcess) -> int:
    """What it has counted of them."""
    path = relay.data / "store" / DATABASE
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection:
        return int(connection.execute("SELECT letters FROM tally").fetchone()[0])


@contextmanager
def flooding(relay: RelayProcess, **counts: int) -> Iterator[subprocess.Popen[str]]:
    """The flooder beside; `communicate` ends it, and gives what it counted."""
    options = [part for name, count in counts.items() for part in (f"--{name}", str(count))]
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "tests.attackers.flooder"),
            *(relay.url, relay.card.sealing_key.hex(), *options),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def made_homes(folder: Path, desk: MadeDesk, relay: RelayProcess, count: int) -> list[Path]:
    """Homes with a letter each."""
    folder.mkdir()
    card = write_card(desk.card(relays=(relay.entry,)), folder)
    homes = [folder / f"home{number}" for number in range(count)]
    for number, home in enumerate(homes):
        assert qanat(home, "desk", "add", card, "--yes").code == 0
        assert qanat(home, "send", f"They came at night, {number}.", "--no-code").code == 0
    return homes


async def sync(home: Path) -> float:
    """One reporter's `qanat sync`, again until the letter is held; the seconds that it took."""
    begun_s = time.monotonic()
    out = err = b""
    for _ in range(20):
        process = start(home, "sync", "--json")
        out, err = await asyncio.to_thread(process.communicate)
        assert b"Traceback" not in err
        if any(relay["taken"] or relay["had"] for relay in json.loads(out)["relays"]):
            return time.monotonic() - begun_s
    raise AssertionError(f"never taken: {out!r} {err!r}")


async def all_sync(homes: list[Path], together: int, pause_s: float) -> list[float]:
    """All reporters, so many at once."""
    turns = asyncio.Semaphore(together)

    async def one(home: Path) -> float:
        async with turns:
            await asyncio.sleep(pause_s)
            return await sync(home)

    return list(await asyncio.gather(*map(one, homes)))


@dataclass(frozen=True)
class Prepared:
    """A relay that has taken what it takes for nothing, about, and reporters with a letter each."""

    relay: RelayProcess
    homes: list[Path]
    stored: int

    def found(self, delays_s: list[float], flood: dict[str, Any]) -> Run:
        """flood: what the flooder counted, whatever was stored before it came."""
        stored = self.stored + flood.get("STORED", 0)
        resident = resident_bytes(self.relay.pid)
        return Run(delays_s, resident, letters_in(self.relay), {**flood, "STORED": stored})


@contextmanager
def prepared(folder: Path, desk: MadeDesk, reporters: int) -> Iterator[Prepared]:
    with relay_in(folder / "relay") as relay:
        with flooding(relay, letters=QUOTA - 100, sessions=1) as before:
            assert before.stdout is not None
            stored = json.loads(before.stdout.readline())["STORED"]
        yield Prepared(relay, made_homes(folder / "homes", desk, relay, reporters), stored)


def sync_through(
    relay: RelayProcess, homes: list[Path], together: int, pause_s: float, **flood: int
) -> tuple[list[float], dict[str, Any]]:
    """What reporters take while that relay is flooded, and what came of the flood, all of it."""
    with flooding(relay, **flood) as process:
        delays_s = asyncio.run(all_sync(homes, together, pause_s))
        assert process.stdout is not None
        out = process.stdout.read()
    return delays_s, json.loads(out)


@pytest.mark.promise(ARRIVE)
def test_honest_letters_arrive_through_a_flood_a_drip_and_garbage(
    tmp_path: Path, desk: MadeDesk
) -> None:
    with prepared(tmp_path / "storm", desk, 6) as storm:
        found = storm.found(
            *sync_through(
                storm.relay, storm.homes, 3, 0.1, letters=2 * QUOTA, sessions=4, drips=40, garbage=2
            )
        )
    assert len(found.delays_s) == 6
    assert found.flood["STAMP_WANTED"] > 0
    # What the flood was told to be stored is, and so are the honest letters.
    assert found.relay_letters >= found.flood["STORED"] + 6
    assert found.flood["STORED"] < 2 * QUOTA
    assert found.resident_bytes < 200 << 20


@pytest.mark.soak
@pytest.mark.promise(ARRIVE)
def test_a_hundred_reporters_are_hardly_slower_through_fifty_times_the_quota(
    tmp_path: Path, desk: MadeDesk
) -> None:
    with (
        prepared(tmp_path / "calm", desk, 100) as calm,
        prepared(tmp_path / "storm", desk, 100) as storm,
    ):
        # In turns, to the relay that is flooded and to one that is not: so both kinds have the same
        # machine, with a flooder on it and whatever else there is.
        homes = [home for pair in zip(calm.homes, storm.homes, strict=True) for home in pair]
        delays_s, flood = sync_through(
            storm.relay, homes, 4, 4.0, letters=50 * QUOTA, sessions=16, drips=200, garbage=8
        )
        quiet, stormy = calm.found(delays_s[::2], {}), storm.found(delays_s[1::2], flood)
    for name, each in (("calm", quiet), ("storm", stormy)):
        print(
            f"{name}: median {median(each.delays_s):.2f} s, 99th percentile"
            f" {sorted(each.delays_s)[98]:.2f} s, resident {each.resident_bytes / 2**20:.1f} MiB,"
            f" letters {each.relay_letters}, flood {each.flood}"
        )
    assert stormy.relay_letters >= stormy.flood["STORED"] + 100
    assert median(stormy.delays_s) <= 2 * median(quiet.delays_s)
    assert sorted(stormy.delays_s)[98] <= 10 * sorted(quiet.delays_s)[98]
    assert stormy.resident_bytes <= MORE * quiet.resident_bytes
