"""A relay's settings: where they come from, which comes first, and which are refused."""

from __future__ import annotations

import json
import re
from dataclasses import fields
from pathlib import Path

import pytest

from qanat_relay.cli import main
from qanat_relay.config import (
    Config,
    Listener,
    check_config,
    parse_listen,
    parse_listener,
    write_config,
)
from qanat_relay.errors import ConfigError
from qanat_relay.settings import Settings, Sources


def read_settings(path: Path, **variables: str) -> Settings:
    return Sources(path, environment=variables).read()


def test_settings_are_read_back_as_they_were_written(tmp_path: Path) -> None:
    config = check_config(
        Config(
            name='Relay "of" \\ Қазақстан',
            listen=("[::1]:0", "localhost:80"),
            addresses=("http://abc.onion",),
            idle_s=7,
        )
    )
    path = tmp_path / "relay.toml"
    path.write_text(write_config(config))
    assert read_settings(path).config == config


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("idle = 3", "idle"),
        ("idle_s = 'x'", "idle_s"),
        ("idle_s = true", "idle_s"),
        ("idle_s = 0", "idle_s"),
        ("listen = '127.0.0.1:1'", "listen"),
        ("listen = []", "listen"),
        ("listen = ['127.0.0.1']", "HOST:PORT"),
        ("listen = ['::1:80']", "brackets"),
        ("addresses = ['ftp://x']", "addresses"),
        ("addresses = ['http://x/path']", "addresses"),
        ("country = 'Germany'", "country"),
        ("country = 'de'", "country"),
        (f"name = '{'n' * 129}'", "name"),
        ("tls_cert = 'x.pem'", "tls_key"),
        ("tls_cert = 'x.pem'\ntls_key = 'y.pem'", "no listener shows it"),
        ("listen = ['tls://0.0.0.0:443']", "needs tls_cert"),
        ("listen = ['http://0.0.0.0:80']", "only tls://"),
        ("listen = ['127.0.0.1:80', '127.0.0.1:80']", "port 80 twice: of 127.0.0.1"),
        ("listen = ['127.0.0.1:80', '0.0.0.0:80']", "127.0.0.1 and of 0.0.0.0, which overlap"),
        ("listen = ['[::1]:80', '[::]:80']", "::1 and of ::, which overlap"),
        ("listen_udp = ['tls://0.0.0.0:80']", "only tls://"),
        ("listen_udp = ['0.0.0.0:80', '0.0.0.0:80']", "listen_udp names port 80"),
        ("addresses = ['http://x:1', 'udp://x:2']", "listen_udp is empty"),
        ("partial_bytes = 1000000", "largest_body_bytes"),
        ("capacity_bytes = 1000000000", "partial_bytes"),
        ("largest_body_bytes = 5000000000", "largest_body_bytes"),
        ("log_level = 'loud'", "log_level"),
        ("log_format = 'xml'", "log_format"),
        ("listen_metrics = ['9464']", "HOST:PORT"),
        ("listen_metrics = ['127.0.0.1:8080']", "port 8080 twice"),
        ("status_page = 'yes'", "status_page"),
        ("= 3", "TOML"),
        ("idle_s = 3\nidle_s = 4", r"stands there twice \(at "),
    ],
)
def test_a_setting_that_is_wrong_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, named: str
) -> None:
    path = tmp_path / "relay.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=named):
        read_settings(path)
    assert main(["serve", "--config", str(path)]) == 2
    assert re.search(named, capsys.readouterr().err)


@pytest.mark.parametrize(
    "text",
    [
        *("", ":80", "host", "host:", "host:x", "host:65536", "host:-1"),
        *("..:80", f"{'a' * 64}.b:80", "\udcff:80"),
    ],
)
def test_a_listen_address_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ConfigError):
        parse_listen(text)


def test_a_listen_address_may_be_ipv6() -> None:
    assert parse_listen("[::1]:8080") == ("::1", 8080)


def test_places_that_only_look_alike_are_taken() -> None:
    apart = ("0.0.0.0:80", "[::]:80", "127.0.0.1:0", "127.0.0.1:0", "0.0.0.0:81", "localhost:81")
    assert check_config(Config(listen=apart)).listen == apart


def test_a_listener_says_whether_it_is_tls() -> None:
    assert parse_listener("[::1]:80") == Listener("::1", 80, is_tls=False)
    assert parse_listener("tls://[::]:3785") == Listener("::", 3785, is_tls=True)
    for text in ("http://0.0.0.0:80", "tls://tls://0.0.0.0:80", "tls://", "TLS://0.0.0.0:1"):
        with pytest.raises(ConfigError):
            parse_listener(text)


