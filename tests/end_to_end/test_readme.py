"""The README's commands, run as they stand there, by people at terminals."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.client.relay_process import free_port
from tests.end_to_end.at_terminal import CTRL_C, CTRL_D, Seen, at_terminal

from qanat_client.demo.media import make_photo
from qanat_client.demo.programs import command, environment

ROOT = Path(__file__).parents[2]
TEXT = "From the balcony: two buses without plates, people are carried to an ambulance."
PASSPHRASE = "seven words that nobody else has said\n"


def _unfolded(block: str) -> Iterator[str]:
    for line in block.splitlines():
        if written := re.sub(r"\s+#.*$", "", line).strip():
            yield written


class Readme:
    """The commands of the README by the heading above them; each is taken once."""

    def __init__(self, text: str) -> None:
        self.left: dict[str, list[str]] = {}
        for section in re.split(r"^## ", text, flags=re.MULTILINE):
            title = section.partition("\n")[0]
            blocks = re.findall(r"^```\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
            found = [line for block in blocks for line in _unfolded(block)]
            prose = re.sub(r"^```.*?^```$", "", section, flags=re.MULTILINE | re.DOTALL)
            found += re.findall(r"`((?:qanat-relay desk|docker compose) [^`]+)`", prose)
            if found:
                self.left[title] = found

    def take(self, beginning: str) -> str:
        """The one command that begins so."""
        for lines in self.left.values():
            for line in lines:
                if line.startswith(beginning):
                    lines.remove(line)
                    return line
        raise AssertionError(f"the README has no command {beginning!r}")


@pytest.fixture
def readme() -> Readme:
    return Readme((ROOT / "README.md").read_text("utf-8"))


class Person:
    """Somebody with a folder and a home of their own, at a terminal."""

    def __init__(self, folder: Path, programs: Path, places: dict[str, str]) -> None:
        self.folder = folder
        self._places = places
        (folder / "user").mkdir(parents=True)
        self._variables = environment({
            "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(folder / "user"),
        })  # fmt: skip
        for name in ("XDG_DATA_HOME", "SSL_CERT_FILE"):
            self._variables.pop(name, None)

    def runs(self, line: str, *answers: tuple[str, str], code: int = 0) -> Seen:
        """Run a line of the README with this machine's addresses and folders put in."""
        seen = at_terminal(
            self.placed(line), *answers, folder=self.folder, variables=self._variables
        )
        assert seen.code == code, (line, seen)
        assert "Traceback" not in seen.screen
        return seen

    def starts(self, line: str) -> subprocess.Popen[bytes]:
        """Start a line that goes on until it is stopped."""
        return subprocess.Popen(
            shlex.split(self.placed(line)),
            cwd=self.folder,
            env=self._variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )

    def placed(self, line: str) -> str:
        for there, here in self._places.items():
            line = line.replace(there, here)
        return line


def _install(folder: Path) -> Path:
    """The three programs under their names, as an installation puts them into a PATH."""
    folder.mkdir()
    for name in ("qanat", "qanat-desk", "qanat-relay"):
        started = folder / name
        started.write_text(f'#!/bin/sh\nexec {shlex.join(command(name, []))} "$@"\n')
        started.chmod(0o755)
    return folder


def _listens(relay: subprocess.Popen[bytes]) -> None:
    assert relay.stdout is not None
    assert any(line.startswith(b"listening") for line in relay.stdout)


