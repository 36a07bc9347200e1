"""The dashboard and the alert rules name what a real relay serves, and Prometheus takes them."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.relay.watching.scraped import used_relays

ROOT = Path(__file__).parents[3]
FOLDER = ROOT / "relay" / "watching"
DASHBOARD = FOLDER / "grafana" / "dashboards" / "qanat-relay.json"
_METRIC = re.compile(r"\b(?:qanat_relay|process)_[a-z_]+\b")
_HISTOGRAM = re.compile(r"(?<=_seconds)_(?:bucket|sum|count)$")

FIRES: dict[str, dict[str, str]] = {
    "RelayDown": {'up{job="qanat-relay"}': "0x120"},
    "RelayRestarts": {'process_start_time_seconds{job="qanat-relay"}': "0+60x120"},
    "StoreFails": {"qanat_relay_commits_failed_total": "0+1x120"},
    "CommitsSlow": {
        'qanat_relay_commit_duration_seconds_bucket{le="0.01"}': "0x120",
        'qanat_relay_commit_duration_seconds_bucket{le="1.0"}': "0+1x120",
        'qanat_relay_commit_duration_seconds_bucket{le="2.5"}': "0+9x120",
        'qanat_relay_commit_duration_seconds_bucket{le="+Inf"}': "0+9x120",
    },
    "RoomShort": {"qanat_relay_room_bytes": "5x120", "qanat_relay_capacity_bytes": "100x120"},
    "RoomGone": {'qanat_relay_refused_total{verdict="refused_full"}': "0+1x120"},
    "EvictsAttachments": {'qanat_relay_removed_total{why="evicted"}': "0+1x120"},
    "SessionsRefused": {'qanat_relay_sessions_ended_total{how="refused"}': "0+3x120"},
    "EffortAsked": {"qanat_relay_effort": "4096x120"},
    "PeerSilent": {'qanat_relay_peer_failing_seconds{peer="a"}': "20000+60x120"},
    "PeerLags": {'qanat_relay_peer_lag_seconds{peer="a"}': "80000+60x120"},
    "SweepMissing": {
        'process_start_time_seconds{job="qanat-relay"}': "-90000x120",
        "qanat_relay_last_sweep_timestamp_seconds": "-90000x120",
    },
    "ClockDoubted": {"qanat_relay_clock_doubted": "1x120"},
    "ErrorsLogged": {'qanat_relay_errors_total{event="session_failed"}': "0+1x120"},
    "FilesShort": {
        'process_open_fds{job="qanat-relay"}': "950x120",
        'process_max_fds{job="qanat-relay"}': "1024x120",
    },
}
"""For each alert what has to be seen so that it fires, as promtool writes series: every minute."""

CALM = {
    'up{job="qanat-relay"}': "1x120",
    'process_start_time_seconds{job="qanat-relay"}': "0x120",
    "qanat_relay_store_answers": "1x120",
    "qanat_relay_commits_failed_total": "3x120",
    'qanat_relay_commit_duration_seconds_bucket{le="0.01"}': "0+9x120",
    'qanat_relay_commit_duration_seconds_bucket{le="+Inf"}': "0+9x120",
    "qanat_relay_room_bytes": "50x120",
    "qanat_relay_capacity_bytes": "100x120",
    'qanat_relay_refused_total{verdict="refused_full"}': "7x120",
    'qanat_relay_refused_total{verdict="expired"}': "0+1x120",
    'qanat_relay_removed_total{why="evicted"}': "2x120",
    'qanat_relay_removed_total{why="expired"}': "0+1x120",
    'qanat_relay_sessions_ended_total{how="refused"}': "5x120",
    "qanat_relay_effort": "0x120",
    'qanat_relay_peer_failing_seconds{peer="a"}': "0x120",
    'qanat_relay_peer_lag_seconds{peer="a"}': "300x120",
    "qanat_relay_last_sweep_timestamp_seconds": "0+60x120",
    "qanat_relay_clock_doubted": "0x120",
    'qanat_relay_errors_total{event="session_failed"}': "4x120",
    'process_open_fds{job="qanat-relay"}': "60x120",
    'process_max_fds{job="qanat-relay"}': "1024x120",
}


@pytest.fixture(scope="module")
def promtool() -> str:
    found = shutil.which("promtool")
    if found is None:
        pytest.skip("promtool is not here: apt-get install prometheus")
    return found


def rules() -> str:
    return (FOLDER / "alerts.yml").read_text()


def alerts() -> list[str]:
    return re.findall(r"- alert: (\w+)", rules())


def texts(value: Any) -> Iterator[str]:
    """Every string anywhere in a JSON value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from (text for each in value.values() for text in texts(each))
    elif isinstance(value, list):
        yield from (text for each in value for text in texts(each))


