"""`python -m benchmarks.desk_screen`: how soon the editors' screen shows its inbox with very many
reports, and how long it takes to answer a key while as many as a night brings are pulled.

Needs Chromium and `make app`. The screen's times are those of the browser: until the first rows
stand there, and from a key to the next picture, as its Event Timing counts it (steps of 8 ms).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from playwright.async_api import Page

from benchmarks.browser import Missing, browsing
from benchmarks.chain import Chain, run_relay
from benchmarks.desk import TEXT
from benchmarks.machine import look_at
from benchmarks.metered import compiled
from benchmarks.search import Writers, store
from benchmarks.sockets import free_port
from benchmarks.windows.rows import percentile
from qanat_client.demo.programs import command
from qanat_client.desk.catalogue import catch_up
from qanat_client.desk.serve.built_app import BUILT
from qanat_client.desk.vault import Vault
from qanat_client.web_app.files import read_app

PATIENCE_MS: Final = 120_000
PRESSED_EVERY_S: Final = 0.1
# Run in the page before its own scripts: what each key took until the next picture.
WATCH_KEYS: Final = """
window.keysTook = [];
new PerformanceObserver((list) => {
  for (const entry of list.getEntries())
    if (entry.name === "keydown") window.keysTook.push(entry.duration);
}).observe({ type: "event", durationThreshold: 16, buffered: true });
"""


@dataclass(frozen=True, slots=True)
class Paint:
    """Until the first rows stand there, each in a new window, and what one answer took."""

    reports: int
    first_rows_ms: list[float]
    inbox_ms: list[float]


@dataclass(frozen=True, slots=True)
class Latency:
    """keys: pressed while reports were pulled; slow_ms: what those took that took 16 ms or more."""

    reports: int
    pull_s: float
    keys: int
    slow_ms: list[float]
    inbox_ms: list[float]


class Served:
    """`qanat-desk serve` as a program, and the links that it shows."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def link(self) -> str:
        """The next one. Raises RuntimeError where the program ended."""
        assert self._process.stderr is not None, "it is a pipe"
        async for line in self._process.stderr:
            for word in line.decode().split():
                if "/#" in word:
                    return word
        raise RuntimeError("the server ended")


