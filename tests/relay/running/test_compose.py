"""docker-compose.yml: whole for every profile, and true to the files and settings that it names."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import fields
from pathlib import Path

import pytest

from qanat_relay.config import Config

ROOT = Path(__file__).resolve().parents[3]
TEXT = (ROOT / "docker-compose.yml").read_text()
SERVICES = {
    "": {"relay"},
    "tls": {"relay", "proxy"},
    "onion": {"relay", "tor"},
    "watch": {"relay", "prometheus", "grafana"},
}


def compose() -> list[str] | None:
    """The command that is there: the plugin's, or the program of its own."""
    if shutil.which("docker"):
        plugin = ["docker", "compose"]
        if subprocess.run([*plugin, "version"], check=False, capture_output=True).returncode == 0:
            return plugin
    return ["docker-compose"] if shutil.which("docker-compose") else None


COMPOSE = compose()


@pytest.mark.skipif(COMPOSE is None, reason="no docker compose: apt install docker-compose")
@pytest.mark.parametrize("profile", SERVICES)
def test_compose_takes_the_file_with_every_profile(profile: str) -> None:
    assert COMPOSE is not None
    chosen = ["--profile", profile] if profile else []
    done = subprocess.run(
        [*COMPOSE, "--project-directory", str(ROOT), *chosen, "config"],
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    found = set(re.findall(r"^  ([a-z]+):$", done.stdout.split("services:\n")[1], re.MULTILINE))
    assert SERVICES[profile] <= found


def blocks() -> dict[str, str]:
    """Each service with its lines."""
    services = TEXT.split("\nservices:\n")[1].split("\nnetworks:\n")[0]
    parts = re.split(r"^  ([a-z]+):\n", services, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def test_each_service_belongs_to_the_profile_that_its_comment_tells() -> None:
    found = {
        name: re.findall(r"^    profiles: \[(\w+)\]", lines, re.M)
        for name, lines in blocks().items()
    }
    assert found == {
        name: [profile] if profile else []
        for profile, names in SERVICES.items()
        for name in names
        if profile or name == "relay"
        if not (profile and name == "relay")
    }


def test_every_file_that_is_mounted_or_built_from_is_there() -> None:
    named = re.findall(r"^      - \./([^:]+):/", TEXT, re.MULTILINE)
    named += re.findall(r"(?:dockerfile|build): (\S+)", TEXT)
    assert len(named) >= 8
    assert [path for path in named if not (ROOT / path).exists()] == []


def test_every_variable_of_the_relay_is_a_setting() -> None:
    named = set(re.findall(r"- QANAT_RELAY_([A-Z_]+)", TEXT))
    assert {"LISTEN", "LISTEN_METRICS", "NAME", "ADDRESSES"} <= named
    assert {name.lower() for name in named} <= {each.name for each in fields(Config)}


@pytest.mark.skipif(shutil.which("promtool") is None, reason="no promtool: apt install prometheus")
def test_prometheus_takes_what_compose_gives_it(tmp_path: Path) -> None:
    for name in ("compose/prometheus.yml", "watching/alerts.yml"):
        shutil.copy(ROOT / "relay" / name, tmp_path)
    command = ["promtool", "check", "config", str(tmp_path / "prometheus.yml")]
    subprocess.run(command, check=True, timeout=60)


def test_compose_watches_as_the_files_for_one_machine_do() -> None:
    pairs = [
        ("compose/prometheus.yml", "watching/prometheus.yml", "relay:9464", "127.0.0.1:9464"),
        (
            "compose/datasource.yml",
            "watching/grafana/provisioning/datasources/prometheus.yml",
            "http://prometheus:9090",
            "http://127.0.0.1:9090",
        ),
    ]
    for ours, theirs, place, other in pairs:
        texts = [(ROOT / "relay" / name).read_text() for name in (ours, theirs)]
        lines = [[line for line in text.splitlines() if line[:1] != "#"] for text in texts]
        assert [line.replace(place, other) for line in lines[0]] == lines[1]


def test_no_service_can_write_to_its_image_or_gain_rights() -> None:
    assert "read_only: true\n  cap_drop:\n    - ALL\n" in TEXT
    assert "no-new-privileges:true" in TEXT
    assert all("<<: *careful" in lines for lines in blocks().values())
    # What would tell somebody else that a relay is here.
    grafana = blocks()["grafana"]
    for name in ("REPORTING_ENABLED", "CHECK_FOR_UPDATES", "CHECK_FOR_PLUGIN_UPDATES"):
        assert f"GF_ANALYTICS_{name}=false" in grafana
    assert "networks:\n      - watching\n" in blocks()["prometheus"]


def test_nothing_is_published_to_the_world_but_the_proxys_ports() -> None:
    published = {name: re.findall(r'- "([^"]*:\d+)"', lines) for name, lines in blocks().items()}
    assert published["proxy"] == ["80:80", "443:443", "179:179", "3785:3785"]
    others = [each for name, each in published.items() if name != "proxy"]
    assert all("127.0.0.1:" in port or ":-127.0.0.1}" in port for each in others for port in each)
