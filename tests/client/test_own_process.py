"""What the programs do to their own process: no core file, no letter that stops them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tests.client.desk.newsroom import PASSPHRASE

from qanat_client.own_process import interrupts_held

RUN = """
import resource, sys
from qanat_client.desk.cli import main
hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))
code = main(sys.argv[1:])
print("core files up to", resource.getrlimit(resource.RLIMIT_CORE)[0])
sys.exit(code)
"""


def test_a_desk_leaves_no_core_file_and_speaks_on_any_terminal(tmp_path: Path) -> None:
    secret = tmp_path / "passphrase"
    secret.write_text(PASSPHRASE)
    home = ["--home", str(tmp_path / "desk"), "--passphrase-file", str(secret)]
    done = subprocess.run(
        [sys.executable, "-c", RUN, *home, "init", "--name", "Қанат"],
        env={**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        check=False,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert r"the desk '\u049a\u0430\u043d\u0430\u0442' is made" in done.stdout
    assert done.stdout.endswith("core files up to 0\n")


REPORTER_RUN = RUN.replace("qanat_client.desk.cli", "qanat_client.reporter.cli")


def test_a_reporter_leaves_no_core_file(home: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", REPORTER_RUN, "--home", str(home), "send", "x", "--no-code"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        check=False,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("core files up to 0\n")


def test_an_interrupt_waits_until_what_must_not_be_interrupted_is_done() -> None:
    done = []

    def interrupted() -> None:
        with interrupts_held() as hold:
            hold()
            os.kill(os.getpid(), signal.SIGINT)
            done.append("it went on")

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert done == ["it went on"]
