"""What an editor is told: mistakes with their way out, passphrases, stops."""

from __future__ import annotations

import asyncio
import os
import pty
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.client.desk.newsroom import PASSPHRASE, Newsroom
from tests.client.desk.test_pull import DEAD, Relays, desk_on, hand_over, relays
from tests.client.desk.test_vault import START, program
from tests.client.desk.test_writing import received

__all__ = ["relays"]

WITHOUT_LIBRARY = f"import sys; sys.modules['sqlcipher3'] = None; {START}"
PATIENCE_S = 60


class AtTerminal:
    """A process with a terminal of its own, so that it can ask for secrets."""

    def __init__(self, *arguments: str | Path) -> None:
        self.screen = ""
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        environment.pop("QANAT_PASSPHRASE_FILE", None)
        self._pid, self._terminal = pty.fork()
        if self._pid == 0:
            given = [sys.executable, "-c", START, *map(str, arguments)]
            os.execve(sys.executable, given, environment)  # noqa: S606 - our own program

    def read_until(self, words: str) -> None:
        seen = len(self.screen)
        until_s = time.monotonic() + PATIENCE_S
        while words not in self.screen[seen:]:
            assert time.monotonic() < until_s, self.screen
            self.screen += os.read(self._terminal, 65_536).decode()

    def type(self, text: str) -> None:
        os.write(self._terminal, text.encode())

    def interrupt(self) -> None:
        os.kill(self._pid, signal.SIGINT)

    def end(self) -> int:
        while True:
            try:
                more = os.read(self._terminal, 65_536)
            except OSError:
                break
            if not more:
                break
            self.screen += more.decode()
        os.close(self._terminal)
        return os.waitstatus_to_exitcode(os.waitpid(self._pid, 0)[1])


def test_a_short_passphrase_in_a_file_makes_no_desk(newsroom: Newsroom) -> None:
    newsroom.passphrase = "eleven char"
    done = newsroom.run("init", "--name", "x")
    assert done.code == 2
    assert "11 characters: take at least 12" in done.err
    assert not newsroom.home.exists()
    newsroom.passphrase = "twelve chars"
    newsroom.init()
    newsroom.do("list")


def test_a_short_passphrase_is_asked_for_again_and_init_says_what_comes_next(
    newsroom: Newsroom,
) -> None:
    running = AtTerminal("--home", newsroom.home, "init", "--name", "x")
    running.read_until("passphrase:")
    assert re.search(r"Nobody\s+can\s+restore", running.screen)
    running.type("abc\n")
    running.read_until("passphrase:")
    assert "That is 3 characters" in running.screen
    running.type(PASSPHRASE + "\n")
    running.read_until("once more:")
    running.type(PASSPHRASE + "x\n")
    running.read_until("passphrase:")
    assert "The two differ." in running.screen
    running.type(PASSPHRASE + "\n")
    running.read_until("once more:")
    running.type(PASSPHRASE + "\n")
    assert running.end() == 0
    assert re.search(r"Next:\s+publish\s+the\s+fingerprint", running.screen)
    newsroom.do("list")


def test_a_stop_says_that_no_desk_was_made(newsroom: Newsroom) -> None:
    running = AtTerminal("--home", newsroom.home, "init", "--name", "x")
    running.read_until("passphrase:")
    running.interrupt()
    assert running.end() == 130
    assert "no desk was made" in running.screen
    assert not newsroom.home.exists()


async def test_a_stopped_pull_says_that_the_next_one_goes_on(
    newsroom: Newsroom, relays: Relays
) -> None:
    await desk_on(newsroom, await relays.start("one"))
    secret = newsroom.home.parent / "passphrase"
    secret.write_text(newsroom.passphrase)
    options = ("--home", newsroom.home, "--passphrase-file", secret)
    running = AtTerminal(*options, "pull", "--watch", "--every", "999")
    await asyncio.to_thread(running.read_until, "set aside")
    running.interrupt()
    assert await asyncio.to_thread(running.end) == 0
    assert "the next pull goes on from here" in running.screen
    assert "queued" not in running.screen


