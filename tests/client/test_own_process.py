"""What the programs do to their own process: no core file, no letter that stops them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.client.desk.newsroom import PASSPHRASE

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
