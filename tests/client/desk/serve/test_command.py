"""`qanat-desk serve` as a program: its link, its end, and what it writes about whom."""

from __future__ import annotations

import contextlib
import http.client
import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.client.desk.newsroom import Clock, Newsroom, Writer, open_directly
from tests.secret_search import runs_of, search

SECRET = "Nobody may read this sentence"


@pytest.fixture
def newsroom(tmp_path: Path) -> Newsroom:
    made = Newsroom(tmp_path / "desk", Clock(time.time()))
    made.init()
    return made


class Program:
    """A run of `qanat-desk serve` in a process of its own."""

    def __init__(self, newsroom: Newsroom, *arguments: str) -> None:
        secret = newsroom.home.parent / f"{newsroom.home.name}.passphrase"
        secret.write_text(newsroom.passphrase + "\n")
        given = ["--json", "--home", str(newsroom.home), "--passphrase-file", str(secret)]
        self.process = subprocess.Popen(
            [
                sys.executable,
                "-c",
                "import sys; from qanat_client.desk.cli import main; sys.exit(main())",
                *given,
                "serve",
                *arguments,
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        said = self.process.stdout.readline()
        assert said, self.process.communicate()[1]
        self.link: str = json.loads(said)["link"]
        self.address, _, self.token = self.link.partition("#")
        self.port = int(self.address.split(":")[2].rstrip("/"))
        self.session = ""

    def ask(self, path: str, value: Any = None, **headers: str) -> tuple[int, Any]:
        """The status and what is said."""
        body = None if value is None else json.dumps(value)
        sent = {"Authorization": f"Bearer {self.session}", "Content-Type": "application/json"}
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        with contextlib.closing(line):
            line.request("GET" if body is None else "POST", path, body, sent | headers)
            answer = line.getresponse()
            return answer.status, json.loads(answer.read())

    def log_in(self) -> None:
        status, said = self.ask("/api/login", {"token": self.token})
        assert status == 200, said
        self.session = said["session"]

    def stop(self, number: int = signal.SIGINT) -> tuple[int, str]:
        """The exit code, and all that it said to the person."""
        self.process.send_signal(number)
        _, err = self.process.communicate(timeout=60)
        return self.process.returncode, err


@contextmanager
def program(newsroom: Newsroom, *arguments: str) -> Iterator[Program]:
    run = Program(newsroom, *arguments)
    try:
        yield run
    finally:
        if run.process.poll() is None:
            run.process.kill()
            run.process.communicate()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_shows_a_link_answers_and_ends_cleanly(newsroom: Newsroom, number: int) -> None:
    with program(newsroom, "--no-pull") as run:
        run.log_in()
        status, desk = run.ask("/api/desk")
        assert (status, desk["name"], desk["pull"]["state"]) == (200, "Desk of the tests", "idle")
        code, err = run.stop(number)
        assert code == 0
        assert run.link in err
        assert err.endswith("stopped; nothing is lost\n")


def test_it_ends_while_a_window_listens_and_the_pull_waits(newsroom: Newsroom) -> None:
    with program(newsroom) as run:
        run.log_in()
        line = http.client.HTTPConnection("127.0.0.1", run.port, timeout=60)
        with contextlib.closing(line):
            line.request("GET", "/api/live", headers={"Authorization": f"Bearer {run.session}"})
            answer = line.getresponse()
            assert answer.readline() == b"event: changed\n"
            code, _ = run.stop()
            assert (code, answer.read()[-2:]) == (0, b"\n\n")


async def test_neither_addresses_nor_reports_are_in_what_it_writes(newsroom: Newsroom) -> None:
    desk = newsroom.open()
    writer = Writer(desk.card, desk.today)
    identity, parcels = writer.write(SECRET, where="Almaty")
    await open_directly(desk, parcels)
    desk.vault.close()
    with program(newsroom) as run:
        run.log_in()
        run.ask(f"/api/reports/{identity.hex()}")
        run.ask("/api/inbox", {"words": "sentence"})
        run.ask("/api/inbox", {"words": SECRET, "nothing": SECRET})
        run.ask(f"/api/{SECRET.replace(' ', '%20')}")
        run.ask("/api/desk", Origin="http://evil.example")
        with socket.create_connection(("127.0.0.1", run.port)) as line:
            line.sendall(SECRET.encode() + b" / HTTP/9.9\r\n\r\n")
            line.recv(1000)
        _, err = run.stop()
    lines = [line for line in err.splitlines() if line.strip()]
    assert [line for line in lines if "http" in line and "127.0.0.1" not in line] == []
    assert SECRET.split(maxsplit=1)[0] not in err
    assert "Almaty" not in err
    assert identity.hex()[:8] not in err
    assert "evil.example" not in err
    assert "Traceback" not in err


def test_a_browser_is_opened_where_that_was_asked_for_without_the_token_in_its_arguments(
    newsroom: Newsroom, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen, browser = tmp_path / "seen", tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\necho "$@" > {seen}\n')
    browser.chmod(0o700)
    monkeypatch.setenv("BROWSER", str(browser))
    page = newsroom.home / "open.html"
    with program(newsroom, "--no-pull", "--open") as run:
        deadline_s = time.monotonic() + 30
        while not (seen.exists() and seen.read_text()) and time.monotonic() < deadline_s:
            time.sleep(0.05)
        assert seen.read_text() == f"{page.absolute().as_uri()}\n"
        assert run.link in page.read_text()
        assert page.stat().st_mode & 0o777 == 0o600
        run.log_in()
        assert not page.exists()
        assert run.stop()[0] == 0
    with program(newsroom, "--no-pull", "--open") as run:
        assert run.stop()[0] == 0
    assert not page.exists()


async def test_the_folder_shows_nothing_of_what_was_written_in_a_window(
    newsroom: Newsroom, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    for name in ("TMPDIR", "SQLITE_TMPDIR"):
        monkeypatch.setenv(name, str(temporary))
    desk = newsroom.open()
    writer = Writer(desk.card, desk.today).with_box()
    identity, parcels = writer.write(SECRET, where="Almaty, the fountain")
    await open_directly(desk, parcels)
    desk.vault.close()
    said = ("We know who held the gun", "fountain-and-gun")
    with program(newsroom) as run:
        run.log_in()
        report = identity.hex()
        run.ask("/api/inbox", {"words": "sentence"})
        assert run.ask(f"/api/reports/{report}/reply", {"text": said[0]})[0] == 200
        tag = {"what": "tag", "report": report, "tag": said[1]}
        assert run.ask("/api/decide", {"changes": [tag]})[0] == 200
        incident = {"name": said[1], "reports": [report]}
        assert run.ask("/api/incidents", incident)[0] == 200
        runs = runs_of([SECRET, *said, newsroom.passphrase, run.token, run.session])
        found = search([newsroom.home, temporary], runs)
        run.stop()
    assert found == []
    assert search([newsroom.home, temporary], runs) == []


def test_a_wrong_passphrase_is_told_in_a_sentence(newsroom: Newsroom) -> None:
    done = Newsroom(newsroom.home, newsroom.clock, "not the passphrase").run("serve", "--no-pull")
    assert done.code == 2
    assert "this passphrase does not open the vault" in done.err


def test_a_port_that_is_taken_is_told_before_anybody_is_asked_for_a_passphrase(
    newsroom: Newsroom,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        done = newsroom.run("serve", "--no-pull", "--port", str(port))
    assert (done.code, f"port {port}" in done.err) == (2, True)
    for wrong in ("-1", "65536", "x"):
        assert newsroom.run("serve", "--port", wrong).code == 2


def test_a_folder_without_a_desk_is_told(tmp_path: Path) -> None:
    done = Newsroom(tmp_path / "none").run("serve")
    assert (done.code, "holds no desk" in done.err) == (2, True)
