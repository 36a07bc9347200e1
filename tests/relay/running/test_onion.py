"""The onion service in front of a relay: tor takes its settings, and it is nothing else beside."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

TORRC = Path(__file__).resolve().parents[3] / "relay" / "onion" / "torrc"


@pytest.mark.skipif(shutil.which("tor") is None, reason="tor is not there: apt install tor")
def test_tor_takes_the_settings(tmp_path: Path) -> None:
    text = TORRC.read_text()
    assert "HiddenServicePort 80 relay:8080" in text
    # A name is looked up when the settings are read, and `relay` is one in compose alone.
    text = text.replace("relay:8080", "127.0.0.1:8080").replace("/var/lib/tor", str(tmp_path))
    (tmp_path / "torrc").write_text(text)
    tmp_path.chmod(0o700)
    command = ["tor", "--verify-config", "--defaults-torrc", "/dev/null", "-f"]
    done = subprocess.run(
        [*command, str(tmp_path / "torrc")], check=False, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stdout
    assert "Configuration was valid" in done.stdout


def test_it_is_a_service_and_nothing_else() -> None:
    lines = [line for line in TORRC.read_text().splitlines() if not line.startswith("#")]
    assert "SocksPort 0" in lines
    assert not any(line.startswith(("ORPort", "ExitRelay", "ControlPort")) for line in lines)