async def test_every_metric_that_is_drawn_alerted_on_or_explained_is_served(
    tmp_path: Path,
) -> None:
    scraped = await used_relays(tmp_path, largest_body_bytes=2**26)
    named = {
        "the dashboard": " ".join(texts(json.loads(DASHBOARD.read_text()))),
        "the rules": rules(),
        "the document": (ROOT / "docs" / "watching.md").read_text(),
    }
    families = {_HISTOGRAM.sub("", name) for name in scraped.names}
    for where, text in named.items():
        used = set(_METRIC.findall(text))
        assert used, where
        assert used - scraped.names - families == set(), f"{where} names what no relay serves"
    explained = set(_METRIC.findall(named["the document"]))
    assert families - explained == set(), "the document leaves out what is served"


def test_every_panel_asks_the_data_source_that_is_chosen_and_has_a_place() -> None:
    dashboard = json.loads(DASHBOARD.read_text())
    panels = dashboard["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        at = panel["gridPos"]
        assert at["x"] + at["w"] <= 24
        cells = {
            (x, y)
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        }
        assert not cells & taken, panel["title"]
        taken |= cells
        for target in panel.get("targets", []):
            assert target["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
            assert 'instance="$instance"' in target["expr"]
            assert target["expr"].count("(") == target["expr"].count(")")
    names = {each["name"] for each in dashboard["templating"]["list"]}
    assert set(re.findall(r"\$\{?(?!__)(\w+)\}?", DASHBOARD.read_text())) == names


def test_prometheus_can_read_every_query_of_the_dashboard(promtool: str, tmp_path: Path) -> None:
    lines = ["groups:", "  - name: dashboard", "    rules:"]
    for panel in json.loads(DASHBOARD.read_text())["panels"]:
        for target in panel.get("targets", []):
            # What Grafana puts into it.
            query = target["expr"].replace("$instance", "a").replace("$__rate_interval", "4m")
            name = f"panel_{panel['id']}_{target['refId']}"
            lines += [f"      - record: {name}", f"        expr: {json.dumps(query)}"]
    assert len(lines) > 80
    path = tmp_path / "queries.yml"
    path.write_text("\n".join(lines) + "\n")
    ran = subprocess.run(
        [promtool, "check", "rules", str(path)], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_the_dashboard_and_its_data_source_are_those_that_are_provisioned() -> None:
    provisioning = FOLDER / "grafana" / "provisioning"
    source = (provisioning / "datasources" / "prometheus.yml").read_text()
    variable = json.loads(DASHBOARD.read_text())["templating"]["list"][0]
    assert f"uid: {variable['current']['value']}\n" in source
    assert (provisioning / "dashboards" / "qanat.yml").read_text().count("$QANAT_DASHBOARDS") == 1


def test_what_prometheus_asks_is_asked_where_the_document_lets_a_relay_listen() -> None:
    (target,) = re.findall(r'targets: \["([^"]+)"\]', (FOLDER / "prometheus.yml").read_text())
    assert f'listen_metrics = ["{target}"]' in (ROOT / "docs" / "watching.md").read_text()


def test_every_alert_says_what_to_do_here_and_in_the_document() -> None:
    document = (ROOT / "docs" / "watching.md").read_text()
    assert len(alerts()) == len(set(alerts())) == rules().count("action:")
    assert set(alerts()) == set(FIRES)
    assert [name for name in alerts() if f"| `{name}` (" not in document] == []


def test_prometheus_takes_the_rules_and_the_settings(promtool: str) -> None:
    for check in (["rules", "alerts.yml"], ["config", "prometheus.yml"]):
        ran = subprocess.run(
            [promtool, "check", *check], cwd=FOLDER, capture_output=True, text=True, check=False
        )
        assert ran.returncode == 0, ran.stdout + ran.stderr


def test_each_alert_fires_on_what_it_is_for_and_none_when_all_is_well(
    promtool: str, tmp_path: Path
) -> None:
    tests = [(name, {**CALM, **FIRES[name]}) for name in alerts()]
    lines = [f"rule_files: [{json.dumps(str(FOLDER / 'alerts.yml'))}]", "tests:"]
    for name, series in [("calm", CALM), *tests]:
        lines += [f"  - name: {name}", "    interval: 1m", "    input_series:"]
        for series_name, values in series.items():
            lines += [f"      - series: {json.dumps(series_name)}", f"        values: {values!r}"]
        lines.append("    promql_expr_test:")
        for alert in [name] if name in FIRES else alerts():
            count = f'count(ALERTS{{alertname="{alert}",alertstate="firing"}}) or vector(0)'
            lines += [f"      - expr: {json.dumps(count)}", "        eval_time: 110m"]
            lines += ["        exp_samples:", f"          - value: {int(name in FIRES)}"]
    path = tmp_path / "tests.yml"
    path.write_text("\n".join(lines) + "\n")
    ran = subprocess.run(
        [promtool, "test", "rules", str(path)], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