def test_a_file_names_every_setting_and_leaves_defaults_to_the_program() -> None:
    lines = write_config(Config(idle_s=7)).splitlines()
    named = [line.lstrip("#").partition(" = ")[0] for line in lines if " = " in line]
    assert set(named) >= {each.name for each in fields(Config)}
    assert [line for line in lines if line and not line.startswith("#")] == ["idle_s = 7"]


def test_the_command_line_comes_before_the_environment_and_that_before_the_file(
    tmp_path: Path,
) -> None:
    path = tmp_path / "relay.toml"
    path.write_text("idle_s = 1\nstall_s = 1\nlisten = ['127.0.0.1:1']")
    settings = Sources(
        path,
        {"listen": ("127.0.0.1:3",)},
        environment={"QANAT_RELAY_STALL_S": "2", "QANAT_RELAY_LISTEN": "127.0.0.1:2"},
    ).read()
    config = settings.config
    assert (config.idle_s, config.stall_s, config.listen) == (1, 2, ("127.0.0.1:3",))
    assert settings.origins == {
        "idle_s": str(path),
        "stall_s": "the environment",
        "listen": "the command line",
    }


def test_a_variable_has_the_type_of_its_setting(tmp_path: Path) -> None:
    path = tmp_path / "relay.toml"
    path.write_text("")
    config = read_settings(
        path,
        QANAT_RELAY_LISTEN="0.0.0.0:80, tls://[::]:3785,",
        QANAT_RELAY_TLS_CERT="c",
        QANAT_RELAY_TLS_KEY="k",
        QANAT_RELAY_ADDRESSES="",
        QANAT_RELAY_NAME="Аударма, relay",
        QANAT_RELAY_PAGES="false",
        QANAT_RELAY_STOP_S="0",
        QANAT_HOME="somewhere",
    ).config
    assert config == Config(
        listen=("0.0.0.0:80", "tls://[::]:3785"),
        tls_cert="c",
        tls_key="k",
        name="Аударма, relay",
        pages=False,
        stop_s=0,
    )


@pytest.mark.parametrize(
    ("variable", "text"),
    [
        *[("QANAT_RELAY_IDLE_S", text) for text in ("x", "", "1.5", "٣", "9" * 5000, "true", "-1")],
        *[("QANAT_RELAY_PAGES", text) for text in ("yes", "1", "", "True")],
        *[(f"QANAT_RELAY_{name}", "1") for name in ("", "IDLE", "idle_s", "IDLE_S ", "DATA")],
        ("QANAT_RELAY_LISTEN", ","),
        ("QANAT_RELAY_NAME", "\udcff"),
    ],
)
def test_a_variable_that_is_wrong_is_refused_by_name(
    tmp_path: Path, variable: str, text: str
) -> None:
    path = tmp_path / "relay.toml"
    path.write_text("")
    named = f"{re.escape(variable)}|the environment: [a-z_]+ is"
    with pytest.raises(ConfigError, match=named):
        read_settings(path, **{variable: text})


def test_a_variable_that_is_wrong_stops_every_command_that_reads_settings(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    data = str(tmp_path)
    assert main(["init", "--data", data]) == 0
    monkeypatch.setenv("QANAT_RELAY_IDEL_S", "7")
    for command in (["serve"], ["serve", "--dry-run"], ["status"], ["config"]):
        capsys.readouterr()
        assert main([*command, "--data", data]) == 2
        assert "QANAT_RELAY_IDEL_S" in capsys.readouterr().err


def test_config_shows_the_settings_in_force_and_who_said_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    data = tmp_path / "relay"
    assert main(["init", "--data", str(data), "--name", "R", "--listen", "127.0.0.1:1"]) == 0
    monkeypatch.setenv("QANAT_RELAY_IDLE_S", "7")
    command = ["config", "--data", str(data), "--listen", "127.0.0.1:2"]
    capsys.readouterr()
    assert main(command) == 0
    shown = capsys.readouterr().out
    again = tmp_path / "again.toml"
    again.write_text(shown)
    config = read_settings(again).config
    assert config == Config(name="R", listen=("127.0.0.1:2",), idle_s=7)
    assert main([*command, "--json"]) == 0
    values = json.loads(capsys.readouterr().out)
    assert values["idle_s"] == {"value": 7, "from": "the environment"}
    assert values["listen"] == {"value": ["127.0.0.1:2"], "from": "the command line"}
    assert values["name"] == {"value": "R", "from": str(data / "relay.toml")}
    assert values["stall_s"] == {"value": 120, "from": "default"}


def test_a_file_that_was_there_must_not_be_missing_later(tmp_path: Path) -> None:
    path = tmp_path / "relay.toml"
    sources = Sources(path, environment={}, must_exist=False)
    assert sources.read() == sources.fixed().read()
    path.write_text("idle_s = 7")
    fixed = sources.fixed()
    path.unlink()
    assert sources.read().config.idle_s == Config().idle_s
    with pytest.raises(ConfigError, match="No such file"):
        fixed.read()
