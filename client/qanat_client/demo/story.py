"""The story of the demonstration, step by step. Everything in it happens; nothing is played."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path

from qanat_client.demo import reports
from qanat_client.demo.gate import Gate
from qanat_client.demo.media import make_film, make_photo
from qanat_client.demo.people import DemoFailed, Desk, Reporter, expect
from qanat_client.demo.programs import Answer, Relay, run
from qanat_client.demo.reports import Written
from qanat_client.demo.verdict import Check, check_everything
from qanat_client.terminal import human_size

__all__ = ["Story"]

RATE_BYTES_S = 2_000_000
"""What the windows let through: a film of 20 MB needs several of them."""
OPEN_RATE_BYTES_S = 40_000_000
WINDOW_S = 3.0
LONGEST_WINDOW_S = 15.0
LEAST_BYTES = 500_000


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Story:
    """One run in an empty folder; `tell` is given each sentence."""

    def __init__(self, folder: Path, tell: Callable[[str], None]) -> None:
        self.folder = folder
        self.export_folder = folder / "exported-inbox"
        self._tell = tell
        self._media = folder / "media"
        self._gate = Gate(rate_bytes_s=RATE_BYTES_S)
        self._started_s = time.monotonic()
        self._relays = [
            Relay(folder / "relay-1", "relay 1", "DE"),
            Relay(folder / "relay-2", "relay 2", "KG"),
        ]
        self.desk = Desk(folder / "desk", folder / "desk-passphrase")
        self.reporters = [
            Reporter(f"reporter {n} ({city})", folder / f"reporter-{n}", folder / f"code-{n}")
            for n, city in enumerate(("Almaty", "Aktau", "Nur-Sultan"), start=1)
        ]

    def _chapter(self, title: str) -> None:
        self._tell(f"\n[{time.monotonic() - self._started_s:4.0f} s] {title}")

    async def play(self) -> list[Check]:
        """Tells the whole story and stops what it started; what was checked at its end."""
        async with AsyncExitStack() as stack:
            for relay in self._relays:
                stack.push_async_callback(relay.stop)
            stack.callback(self._gate.remove)
            await self._build()
            await self._write_in_the_dark()
            await self._first_window()
            await self._second_window()
            await self._answer()
            await self._last_window()
            return await self._look()

    async def _build(self) -> None:
        self._chapter("Abroad: two relays and an editors' desk. Inside: three reporters.")
        self._media.mkdir(parents=True)
        make_photo(self._media / "photo.jpg", seed=2022)
        make_film(self._media / "film.y4m", seed=105)
        await self._gate.build()
        await asyncio.gather(*(self._start_relay(relay) for relay in self._relays))
        card = self.folder / "newsroom.card"
        fingerprint = await self.desk.prepare(self._relays, card)
        self._tell(f"  The desk's card names both relays. Its fingerprint: {fingerprint}")
        for relay in self._relays:
            answer = await run("qanat-relay", "desk", "add", card, "--data", relay.data)
            expect(answer, 0, doing=f"{relay.name} takes the card")
        await asyncio.gather(*(reporter.prepare(card) for reporter in self.reporters))
        self._tell("  Each reporter took the card and learnt a code of 24 digits.")

    async def _start_relay(self, relay: Relay) -> None:
        port = _free_port()
        url = f"http://127.0.0.1:{port}"
        arguments = ["--name", relay.name, "--country", relay.country, "--address", url]
        made = await run("qanat-relay", "init", "--data", relay.data, *arguments)
        expect(made, 0, doing=f"{relay.name} is made")
        await relay.start(port)

    async def _write_in_the_dark(self) -> None:
        self._chapter("The country is cut off. They write.")
        written = (reports.KAZAKH, reports.RUSSIAN, reports.GERMAN, reports.ENGLISH)
        await asyncio.gather(*(self._write(reporter, written) for reporter in self.reporters))
        self._tell("  All is sealed to the desk and queued; no device here can read it any more.")
        for answer in await self._sync_all():
            expect(answer, 3, doing="a sync with no network")
        self._tell("  They try the network: nothing can be reached, and nothing is lost.")

    async def _write(self, reporter: Reporter, written: Sequence[Written]) -> None:
        for one in written:
            if self.reporters[one.reporter] is reporter:
                sent = await reporter.write(one, self._media)
                files = f", with {', '.join(sent.files)}" if sent.files else ""
                self._tell(f"  {reporter.name} [{one.language}] {one.what}{files}")

    async def _sync_all(self, *, with_code: bool = False) -> Sequence[Answer]:
        return await asyncio.gather(
            *(reporter.sync(self._gate.proxy, with_code=with_code) for reporter in self.reporters)
        )

    async def _window(self) -> None:
        """Opens the gate, and shuts it `WINDOW_S` after the first byte has passed.

        On a slow machine the programs take seconds to start: there a window stays open until what
        the story needs of it, the texts, can have passed.
        """
        before, opened_s = self._gate.carried_bytes, time.monotonic()
        self._gate.open()
        syncing = asyncio.create_task(self._sync_all())
        passing = asyncio.create_task(self._let_pass(before))
        await asyncio.wait(
            {syncing, passing}, timeout=LONGEST_WINDOW_S, return_when=asyncio.FIRST_COMPLETED
        )
        self._gate.shut()
        shut_s = time.monotonic()
        passing.cancel()
        await syncing
        self._tell(
            f"  {human_size(self._gate.carried_bytes - before)} went out"
            f" in {shut_s - opened_s:.0f} seconds."
        )

    async def _let_pass(self, before: int) -> None:
        await self._gate.wait_for(before + 1)
        await asyncio.gather(asyncio.sleep(WINDOW_S), self._gate.wait_for(before + LEAST_BYTES))

    async def _first_window(self) -> None:
        self._chapter("The network is back for some seconds. The texts go first.")
        await self._window()
        await self._pull()

    async def _pull(self) -> None:
        await self.desk.pull()
        self._tell("  The desk pulls, and can read:")
        order = [one.report_id for reporter in self.reporters for one in reporter.sent]
        for report in sorted(await self.desk.reports(), key=lambda one: order.index(one["id"])):
            whole = report["files_arrived"] == len(report["files"])
            state = "is here" if whole else "is still on its way"
            files = "".join(f"; {file['name']} {state}" for file in report["files"])
            self._tell(f"    {report['language']}  {report['what']}{files}")

    async def _second_window(self) -> None:
        self._chapter("A few seconds more. In the middle of them relay 2 is gone for good.")
        passing = self._gate.wait_for(self._gate.carried_bytes + LEAST_BYTES)
        begun = asyncio.create_task(passing)
        window = asyncio.create_task(self._window())
        await asyncio.wait({window, begun}, return_when=asyncio.FIRST_COMPLETED)
        begun.cancel()
        await self._relays[1].kill()
        await window
        self._tell("  What relay 2 held lies on relay 1 as well, or is still queued: nothing is")
        self._tell("  deleted because it was sent.")

    async def _answer(self) -> None:
        self._chapter("The desk answers, and publishes a bulletin.")
        kazakh = self.reporters[0].sent[0]
        await self.desk.reply(kazakh.report_id, reports.REPLY)
        await self.desk.bulletin("Когда есть связь", reports.BULLETIN)
        self._tell(f"  to the report from Almaty: {reports.REPLY}")
        self._tell(f"  to everybody: {reports.BULLETIN}")

    async def _last_window(self) -> None:
        self._chapter("Reporter 3 has asked around, and corrects a figure. The network comes back.")
        corrector = self.reporters[2]
        wrong = corrector.sent[0]
        await corrector.write(reports.CORRECTION, self._media, corrects=wrong.report_id)
        self._gate.rate_bytes_s = OPEN_RATE_BYTES_S
        self._tell(
            "  It stays long enough for the rest of the film, which goes on where it was cut."
        )
        self._gate.open()
        for answer in await self._sync_all():
            expect(answer, 0, doing="a sync while the network is there")
        await self._pull()
        await self._sync_all(with_code=True)
        self._gate.shut()

    async def _look(self) -> list[Check]:
        self._chapter("What came of it.")
        await self.desk.export(self.export_folder)
        stopped = await self._relays[0].stop()
        if stopped != 0:
            raise DemoFailed(f"relay 1 did not stop cleanly: exit code {stopped}")
        return await check_everything(self.desk, self.reporters, self.export_folder)
