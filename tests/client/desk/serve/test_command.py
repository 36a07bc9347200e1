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
