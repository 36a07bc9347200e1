"""`qanat-relay status --watch` works beside a relay and without one, and says where it reads."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import re
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
from tests.relay.made_parcels import make
from tests.relay.relay_process import COMMAND, serving
from tests.relay.running_relay import talking, transfer
from tests.relay.test_server_commands import place

from qanat_protocol.days import day_of
from qanat_relay.cli import main
from qanat_relay.config import Config
from qanat_relay.status import read_status
from qanat_relay.store.files import STORE_FOLDER
from qanat_relay.viewing import view_store
from qanat_relay.watching.live import Reading, to_lines
from qanat_relay.watching.running import Numbers


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A folder of a relay that ran once."""
    folder = tmp_path / "relay"
    assert main(["init", "--data", str(folder)]) == 0
    with serving("--data", str(folder), "--listen", "127.0.0.1:0") as (process, line):
        assert line
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)
    return folder


@contextmanager
def watching(data: Path, *arguments: str, **popen: Any) -> Iterator[subprocess.Popen[str]]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    process = subprocess.Popen(
        [*COMMAND, "status", "--data", str(data), "--watch", "0.3", *arguments],
        **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **popen},
        text=True,
        env=environment,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def lines(process: subprocess.Popen[str]) -> Iterator[dict[str, Any]]:
    assert process.stdout is not None
    for line in process.stdout:
        yield json.loads(line)


def test_without_a_relay_the_store_is_read_and_it_says_so(data: Path) -> None:
    with watching(data, "--json") as process:
        told = lines(process)
        first, second = next(told), next(told)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 0
    assert errors == ""
    assert first["source"] == "the store alone; no relay is seen to run"
    assert first["running"] is False
    assert first["letters"] == 0
    assert first["process"] is None
    assert first["rates"] is None
    assert second["rates"] == {"parcels": 0.0, "used_bytes": 0.0}


async def test_beside_a_relay_rates_and_what_it_alone_knows_are_told(data: Path) -> None:
    port = free_port()
    with (data / "relay.toml").open("a") as settings:
        settings.write(f'listen_metrics = ["127.0.0.1:{port}"]\n')
    at = ("--listen", "127.0.0.1:0", "--listen-udp", "127.0.0.1:0", "--json")
    with serving("--data", str(data), *at) as (_, line):
        *urls, metrics = json.loads(line)["listening"]
        assert metrics == f"http://127.0.0.1:{port}/metrics"
        with watching(data, "--json") as process:
            told = lines(process)
            first = await asyncio.to_thread(next, told)
            day = day_of(time.time())
            async with talking(place(json.dumps({"listening": urls})), "exchange") as talk:
                for number in range(20):
                    await talk.say(*transfer(make(number, expiry_day=day + 30), number))
                await talk.say(*transfer(make(99, expiry_day=day - 1), 20))
                await talk.statuses(21)
                moved = await until(told, lambda each: each["letters"] == 20)
                await talk.end()
    assert first["source"] == "the store, and the running relay"
    assert first["running"] is True
    assert first["process"]["sessions"]["exchange"] == 0
    assert moved["process"]["sessions"]["exchange"] == 1
    assert moved["process"]["refused"] == {"expired": 1}
    assert moved["process"]["outcomes"]["stored"] == 20
    assert moved["process"]["effort"] == 0
    assert moved["process"]["gate_parcels"] == moved["process"]["gate_bytes"] == 0
    assert {"parcels", "received_bytes", "sent_bytes", "commits"} <= set(moved["rates"])


def test_a_person_is_told_what_waits_to_be_let_in(data: Path) -> None:
    numbers = Numbers({("gate_parcels", ""): 1200.0, ("gate_bytes", ""): 5.0 * 2**20})
    config = Config()
    with view_store(data / STORE_FOLDER) as view:
        status = read_status(view, config, 0, bytes(32))
    lines = to_lines(Reading(0.0, 0, status, (), numbers, True), None, 80)
    assert "gate      1,200 wait to be let in, 5.0 MiB in memory" in lines


def test_a_relay_that_runs_without_metrics_is_told_apart(data: Path) -> None:
    with (
        serving("--data", str(data), "--listen", "127.0.0.1:0"),
        watching(data, "--json") as process,
    ):
        first = next(lines(process))
    assert first["running"] is True
    assert first["source"] == (
        "the store alone; the relay runs, but says nothing: set listen_metrics"
    )
    assert first["process"] is None


def test_in_a_pipe_one_reading_follows_the_other_without_control_codes(data: Path) -> None:
    with watching(data) as process:
        assert process.stdout is not None
        text = ""
        while text.count("\nfrom ") < 2:
            text += process.stdout.readline()
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
    assert process.returncode == 0
    assert "\033" not in text
    assert "change    after the next look" in text
    assert text.count("change    after the next look") == 1


def test_a_pipe_that_is_closed_ends_it_without_a_word(data: Path) -> None:
    with watching(data) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.wait(timeout=60) == 0
        assert process.stderr.read() == ""
        process.stdout = None


def test_on_a_terminal_it_is_drawn_in_one_place(data: Path) -> None:
    ours, theirs = pty.openpty()
    with watching(data, stdout=theirs, stdin=theirs) as process:
        os.close(theirs)
        seen = b""
        while seen.count(b"\033[H") < 3:
            seen += os.read(ours, 65_536)
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=60) == 0
    os.close(ours)
    assert b"Traceback" not in seen


@pytest.mark.parametrize("columns", [40, 60, 120])
def test_lines_fit_the_terminal(
    data: Path, columns: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("LINES", "50")
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)

    def end(_: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("qanat_relay.watching.live.time.sleep", end)
    assert main(["status", "--data", str(data), "--watch"]) == 0
    shown = re.sub(r"\033\[\w", "", capsys.readouterr().out).splitlines()
    assert any(line.startswith("stored    0 letters") for line in shown)
    assert max(map(len, shown)) < columns


@pytest.mark.parametrize("text", ["0", "-1", "soon", "nan"])
def test_an_interval_that_is_none_is_refused(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["status", "--watch", text])
    assert "0.1 to 86400 seconds" in capsys.readouterr().err


async def until(told: Iterator[dict[str, Any]], holds: Any) -> dict[str, Any]:
    async with asyncio.timeout(60):
        while not holds(value := await asyncio.to_thread(next, told)):
            pass
    return value


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