async def test_a_watch_tells_of_what_arrives_and_contacts_nobody_for_it(
    newsroom: Newsroom, relays: Relays
) -> None:
    writer = await desk_on(newsroom, await relays.start("one"))
    secret = newsroom.home.parent / "passphrase"
    secret.write_text(newsroom.passphrase)
    options = ("--home", newsroom.home, "--passphrase-file", secret)
    running = AtTerminal(*options, "pull", "--watch")
    await asyncio.to_thread(running.read_until, "Ctrl-C ends it")
    await hand_over(newsroom, writer.write("While it waits.")[1])
    await asyncio.to_thread(running.read_until, "1 new report,")
    running.interrupt()
    assert await asyncio.to_thread(running.end) == 0
    assert running.screen.count("contacted now") == 1
    assert "you asked for it: 1 relay is contacted now" in running.screen


def test_how_often_is_a_sensible_number_and_goes_with_a_watch(newsroom: Newsroom) -> None:
    newsroom.settle()
    for options in (("--every", "5"), *(("--watch", "--every", s) for s in ("0", "-1", "nan"))):
        done = newsroom.run("pull", *options)
        assert done.code == 2
        assert "--every" in done.err


async def test_options_may_stand_between_an_id_and_a_text(newsroom: Newsroom) -> None:
    _, short_id = await received(newsroom)
    assert newsroom.do("reply", short_id, "--want", "Thank you.")["wanted"] == 1
    assert newsroom.do("reply", "--want", short_id, "Thank you.")["wanted"] == 1


def test_a_usage_error_shows_the_usage_of_its_command(newsroom: Newsroom) -> None:
    for wrong in (("reply", "id", "text", "--wants"), ("reply", "id", "text", "more")):
        done = newsroom.run(*wrong)
        assert done.code == 2
        assert done.err.startswith("usage: qanat-desk reply")
        assert f"unrecognized arguments: {wrong[-1]}" in done.err


def test_errors_begin_with_the_programs_name_and_no_librarys_log(newsroom: Newsroom) -> None:
    newsroom.settle()
    newsroom.passphrase = "not the one it was"
    done = program(newsroom, "list")
    assert done.returncode == 2
    assert done.stderr == (
        "qanat-desk: this passphrase does not open the vault, or the vault is damaged\n"
    )


@pytest.mark.parametrize(
    ("command", "foreign"),
    [
        ("pull", ["numpy", "qanat_client.desk.serve.server", "qanat_client.desk.exporting"]),
        ("list", ["aiohttp", "asyncio", "numpy", "qanat_client.desk.pulling"]),
    ],
)
def test_a_command_waits_for_nothing_that_only_others_need(
    command: str, foreign: list[str]
) -> None:
    program = (
        "import sys; from qanat_client.desk.cli import main;"
        f"assert main(['--home', '/nowhere', '{command}']) == 2;"
        f"sys.exit(', '.join({{*{foreign}}} & sys.modules.keys()) or 0)"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    ended = subprocess.run(
        [sys.executable, "-c", program],
        check=False,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert "holds no desk" in ended.stderr
    assert ended.returncode == 0, ended.stderr


def test_without_its_library_the_desk_names_the_extra_to_install(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_LIBRARY, "--home", str(tmp_path / "desk"), "list"],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("qanat-desk: ")
    assert "'desk' extra: pip install '.[desk]'" in done.stderr


@pytest.mark.parametrize("also", [(), ("--relay-card", "/dev/null")])
def test_a_relay_that_is_down_says_that_nothing_was_made_and_what_helps(
    newsroom: Newsroom, also: tuple[str, ...]
) -> None:
    done = newsroom.run("init", "--name", "x", "--relay", DEAD, *also)
    assert done.code == 3
    assert "Nothing was made" in done.err
    assert "--relay-card" in done.err
    assert not newsroom.home.exists()


def test_a_desks_card_where_a_relays_belongs_is_named(newsroom: Newsroom, tmp_path: Path) -> None:
    newsroom.settle()
    path = newsroom.home / "desk.card"
    other = Newsroom(tmp_path / "other")
    done = other.run("init", "--name", "x", "--relay-card", str(path))
    assert done.code == 2
    assert "desk.card is a desk's card; a relay's card belongs here" in done.err
