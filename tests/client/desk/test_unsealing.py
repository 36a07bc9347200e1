"""The process that unseals letters beside a pull: it answers as this one would, and whatever
becomes of it no letter is lost."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.client.desk.newsroom import Attached, Made, Newsroom, Writer, arrive, opener_of

from qanat_client.desk.desk import Desk
from qanat_client.desk.inbox import inbox, set_aside
from qanat_client.desk.opening import WORTH_A_PROCESS
from qanat_client.desk.tombstones import Tombstones
from qanat_client.desk.unsealing import Letter, Spoiled, Unsealed, unseal
from qanat_client.desk.unsealing_process import UnsealingProcess
from qanat_protocol.tombstone import verify_opened

COMMAND = [sys.executable, "-P", "-m", "qanat_client.desk.unsealing_process"]


@pytest.fixture
def desk(newsroom: Newsroom) -> Iterator[Desk]:
    newsroom.settle()
    desk = newsroom.open()
    yield desk
    desk.vault.close()


@pytest.fixture
def beside() -> Iterator[UnsealingProcess]:
    process = UnsealingProcess()
    yield process
    process.close()


def letters_of(desk: Desk, made: list[Made]) -> list[Letter]:
    (seed,) = desk.vault.rows("SELECT seed FROM epochs ORDER BY epoch LIMIT 1")[0]
    return [Letter(one.header.encode(), one.body, seed) for one in made]


def some_letters(desk: Desk) -> list[Letter]:
    """Two with reports, one of them with files, and one that does not open."""
    writer = Writer(desk.card, desk.today)
    made = [writer.write("One.")[1][0], writer.write("Two.", [Attached("a", b"data")])[1][0]]
    good = letters_of(desk, made)
    return [*good, replace(good[0], body=good[0].body[:-1] + b"\0")]


def test_what_it_says_is_what_this_process_would_say(desk: Desk, beside: UnsealingProcess) -> None:
    letters = some_letters(desk)
    expected = unseal(desk.card.desk_id, desk.signing, letters)
    assert beside.unseal(desk.card.desk_id, desk.signing, letters) == expected
    found = beside.unseal(desk.card.desk_id, desk.signing, letters)
    assert found == expected
    first, second, third = found
    assert isinstance(first, Unsealed)
    assert isinstance(second, Unsealed)
    assert isinstance(third, Spoiled)
    assert second.report is not None
    assert len(second.report.claims) == 1
    verify_opened(first.opened)
    assert beside.unseal(desk.card.desk_id, desk.signing, []) == []


def test_letters_are_unsealed_here_when_it_is_killed(desk: Desk, beside: UnsealingProcess) -> None:
    letters = some_letters(desk)
    expected = unseal(desk.card.desk_id, desk.signing, letters)
    beside.unseal(desk.card.desk_id, desk.signing, letters)
    assert beside.process is not None
    beside.process.send_signal(signal.SIGKILL)
    for _ in range(2):
        assert beside.unseal(desk.card.desk_id, desk.signing, letters) == expected


def test_letters_are_unsealed_here_where_it_cannot_be_started(
    desk: Desk, beside: UnsealingProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    letters = some_letters(desk)
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    expected = unseal(desk.card.desk_id, desk.signing, letters)
    assert beside.unseal(desk.card.desk_id, desk.signing, letters) == expected


def test_it_takes_no_module_from_where_it_is_started(
    desk: Desk, beside: UnsealingProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "msgpack.py").write_text("raise SystemExit('taken')")
    monkeypatch.chdir(tmp_path)
    letters = some_letters(desk)
    beside.unseal(desk.card.desk_id, desk.signing, letters)
    assert beside.process is not None
    assert beside.process.poll() is None


def test_it_ends_with_whoever_started_it() -> None:
    with subprocess.Popen(COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        process.stdin.write(b"\0\0\1\0half of a question")
        process.stdin.close()
        assert process.wait(30) == 0


async def test_many_letters_are_opened_beside_and_each_once(desk: Desk) -> None:
    writer = Writer(desk.card, desk.today)
    made = [writer.write(f"Report {number}.")[1][0] for number in range(WORTH_A_PROCESS + 300)]
    bad = writer.write("Spoiled.")[1][0]
    made.insert(100, replace(bad, body=bad.body[:-1] + bytes([bad.body[-1] ^ 1])))
    opener = opener_of(desk, arrive(desk, made))
    await opener.open_all()
    await opener.open_all()
    opener.close()
    assert opener.done.reports == WORTH_A_PROCESS + 300
    assert opener.done.damaged == 1
    texts = {item.report.text for item in inbox(desk.vault)}
    assert texts == {f"Report {number}." for number in range(WORTH_A_PROCESS + 300)}
    assert set_aside(desk.vault) == []
    assert len(Tombstones(desk.vault, desk.signing).untold(b"relay", None)) == len(texts)
