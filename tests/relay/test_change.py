"""Settings that change while a relay runs: what is taken, what waits, what is refused."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import urllib.error
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from tests.relay.made_parcels import make
from tests.relay.relay_process import Authority, hang_up, log_until, read, serving
from tests.relay.running_relay import Place, talking, transfer

from qanat_protocol.frames import End
from qanat_protocol.relay_card import RelayCard, parse_relay_card


def free_port() -> int:
    """A port that nothing listens at just now."""
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port: int = taken.getsockname()[1]
        return port


class Served:
    """A relay as a process, and its settings file."""

    def __init__(self, process: subprocess.Popen[str], url: str, path: Path) -> None:
        self.process = process
        self.url = url
        self.path = path

    def change(self, *lines: str) -> list[str]:
        """Write these settings and let it read them; what it logs, up to what became of them."""
        self.path.write_text("\n".join(lines))
        return hang_up(self.process, "read again", "not taken")

    def card(self) -> RelayCard:
        return parse_relay_card(read(f"{self.url}/v1/relay"))


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    port = free_port()
    path = tmp_path / "relay.toml"
    path.write_text(f"listen = ['127.0.0.1:{port}']")
    with serving("--config", str(path)) as (process, line):
        log_until(process, "serving")
        yield Served(process, line.split()[1], path)


def listen(*urls: str) -> str:
    return f"listen = {[url.replace('http://', '') for url in urls]}"


def is_open(url: str, authority: Authority | None = None) -> bool:
    try:
        return read(f"{url}/healthz", authority.trusted if authority else None) == b"ok\n"
    except OSError:
        return False


def test_a_new_name_and_address_make_a_newer_card(served: Served) -> None:
    before = served.card()
    lines = served.change(listen(served.url), "name = 'Shirin'", "addresses = ['https://x.org']")
    assert lines[-1].endswith("changed: addresses, name")
    card = served.card()
    assert (card.name, card.addresses) == ("Shirin", ("https://x.org",))
    assert card.serial > before.serial
    assert card.signing_key == before.signing_key
    assert (served.path.parent / "relay.card").read_bytes() == card.envelope


async def test_limits_count_for_the_next_session_and_the_running_one_goes_on(
    served: Served,
) -> None:
    place = Place(served.url, served.card().sealing_key)
    async with talking(place, "exchange") as talk:
        served.change(listen(served.url), "sessions_max = 1", "largest_body_bytes = 262144")
        await talk.say(*transfer(make(1), 0))
        await talk.statuses(1)
        with pytest.raises(urllib.error.HTTPError) as refused:
            read(f"{served.url}/v1/sync")
        assert refused.value.code == 503
        assert isinstance((await talk.end())[-1], End)
    assert served.card().largest_body == 262_144


def test_the_level_of_the_log_changes_at_once(served: Served) -> None:
    for level in ("error", "debug"):
        lines = served.change(listen(served.url), f"log_level = '{level}'")
        assert lines[-1].endswith("changed: log_level")
    served.change(listen(served.url), "log_level = 'error'")
    lines = served.change(listen(served.url), "log_level = 'loud'")
    assert ["ERROR" in line for line in lines] == [True]


async def test_listeners_come_and_go_and_open_connections_stay(served: Served) -> None:
    other = f"http://127.0.0.1:{free_port()}"
    place = Place(served.url, served.card().sealing_key)
    async with talking(place, "exchange") as talk:
        served.change(listen(served.url, other))
        assert is_open(served.url)
        assert is_open(other)
        served.change(listen(other))
        assert not is_open(served.url)
        assert is_open(other)
        await talk.say(*transfer(make(1), 0))
        await talk.statuses(1)
        assert isinstance((await talk.end())[-1], End)


def test_where_it_listens_is_said_again_when_that_is_somewhere_else(served: Served) -> None:
    other = f"http://127.0.0.1:{free_port()}"
    said = served.process.stdout
    assert said is not None
    served.change(listen(served.url), "name = 'Shirin'")
    served.change(listen(served.url, other), "name = 'Shirin'")
    assert {said.readline(), said.readline()} == {
        f"listening {served.url}\n",
        f"listening {other}\n",
    }
    served.change(listen(other))
    assert said.readline() == f"listening {other}\n"


def test_a_listener_turns_from_plain_to_tls_and_back(served: Served, tmp_path: Path) -> None:
    authority = Authority()
    chain, key = authority.write(tmp_path)
    files = (f"tls_cert = '{chain}'", f"tls_key = '{key}'")
    place = served.url.removeprefix("http://")
    for _ in range(2):
        assert "read again" in served.change(f"listen = ['tls://{place}']", *files)[-1]
        assert is_open(f"https://{place}", authority)
        assert not is_open(served.url)
        assert "read again" in served.change(listen(served.url))[-1]
        assert is_open(served.url)


def test_a_listener_goes_from_one_address_to_all_and_back(served: Served) -> None:
    place = served.url.removeprefix("http://")
    port = place.partition(":")[2]
    for _ in range(2):
        assert "read again" in served.change(f"listen = ['0.0.0.0:{port}']")[-1]
        assert is_open(f"http://127.0.0.2:{port}")
        assert "read again" in served.change(listen(served.url))[-1]
        assert is_open(served.url)
        assert not is_open(f"http://127.0.0.2:{port}")


@pytest.mark.parametrize(
    "lines",
    [
        ["idle_s = 0"],
        ["idel_s = 3"],
        ["no toml"],
        ["tls_cert = 'nowhere'"],
        ["name = 'New'", "listen = ['tls://127.0.0.1:0']", "tls_cert = 'x'", "tls_key = 'y'"],
        ["name = 'New'", "addresses = ['http://x:1', 'udp://x:1']"],
    ],
)
def test_settings_that_are_wrong_leave_those_before_in_force(
    served: Served, lines: list[str]
) -> None:
    served.change(listen(served.url), "name = 'Old'")
    assert "those before stay" in served.change(*lines)[-1]
    assert is_open(served.url)
    assert served.card().name == "Old"
    served.path.unlink()
    assert "No such file" in hang_up(served.process, "not taken")[-1]
    assert served.card().name == "Old"


def test_a_place_that_cannot_be_taken_leaves_every_listener_as_it_was(served: Served) -> None:
    free = f"http://127.0.0.1:{free_port()}"
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        other = f"http://127.0.0.1:{taken.getsockname()[1]}"
        lines = served.change(listen(free, other), "name = 'New'")
    assert "another program listens there" in lines[-1]
    assert is_open(served.url)
    assert not is_open(free)
    assert served.card().name == ""


def test_what_needs_a_restart_is_named_and_the_rest_is_taken(served: Served) -> None:
    lines = served.change(listen(served.url), "listen_udp = ['127.0.0.1:0']", "name = 'New'")
    assert any(line.endswith("listen_udp needs a restart: it stays as it was") for line in lines)
    assert lines[-1].endswith("changed: name")
    assert served.card().name == "New"


def test_a_file_that_comes_later_is_read_and_the_command_line_stays_before_it(
    tmp_path: Path,
) -> None:
    options = ("--data", str(tmp_path), "--listen", "127.0.0.1:0", "--json")
    with serving(*options, variables={"QANAT_RELAY_COUNTRY": "DE"}) as (process, line):
        (url,) = json.loads(line)["listening"]
        (tmp_path / "relay.toml").write_text("name = 'Late'\ncountry = 'KZ'\nlisten = ['[::1]:1']")
        hang_up(process, "read again")
        card = parse_relay_card(read(f"{url}/v1/relay"))
        assert (card.name, card.country) == ("Late", "DE")


@pytest.mark.skipif(
    os.getuid() != 0 or shutil.which("setpriv") is None, reason="root alone can give up a right"
)
def test_a_port_that_needs_a_right_is_named_with_what_to_do(tmp_path: Path) -> None:
    # In a network of its own, where low ports need the right, and without it.
    apart = ["unshare", "--net"]
    less = ["setpriv", "--bounding-set=-net_bind_service", "--inh-caps=-net_bind_service"]
    for option in (["--listen", "127.0.0.1:179"], ["--listen-udp", "127.0.0.1:179"]):
        arguments = ["--data", str(tmp_path), "--listen", "127.0.0.1:3785", *option]
        with serving(*arguments, before=[*apart, *less]) as (process, line):
            assert line == ""
            _, told = process.communicate(timeout=60)
        assert process.returncode == 2
        assert "127.0.0.1:179: port 179 is below 1024, which needs a right" in told
        assert "CAP_NET_BIND_SERVICE" in told
        assert "Traceback" not in told
