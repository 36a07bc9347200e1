"""What a person reads fits their terminal; what a program or a file gets is left as it is."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import subprocess
import termios
from pathlib import Path

import pytest
from tests.client.made_desk import MadeDesk
from tests.client.reporter_runs import START, attaching, qanat

from qanat_client.reporter.relay_report import RelayReport


def at_terminal(*arguments: str | Path, columns: int = 60) -> list[str]:
    """The lines that the program shows on a terminal of this width."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    running = subprocess.Popen(
        [*START, *map(str, arguments)], stdin=theirs, stdout=theirs, stderr=theirs
    )
    os.close(theirs)
    shown = b""
    while True:
        try:
            more = os.read(ours, 65_536)
        except OSError:
            break
        if not more:
            break
        shown += more
    os.close(ours)
    running.wait()
    return shown.decode().split("\r\n")


def test_lines_are_broken_between_words_and_an_id_stays_in_one_piece(home: Path) -> None:
    lines = at_terminal("--home", home, "send", "--no-code", "A text of some words")
    wide = [line for line in lines if len(line) >= 60]
    assert [len(line.strip()) for line in wide] == [64]
    joined = " ".join(line.strip() for line in lines)
    assert "it can't be corrected or withdrawn, and no answer can come" in joined


def test_a_file_gets_long_lines_as_they_are(home: Path) -> None:
    sent = qanat(home, "send", "--no-code", "A text")
    assert any(len(line) > 80 for line in sent.out.splitlines())


def test_a_notice_does_not_stand_behind_the_bar(home: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"no picture" * 20_000)
    lines = at_terminal(
        "--home", home, "send", "--no-code", "x", *attaching(broken), columns=200
    )  # fmt: skip
    (notice,) = [line for line in lines if "no thumbnail/preview" in line]
    assert notice.rsplit("\x1b[K")[-1].startswith("broken.jpg")


def test_a_second_file_without_its_option_is_explained(home: Path, desk: MadeDesk) -> None:
    sent = qanat(home, "send", "--no-code", "text", "--attach", "a.jpg", "b.jpg")
    assert sent.code == 2
    assert "b.jpg" in sent.err
    assert "--attach of its own" in sent.err


def test_a_wrong_option_shows_the_usage_of_its_command(home: Path) -> None:
    wrong = qanat(home, "outbox", "drop", "1", "--force")
    assert wrong.code == 2
    assert wrong.err.startswith("usage: qanat outbox drop ")
    assert "--force" in wrong.err


@pytest.mark.parametrize("reached", [True, False])
def test_a_relays_words_turn_nothing_that_stands_beside_them(reached: bool) -> None:
    report = RelayReport("https://relay.example", "DE", reached)
    report.problem = "the relay says: \u202enot so\u2028and more"
    (line,) = report.lines()
    assert "not so" in line
    assert not {"\u202e", "\u2028"} & set(line)
