"""`serve --dry-run`: says what would be done, does none of it."""

from __future__ import annotations

import json
import socket
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from tests.relay.relay_process import Authority, serving

from qanat_protocol.relay_card import parse_relay_card
from qanat_protocol.statement import fingerprint
from qanat_relay.cli import main


class Tried:
    """The data folder of a relay, and what a dry run says of it."""

    def __init__(self, data: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.data = data
        self._capsys = capsys

    def __call__(self, *arguments: str) -> tuple[int, dict[str, Any]]:
        self._capsys.readouterr()
        options = [] if "--listen" in arguments else ["--listen", "127.0.0.1:0"]
        command = ["serve", "--data", str(self.data), "--dry-run", "--json", *options]
        code = main([*command, *arguments])
        return code, json.loads(self._capsys.readouterr().out)


@pytest.fixture
def tried(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Tried:
    return Tried(tmp_path / "relay", capsys)


@pytest.fixture
def stopped(tried: Tried) -> Tried:
    """Where a relay ran once."""
    with serving("--data", str(tried.data), "--listen", "127.0.0.1:0") as (process, _):
        process.terminate()
        process.communicate(timeout=60)
    return tried


def everything_in(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_dry_run_where_nothing_is_makes_nothing(tried: Tried) -> None:
    code, found = tried()
    assert (code, found["would_start"]) == (0, True)
    assert "would be made" in found["keys"]
    assert "would be made" in found["store"]
    assert not tried.data.exists()


def test_a_dry_run_tells_the_key_and_changes_nothing(
    stopped: Tried, capsys: pytest.CaptureFixture[str]
) -> None:
    before = everything_in(stopped.data)
    code, found = stopped()
    assert code == 0
    card = parse_relay_card((stopped.data / "relay.card").read_bytes())
    assert found["keys"] == fingerprint(card.signing_key)
    assert "as it should be" in found["store"]
    assert main(["serve", "--data", str(stopped.data), "--dry-run"]) == 0
    assert capsys.readouterr().out.endswith("would start; nothing was changed\n")
    assert everything_in(stopped.data) == before


def test_a_dry_run_beside_a_running_relay_says_so(tried: Tried) -> None:
    with serving("--data", str(tried.data), "--listen", "127.0.0.1:0") as (_, line):
        place = line.removeprefix("listening http://")
        code, found = tried("--listen", place)
    assert code == 0
    assert "SIGHUP" in found["now"]
    assert found["listens at"] == place


def test_a_dry_run_names_all_that_is_wrong_at_once(stopped: Tried, tmp_path: Path) -> None:
    (stopped.data / "sealing.seed").unlink()
    (stopped.data / "desks").mkdir(exist_ok=True)
    (stopped.data / "desks" / "wrong.card").write_bytes(b"no card")
    with closing(sqlite3.connect(stopped.data / "store" / "store.db")) as store:
        store.execute("PRAGMA user_version = 999")
    files = ["--tls-cert", str(tmp_path / "nowhere"), "--tls-key", str(tmp_path / "nowhere")]
    with (
        closing(socket.create_server(("127.0.0.1", 0))) as tcp,
        closing(socket.socket(type=socket.SOCK_DGRAM)) as udp,
    ):
        udp.bind(("127.0.0.1", 0))
        taken, other = (f"127.0.0.1:{each.getsockname()[1]}" for each in (tcp, udp))
        code, found = stopped("--listen", f"tls://{taken}", "--listen-udp", other, *files)
    assert (code, found["would_start"]) == (2, False)
    parts = ["sealing.seed", "wrong.card", "version 999", "nowhere", taken, other]
    assert len(found["problems"]) == len(parts)
    assert [part for part in parts if part not in " ".join(found["problems"])] == []


def test_a_store_of_an_older_version_is_told_with_the_room_that_its_copy_takes(
    stopped: Tried,
) -> None:
    with closing(sqlite3.connect(stopped.data / "store" / "store.db")) as store:
        store.execute("PRAGMA user_version = 1")
    code, found = stopped()
    assert code == 0
    assert "of version 1: it would be brought to" in found["store"]


def test_a_store_that_is_too_new_alone_is_the_stores_own_fault(stopped: Tried) -> None:
    with closing(sqlite3.connect(stopped.data / "store" / "store.db")) as store:
        store.execute("PRAGMA user_version = 999")
    assert stopped()[0] == 1


def test_a_dry_run_tells_when_the_certificate_ends(tried: Tried, tmp_path: Path) -> None:
    chain, key = Authority().write(tmp_path)
    files = ["--tls-cert", chain, "--tls-key", key]
    code, found = tried("--listen", "tls://127.0.0.1:0", *files)
    assert code == 0
    assert found["certificate"].startswith(f"{chain}, which ends on ")


def test_settings_that_are_wrong_are_named_before_anything_is_tried(
    tried: Tried, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["serve", "--data", str(tried.data), "--dry-run", "--listen", "nothing"]) == 2
    assert "the command line: 'nothing' is not HOST:PORT" in capsys.readouterr().err