def test_what_is_installed_is_what_the_readme_names(readme: Readme) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert set(project["scripts"]) == {"qanat", "qanat-desk", "qanat-relay"}
    extras = [re.findall(r"\[(\w+)\]", readme.take("pip install")) for _ in range(3)]
    assert sorted(extra for (extra,) in extras) == ["desk", "pictures", "relay"]
    assert {extra for (extra,) in extras} <= set(project["optional-dependencies"])
    targets = re.findall(r"^(\w+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    for _ in range(2):
        assert readme.take("make").split()[1] in targets
    assert readme.take("docker compose up")
    assert (ROOT / "docker-compose.yml").exists()


def test_the_three_starts_work_as_they_are_written(readme: Readme, tmp_path: Path) -> None:
    ports = free_port(), free_port()
    places = {
        "/srv/qanat": str(tmp_path / "srv-qanat"),
        "https://relay2.example": f"http://127.0.0.1:{ports[1]}",
        "https://relay.example": f"http://127.0.0.1:{ports[0]}",
        "127.0.0.1:8080": f"127.0.0.1:{ports[0]}",
        "newsroom.card": str(tmp_path / "newsroom.card"),
    }
    programs = _install(tmp_path / "programs")
    operator, editor, reporter = (
        Person(tmp_path / name, programs, places) for name in ("operator", "editor", "reporter")
    )
    secret = ("passphrase:", PASSPHRASE)

    operator.runs(readme.take("qanat-relay init"))
    second = f"--data {tmp_path / 'second'} --listen 127.0.0.1:{ports[1]}"
    relays = [
        operator.starts(readme.take("qanat-relay serve")),
        operator.starts(f"qanat-relay serve {second}"),
    ]
    try:
        for relay in relays:
            _listens(relay)
        operator.runs(readme.take("qanat-relay status"))

        new = secret, ("once more:", PASSPHRASE)
        made = editor.runs(readme.take("qanat-desk init"), *new)
        (fingerprint,) = set(re.findall(r"(?:\d{5} ){5}\d{5}", made.screen.partition("desk")[2]))
        editor.runs(readme.take("qanat-desk card -o"), secret)
        editor.runs(readme.take("qanat-desk card --link"), secret)
        assert "#" in (editor.folder / "link.txt").read_text()
        operator.runs(readme.take("qanat-relay desk add"))

        make_photo(reporter.folder / "photo.jpg", seed=1)
        added = reporter.runs(readme.take("qanat desk add"), ("[yes/no]", "yes\n"))
        assert fingerprint in added.screen
        shown = reporter.runs(readme.take("qanat code new")).screen
        (code,) = re.findall(r"(?:\d{4} ){5}\d{4}", shown)
        code_asked = "(not shown", f"{code}\n"
        sent = reporter.runs(
            readme.take("qanat send"), ("Write the report", f"{TEXT}\n{CTRL_D}"), code_asked
        )
        assert code not in sent.screen
        reporter.runs(readme.take("qanat sync --dry-run"))
        synced = readme.take("qanat sync")
        reporter.runs(synced)
        assert "held by 2 relays" in reporter.runs(readme.take("qanat outbox")).screen

        pull = readme.take("qanat-desk pull")
        editor.runs(pull, secret)
        # A shell would say that it was interrupted too.
        serve = f"exec {readme.take('qanat-desk serve')}"
        served = editor.runs(serve, secret, ("Ctrl-C", CTRL_C))
        assert re.search(r"http://127\.0\.0\.1:\d+/#\S{43}\s", served.screen)
        listed = editor.runs(readme.take("qanat-desk list"), secret).screen
        assert "Almaty, Republic Square" in listed
        (short_id,) = re.findall(r"^([0-9a-f]{8})  ", listed, re.MULTILINE)
        show = readme.take("qanat-desk show ID").replace("ID", short_id)
        assert TEXT in editor.runs(show, secret).screen
        assert short_id in editor.runs(readme.take("qanat-desk search"), secret).screen
        mark = readme.take("qanat-desk mark ID").replace("ID", short_id)
        editor.runs(mark, secret)
        assert "checking" in editor.runs(show, secret).screen
        reply = readme.take("qanat-desk reply ID")
        editor.runs(reply.replace("ID", short_id), secret)
        bulletin = readme.take("qanat-desk bulletin")
        editor.runs(bulletin, secret)
        editor.runs(readme.take("qanat-desk export"), secret)
        assert TEXT in (editor.folder / "out" / "reports.json").read_text("utf-8")
        photos = list((editor.folder / "out").rglob("*photo.jpg"))
        assert [photo.read_bytes() for photo in photos] == [
            (reporter.folder / "photo.jpg").read_bytes()
        ]
        editor.runs(pull, secret)

        reporter.runs(synced)
        read = reporter.runs(readme.take("qanat inbox"), code_asked).screen
        for answer in (reply, bulletin):
            assert shlex.split(answer)[-1] in read
        wiped = reporter.runs(readme.take("qanat wipe"), ("[yes/no]", "yes\n"))
        assert "removed" in wiped.screen
        assert not (reporter.folder / "user" / ".local" / "share" / "qanat").exists()
    finally:
        for relay in relays:
            relay.send_signal(signal.SIGTERM)
        stopped = [relay.wait(30) for relay in relays]
    assert stopped == [0, 0]
    left = {line for lines in readme.left.values() for line in lines}
    assert {line.split()[0] for line in left} <= {"pip", "make", "docker"}, left