@asynccontextmanager
async def serving(home: Path, passphrase: Path, *options: str) -> AsyncIterator[Served]:
    """The program until the end of the block."""
    given = ["--json", "--home", str(home), "--passphrase-file", str(passphrase), "serve"]
    process = await asyncio.create_subprocess_exec(
        *command("qanat-desk", [*given, *options]),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield Served(process)
    finally:
        process.terminate()
        await process.communicate()


async def _opened(page: Page, link: str) -> float:
    """Milliseconds until the first rows stand there."""
    begun_s = time.perf_counter()
    await page.goto(link, wait_until="commit", timeout=PATIENCE_MS)
    await page.get_by_role("option").first.wait_for(timeout=PATIENCE_MS)
    return (time.perf_counter() - begun_s) * 1000


async def _answers_ms(page: Page) -> list[float]:
    """What each answer to a question for the inbox took."""
    found: list[float] = await page.evaluate(
        "performance.getEntriesByType('resource')"
        ".filter((entry) => entry.name.endsWith('/api/inbox')).map((entry) => entry.duration)"
    )
    return found


async def paint(folder: Path, chain: Chain, reports: int, turns: int) -> Paint:
    """The first paint of a desk with so many reports."""
    vault = Vault.open(chain.desk_home, chain.passphrase.read_text().strip())
    store(vault, Writers(1), reports)
    catch_up(vault)
    vault.close()
    rows_ms: list[float] = []
    inbox_ms: list[float] = []
    async with serving(chain.desk_home, chain.passphrase, "--no-pull") as served:
        for turn in range(turns):
            async with browsing(folder / f"profile {turn}") as context:
                page = await context.new_page()
                rows_ms.append(await _opened(page, await served.link()))
                inbox_ms += await _answers_ms(page)
    return Paint(reports, rows_ms, inbox_ms)


async def latency(folder: Path, chain: Chain, listen: str, reports: int) -> Latency:
    """Keys are pressed while so many reports are pulled; some were there before."""
    variables = compiled(folder / "compiled")
    with run_relay(chain.relay_data, variables, listen):
        async with (
            serving(chain.desk_home, chain.passphrase) as served,
            browsing(folder / "profile") as context,
        ):
            page = await context.new_page()
            await page.add_init_script(WATCH_KEYS)
            begun_s = time.perf_counter()
            await _opened(page, await served.link())
            keys = 0
            while True:
                await page.keyboard.press("j" if keys // 20 % 2 == 0 else "k")
                keys += 1
                await asyncio.sleep(PRESSED_EVERY_S)
                if keys % 10 == 0 and _opened_at(chain) >= reports:
                    break
            pull_s = time.perf_counter() - begun_s
            slow_ms: list[float] = await page.evaluate("window.keysTook")
            return Latency(reports, pull_s, keys, slow_ms, await _answers_ms(page))


def _opened_at(chain: Chain) -> int:
    vault = Vault.open(chain.desk_home, chain.passphrase.read_text().strip())
    try:
        return int(vault.value("SELECT count(*) FROM catalogue"))
    finally:
        vault.close()


def _measure(folder: Path, arguments: argparse.Namespace) -> tuple[Paint, Latency]:
    listen = f"127.0.0.1:{free_port()}"
    quiet, busy = (Chain(folder / name, compiled(folder / "compiled")) for name in ("a", "b"))
    quiet.make("http://127.0.0.1:9")
    painted = asyncio.run(paint(folder, quiet, arguments.reports, arguments.turns))
    busy.make(f"http://{listen}")
    busy.queue([f"{number}. {TEXT}" for number in range(arguments.pulled)])
    with run_relay(busy.relay_data, compiled(folder / "compiled"), listen):
        busy.sync(arguments.pulled)
    return painted, asyncio.run(latency(folder, busy, listen, arguments.pulled))


def main() -> int:
    """Measure and print; 1 where something is missing."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.desk_screen", description=__doc__)
    parser.add_argument("--reports", type=int, default=100_000, metavar="N")
    parser.add_argument("--pulled", type=int, default=10_000, metavar="N")
    parser.add_argument("--turns", type=int, default=5, metavar="N")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    if not read_app(BUILT):
        print("the editors' app is not built: make app")
        return 1
    with tempfile.TemporaryDirectory(prefix="qanat-screen-") as name:
        folder = Path(name)
        try:
            painted, pressed = _measure(folder, arguments)
        except Missing as missing:
            print(missing)
            return 1
        machine = look_at(folder)
    if arguments.json:
        print(json.dumps({"paint": asdict(painted), "latency": asdict(pressed)}))
        return 0
    slow_ms = pressed.slow_ms or [0.0]
    print(machine)
    print(
        f"{painted.reports:,} reports: first rows after"
        f" {statistics.median(painted.first_rows_ms):.0f} ms (most"
        f" {max(painted.first_rows_ms):.0f}), the inbox's answer"
        f" {statistics.median(painted.inbox_ms):.0f} ms (most {max(painted.inbox_ms):.0f})"
    )
    print(
        f"{pressed.reports:,} reports pulled and ready in {pressed.pull_s:.1f} s, {pressed.keys}"
        f" keys meanwhile: {len(pressed.slow_ms)} took 16 ms or more, 95 of 100 of those at most"
        f" {percentile(slow_ms, 0.95):.0f} ms, most {max(slow_ms):.0f};"
        f" the inbox's answer {statistics.median(pressed.inbox_ms):.0f} ms (most"
        f" {max(pressed.inbox_ms):.0f})"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
