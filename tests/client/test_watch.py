"""`qanat sync --watch` and `send --now`, a person at a terminal, and letters that pass a film."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import pty
import random
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.client.made_desk import MadeDesk, write_card
from tests.client.relay_process import RelayProcess, fetch
from tests.client.reporter_runs import CODE, START, parcels, qanat, start
from tests.client.roads import port_of

from qanat_protocol.card import RelayEntry


@pytest.fixture
def relay(tmp_path: Path) -> Iterator[RelayProcess]:
    running = RelayProcess(tmp_path / "relay")
    yield running
    running.stop()


def know(home: Path, tmp_path: Path, desk: MadeDesk, entry: RelayEntry) -> None:
    card = write_card(desk.card(relays=[entry]), tmp_path)
    assert qanat(home, "desk", "add", card, "--yes").code == 0


def state(home: Path) -> list[str]:
    return [entry["state"] for entry in qanat(home, "outbox", "--json").json]


def test_now_sends_at_once_and_where_nothing_is_reachable_it_stays_queued(
    tmp_path: Path, desk: MadeDesk, relay: RelayProcess
) -> None:
    home = tmp_path / "h"
    know(home, tmp_path, desk, relay.entry)
    sent = qanat(home, "send", "--json", "x", "--no-code", "--now")
    assert sent.code == 0
    assert sent.json["sync"]["relays"][0]["taken"] == 1
    relay.stop()
    assert qanat(home, "send", "y", "--no-code", "--now").code == 3
    assert state(home) == ["held", "queued"]
    relay.start()
    (home / "settings.toml").write_text("sync_on_send = true\n")
    assert qanat(home, "send", "z", "--no-code").code == 0
    assert state(home) == ["held"] * 3


def test_a_watch_syncs_again_and_ends_when_it_is_told_to(
    tmp_path: Path, desk: MadeDesk, relay: RelayProcess
) -> None:
    home = tmp_path / "h"
    know(home, tmp_path, desk, relay.entry)
    assert qanat(home, "send", "first", "--no-code").code == 0
    process = start(home, "sync", "--watch", "--every", "0.5")
    while state(home) != ["held"]:
        assert process.poll() is None
    assert qanat(home, "send", "second", "--no-code").code == 0
    while state(home) != ["held", "held"]:
        assert process.poll() is None
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 0, err
    assert b"about every 0.5 seconds, as you asked" in out


def test_without_every_a_watch_waits_for_the_system_to_tell_of_a_network(
    tmp_path: Path, desk: MadeDesk, relay: RelayProcess
) -> None:
    home = tmp_path / "h"
    know(home, tmp_path, desk, relay.entry)
    process = start(home, "sync", "--watch")
    assert process.stdout is not None
    while b"nothing is probed in between. Ctrl-C" not in process.stdout.readline():
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    assert process.returncode == 0


class Typist:
    """A person at a terminal: reads what is asked, and types."""

    def __init__(self, home: Path, *arguments: str | Path) -> None:
        self._master, slave = pty.openpty()
        self.process = subprocess.Popen(
            [*START, "--home", str(home), *map(str, arguments)],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
        )
        os.close(slave)
        self.seen = ""
        self._answered = 0

    def wait_for(self, text: str) -> None:
        while text not in self.seen[self._answered :]:
            assert self._read(), f"ended before {text!r}: {self.seen}"

    def _read(self) -> str:
        try:
            more = os.read(self._master, 65_536).decode("utf-8", "replace")
        except OSError as error:
            if error.errno != errno.EIO:
                raise
            more = ""
        self.seen += more
        return more

    def type(self, text: str) -> None:
        # What was asked before is answered now: the next question is a new one.
        self._answered = len(self.seen)
        os.write(self._master, text.encode())

    def end(self) -> int:
        while self._read():
            pass
        os.close(self._master)
        return self.process.wait(timeout=30)


def test_a_person_is_asked_before_a_card_is_kept(tmp_path: Path, desk: MadeDesk) -> None:
    card = write_card(desk.card(), tmp_path)
    home = tmp_path / "h"
    for answer, code, kept in (("no", 2, 0), ("yes", 0, 1)):
        person = Typist(home, "desk", "add", card)
        person.wait_for("Keep this card?")
        person.type(f"{answer}\n")
        assert person.end() == code
        assert len(qanat(home, "desk", "list", "--json").json) == kept


def test_a_person_types_the_text_and_the_code_which_is_not_shown(
    home: Path, desk: MadeDesk
) -> None:
    person = Typist(home, "send")
    person.wait_for("Ctrl-D")
    person.type("Қайырлы таң.\n\x04")
    person.wait_for("Your code")
    person.type(CODE[:-1] + "\n")
    person.wait_for("once more\r\nYour code")
    person.wait_for("can come):")
    person.type(CODE + "\n")
    assert person.end() == 0, person.seen
    assert CODE not in person.seen
    _, report = desk.open(*parcels(home)[0])
    assert report.text == "Қайырлы таң."
    assert report.reply_box is not None


async def _slowly(port: int, relay_port: int, started: asyncio.Event) -> None:
    """Pass on what comes, some 40 blocks a second."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        up_reader, up_writer = await asyncio.open_connection("127.0.0.1", relay_port)

        async def up() -> None:
            while data := await reader.read(16_384):
                up_writer.write(data)
                await up_writer.drain()
                started.set()
                await asyncio.sleep(0.025)

        async def down() -> None:
            while data := await up_reader.read(65_536):
                writer.write(data)
                await writer.drain()
            writer.close()

        with contextlib.suppress(OSError):
            await asyncio.gather(up(), down())
        up_writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", port, limit=32_768)
    async with server:
        await server.serve_forever()


async def test_a_letter_that_is_written_meanwhile_passes_a_film(
    tmp_path: Path, desk: MadeDesk, relay: RelayProcess
) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    started = asyncio.Event()
    road = asyncio.create_task(_slowly(port, port_of(relay.url), started))
    home = tmp_path / "h"
    know(home, tmp_path, desk, relay.entry_at(f"http://127.0.0.1:{port}"))
    film = tmp_path / "film"
    film.write_bytes(random.Random(9).randbytes(25_000_000))
    assert qanat(home, "send", "a film", "--no-code", "--attach", film).code == 0
    process = start(home, "sync")
    try:
        await started.wait()
        await asyncio.to_thread(qanat, home, "send", "the letter", "--no-code")
        wanted = parcels(home)[-1][0].parcel_id
        while wanted not in await asyncio.to_thread(fetch, relay.entry, desk):
            assert process.poll() is None
        film_id = parcels(home)[1][0].parcel_id
        held = await asyncio.to_thread(fetch, relay.entry, desk)
        assert film_id not in held
        assert process.poll() is None
    finally:
        process.kill()
        process.communicate()
        road.cancel()
        await asyncio.wait({road})
