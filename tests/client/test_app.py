"""`qanat app`: the web app on loopback, as a person starts it, uses it and ends it."""

from __future__ import annotations

import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import pytest
from tests.client.reporter_runs import START, Ran
from tests.relay.made_app import FILES, lay_app

import qanat_client


@dataclass
class Installed:
    """`qanat` of an installation of its own, and a home."""

    packages: Path
    home: Path

    def command(self, *arguments: str) -> list[str]:
        return [*START, "--json", "--home", str(self.home), "app", *arguments]

    @property
    def variables(self) -> dict[str, str]:
        path = os.pathsep.join([str(self.packages), *filter(None, sys.path)])
        return {**os.environ, "PYTHONPATH": path}

    def run(self, *arguments: str) -> Ran:
        done = subprocess.run(
            self.command(*arguments),
            env=self.variables,
            capture_output=True,
            check=False,
            text=True,
            timeout=60,
        )
        return Ran(done.returncode, done.stdout, done.stderr)

    @contextmanager
    def serving(self, *arguments: str, stop: int = signal.SIGINT) -> Iterator[int]:
        """Its port, while it serves; it ends as by Ctrl-C."""
        process = subprocess.Popen(
            self.command(*arguments),
            env=self.variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            assert process.stdout is not None
            address = json.loads(process.stdout.readline())["address"]
            found = re.fullmatch(r"http://127\.0\.0\.1:(\d+)/", address)
            assert found
            yield int(found[1])
            process.send_signal(stop)
            _, said = process.communicate(timeout=60)
            assert process.returncode == 0, said
            assert "Traceback" not in said
            assert address in said
        finally:
            process.kill()
            process.communicate()


@pytest.fixture
def installed(tmp_path: Path) -> Installed:
    """One with an app of a few lines."""
    packages = tmp_path / "packages"
    source = Path(qanat_client.__file__).parent
    ignored = shutil.ignore_patterns("built", "__pycache__")
    shutil.copytree(source, packages / "qanat_client", ignore=ignored)
    lay_app(packages / "qanat_client" / "web_app" / "built")
    return Installed(packages, tmp_path / "home")


def get(port: int, path: str = "/", *hosts: str) -> tuple[int, bytes, dict[str, str]]:
    connection = http.client.HTTPConnection("127.0.0.1", port)
    connection.putrequest("GET", path, skip_host=True)
    for host in hosts or (f"127.0.0.1:{port}",):
        connection.putheader("Host", host)
    connection.endheaders()
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, body, {name.lower(): value for name, value in answer.getheaders()}


def test_it_is_served_on_loopback_until_ctrl_c(installed: Installed) -> None:
    with installed.serving() as port:
        for name, data in FILES.items():
            status, body, headers = get(port, f"/{name}")
            assert (status, body) == (200, data)
            assert headers["content-security-policy"].startswith("default-src 'none'; script-src ")
            assert "server" not in headers
        assert get(port)[1] == FILES["index.html"]
        assert get(port, "/../secret")[:2] == (404, b"Nothing is here.\n")
        (address,) = {
            each.split()[1].partition(":")[0]
            for each in Path("/proc/net/tcp").read_text().splitlines()[1:]
            if each.split()[3] == "0A" and each.split()[1].endswith(f":{port:04X}")
        }
        assert address == "0100007F"
    with installed.serving(stop=signal.SIGTERM):
        pass


def test_a_page_that_came_by_another_name_is_given_nothing(installed: Installed) -> None:
    with installed.serving() as port:
        for hosts in (
            (f"evil.example:{port}",),
            ("127.0.0.1",),
            (f"localhost:{port}",),
            (f"127.0.0.1.evil.example:{port}",),
            (f"127.0.0.1:{port}", "evil.example"),
        ):
            status, body, headers = get(port, "/", *hosts)
            # The library itself refuses a request with two hosts.
            assert status in ((400, 403) if len(hosts) == 2 else (403,)), hosts
            assert b"Write" not in body
            if status == 403:
                assert f"http://127.0.0.1:{port}/".encode() in body
                assert headers["x-content-type-options"] == "nosniff"


def test_the_port_is_the_same_next_time_for_the_browser_keeps_what_waits_under_it(
    installed: Installed,
) -> None:
    with installed.serving() as first:
        pass
    with installed.serving() as second:
        assert second == first
    with installed.serving("--port", "0") as other:
        assert other != first
    with installed.serving() as again:
        assert again == other
    assert (installed.home / "app-port").read_text() == str(other)


def test_a_port_that_is_taken_is_refused_and_not_another_one_used(installed: Installed) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        ran = installed.run("--port", str(port))
    assert ran.code == 2
    assert f"port {port} of 127.0.0.1 can't be taken" in ran.err
    assert "--port 0" in ran.err
    for wrong in ("70000", "-1", "x", "٣"):
        assert installed.run("--port", wrong).code == 2


def test_a_spoilt_port_is_named(installed: Installed) -> None:
    installed.home.mkdir()
    for spoilt in (b"", b"0", b"99999", b"-4", b"\xff", b"80 "):
        (installed.home / "app-port").write_bytes(spoilt)
        ran = installed.run()
        assert ran.code == 2
        assert "app-port" in ran.err
        assert "Traceback" not in ran.err


def test_the_single_file_is_saved_with_its_fingerprint_and_its_signature(
    installed: Installed, tmp_path: Path
) -> None:
    card = tmp_path / "card"
    card.mkdir()
    ran = installed.run("--save", str(card / "app.html"))
    assert ran.code == 0, ran.err
    assert (card / "app.html").read_bytes() == FILES["qanat.html"]
    assert (card / "app.html.sig").read_bytes() == FILES["qanat.html.sig"]
    digits = sha256(FILES["qanat.html"]).hexdigest()
    assert ran.json == {"sha256": digits, "signed": True}
    assert " ".join(re.findall("....", digits)) in ran.err
    assert not installed.home.exists()
    ran = installed.run("--save", str(tmp_path / "missing" / "app.html"))
    assert ran.code == 2
    assert "Traceback" not in ran.err


def test_an_installation_without_the_app_says_so(installed: Installed) -> None:
    shutil.rmtree(installed.packages / "qanat_client" / "web_app" / "built")
    for arguments in ((), ("--save", "app.html")):
        ran = installed.run(*arguments)
        assert ran.code == 2
        assert "`make app`" in ran.err


def test_its_help_teaches_where_what_waits_is_kept(installed: Installed) -> None:
    ran = installed.run("--help")
    assert ran.code == 0
    for taught in ("127.0.0.1", "Ctrl-C", "--port N", "--save FILE", "apart outboxes"):
        assert taught in ran.out
