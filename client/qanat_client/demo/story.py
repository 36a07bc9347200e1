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
from qanat_client.demo.verdict import Check, check_everything
from qanat_client.terminal import human_size

__all__ = ["Story"]

RATE_BYTES_S = 1_600_000
"""What the windows let through: a film of 20 MB needs several of them."""
OPEN_RATE_BYTES_S = 40_000_000
WINDOW_S = 4.0
LAST_WINDOW_S = 25.0


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
        for written in (reports.KAZAKH, reports.RUSSIAN, reports.GERMAN, reports.ENGLISH):
            reporter = self.reporters[written.reporter]
            sent = await reporter.write(written, self._media)
            files = f", with {', '.join(sent.files)}" if sent.files else ""
            self._tell(f"  {reporter.name} [{written.language}] {written.what}{files}")
        self._tell("  All is sealed to the desk and queued; no device here can read it any more.")
        for answer in await self._sync_all():
            expect(answer, 3, doing="a sync with no network")
        self._tell("  They try the network: nothing can be reached, and nothing is lost.")

    async def _sync_all(self, *, with_code: bool = False) -> Sequence[Answer]:
        return await asyncio.gather(
            *(reporter.sync(self._gate.proxy, with_code=with_code) for reporter in self.reporters)
        )

    async def _window(self, length_s: float) -> int:
        before = self._gate.carried_bytes
        self._gate.open()
        syncing = asyncio.create_task(self._sync_all())
        await asyncio.wait({syncing}, timeout=length_s)
        self._gate.shut()
        await syncing
        return self._gate.carried_bytes - before

    async def _first_window(self) -> None:
        self._chapter(f"The network is back for {WINDOW_S:.0f} seconds.")
        carried = await self._window(WINDOW_S)
        self._tell(f"  {human_size(carried)} went out before it was cut, the texts first.")
        await self._pull()

    async def _pull(self) -> None:
        await self.desk.pull()
        for report in await self.desk.reports():
            files = f"  files {report['files_arrived']}/{len(report['files'])}"
            self._tell(
                f"    {report['language']}  {report['what']}{files if report['files'] else ''}"
            )

    async def _second_window(self) -> None:
        self._chapter(f"Another {WINDOW_S:.0f} seconds. In the middle, relay 2 is gone for good.")
        window = asyncio.create_task(self._window(WINDOW_S))
        await asyncio.sleep(WINDOW_S / 2)
        await self._relays[1].kill()
        carried = await window
        self._tell(
            f"  {human_size(carried)} more went out. What relay 2 held, relay 1 holds as well,"
        )
        self._tell("  or is still queued: nothing is deleted because it was sent.")

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
        carried = await self._window(LAST_WINDOW_S)
        self._tell(
            f"  {human_size(carried)} went out: the rest of the film, from where it was cut."
        )
        await self._pull()
        self._gate.open()
        await self._sync_all(with_code=True)
        self._gate.shut()

    async def _look(self) -> list[Check]:
        self._chapter("What came of it.")
        await self.desk.export(self.export_folder)
        stopped = await self._relays[0].stop()
        if stopped != 0:
            raise DemoFailed(f"relay 1 did not stop cleanly: exit code {stopped}")
        return await check_everything(self.desk, self.reporters, self.export_folder)
