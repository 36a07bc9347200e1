"""What a relay tells Prometheus is what happened, and names nobody."""

from __future__ import annotations

import logging
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.relay.made_parcels import EXPIRY, TODAY, make, part
from tests.relay.made_peers import all_ended, hold, made_card, peer_at, peer_of, reach, relays
from tests.relay.running_relay import CARRIERS, Running, running_relay, talking, transfer
from tests.relay.test_admission import ROOM, flood, is_fast
from tests.relay.watching.scraped import METRICS, get, scrape, used_relays

from qanat_protocol.frames import Error
from qanat_protocol.sealing import SealingSecret
from qanat_protocol.signing import SigningKey
from qanat_relay.admission import gate
from qanat_relay.config import Config
from qanat_relay.errors import ConfigError
from qanat_relay.peering.calling import call
from qanat_relay.sweep import sweep_once

__all__ = ["is_fast"]


@pytest.fixture
async def relay(tmp_path: Path) -> AsyncIterator[Running]:
    async with running_relay(tmp_path / "relay", listen_metrics=METRICS) as running:
        yield running


@pytest.mark.parametrize("carrier", CARRIERS)
async def test_sessions_and_their_bytes_are_counted_by_carrier(
    relay: Running, carrier: str
) -> None:
    letter = make(1)
    async with talking(relay, carrier) as talk:
        await talk.say(*transfer(letter, 0))
        await talk.statuses(1)
        during = await scrape(relay)
        await talk.end()
        heard_bytes = talk.received_bytes
    assert during.value("sessions", carrier=carrier) == 1
    await all_ended(relay)
    after = await scrape(relay)
    assert after.value("sessions", carrier=carrier) == 0
    assert after.value("sessions_begun_total", carrier=carrier) == 1
    assert after.value("sessions_ended_total", how="done") == 1
    assert after.value("received_bytes_total", carrier=carrier) > len(letter.body)
    assert after.value("sent_bytes_total", carrier=carrier) == heard_bytes
    for other in set(CARRIERS) - {carrier}:
        assert after.value("received_bytes_total", carrier=other) == 0


async def test_what_is_held_is_told_by_kind_in_parcels_and_bytes(relay: Running) -> None:
    letters, film, half = [make(1), make(2)], part(1), part(2)
    await hold(relay, *letters, film)
    await relay.store.write([half.put(0, 1), letters[0].opened()], today=TODAY)
    scraped = await scrape(relay)
    assert scraped.value("stored_parcels", kind="letter") == 2
    assert scraped.value("stored_bytes", kind="letter") == sum(len(each.body) for each in letters)
    assert scraped.value("stored_parcels", kind="part") == 1
    assert scraped.value("stored_bytes", kind="part") == len(film.body)
    assert scraped.value("waiting_parcels") == 1
    assert scraped.value("waiting_bytes") > sum(len(half.blocks[n].data) for n in (0, 1))
    assert scraped.value("tombstones") == scraped.value("opened_parcels") == 1
    await relay.store.write([letters[0].purged()], today=TODAY)
    scraped = await scrape(relay)
    assert scraped.value("stored_parcels", kind="letter") == 1
    assert scraped.value("stored_bytes", kind="letter") == len(letters[1].body)


async def test_what_became_of_parcels_is_counted_with_the_verdicts(tmp_path: Path) -> None:
    settings: dict[str, Any] = {"listen_metrics": METRICS, "largest_body_bytes": 2**18}
    async with running_relay(tmp_path, **settings) as relay:
        async with talking(relay, "exchange") as talk:
            await talk.say(*transfer(make(1), 0), *transfer(make(1), 1))
            await talk.say(*transfer(make(2, expiry_day=TODAY - 1), 2))
            await talk.say(*transfer(part(1, 2**20), 3))
            await talk.statuses(4)
            await talk.say(make(1).opened_frame(), make(1).opened_frame(), make(9).opened_frame())
            await talk.end()
        scraped = await scrape(relay)
    assert scraped.value("parcels_total", outcome="stored") == 1
    assert scraped.value("parcels_total", outcome="have") == 1
    assert scraped.value("parcels_total", outcome="refused") == 2
    assert scraped.value("refused_total", verdict="expired") == 1
    assert scraped.value("refused_total", verdict="refused_size") == 1
    assert scraped.value("refused_total", verdict="bad_root") == 0
    assert scraped.value("marks_total", outcome="kept") == 1
    assert scraped.value("marks_total", outcome="ignored") == 1


async def test_commits_are_told_as_a_histogram_and_failures_beside_it(relay: Running) -> None:
    before = await scrape(relay)
    await hold(relay, make(1))
    after = await scrape(relay)
    name = "commit_duration_seconds_count"
    assert after.value(name) == before.value(name) + 1
    assert after.value("commit_duration_seconds_sum") > before.value("commit_duration_seconds_sum")
    assert after.value("commit_duration_seconds_bucket", le="+Inf") == after.value(name)
    assert after.value("commits_failed_total") == 0


async def test_what_goes_is_counted_by_why(tmp_path: Path) -> None:
    day = [TODAY]
    async with running_relay(
        tmp_path,
        clock=lambda: day[0] * 86_400.0,
        listen_metrics=METRICS,
        capacity_bytes=3 * 2**20,
        partial_bytes=2**20,
        largest_body_bytes=2**20,
    ) as relay:
        await sweep_once(relay.node)
        await hold(relay, make(1), make(2, expiry_day=EXPIRY + 7))
        for number in range(12):
            await relay.store.write([part(number, 2**18).put()], today=TODAY)
        scraped = await scrape(relay)
        held = scraped.value("stored_parcels", kind="part")
        assert await relay.store.write(
            [make(number, size_bytes=2**18).put() for number in range(20, 23)], today=TODAY
        )
        scraped = await scrape(relay)
        gone = held - scraped.value("stored_parcels", kind="part")
        assert gone > 0
        assert scraped.value("removed_total", why="evicted") >= gone
        for day[0] in range(TODAY, EXPIRY + 2):
            await sweep_once(relay.node)
        scraped = await scrape(relay)
    assert scraped.value("removed_total", why="expired") > 0
    assert scraped.value("last_sweep_timestamp_seconds") == (EXPIRY + 1) * 86_400
    assert scraped.value("stored_parcels", kind="letter") == 1


async def test_a_peer_is_told_by_name_with_its_lag(tmp_path: Path) -> None:
    now = [TODAY * 86_400.0]
    async with relays(tmp_path, 2, clock=lambda: now[0], listen_metrics=METRICS) as (relay, other):
        await hold(relay, make(1))
        assert await reach(relay, other)
        now[0] += 90
        scraped = await scrape(relay)
        name = peer_of(relay, other).card.name
        assert scraped.value("peers") == 1
        assert scraped.value("peer_lag_seconds", peer=name) == 90
        assert scraped.value("peer_given_total", peer=name) == 1
        assert scraped.value("peer_failing_seconds", peer=name) == 0
        assert scraped.value("received_bytes_total", carrier="call") > 0
        key, sealing = SigningKey.generate(), SealingSecret.generate().public
        gone = peer_at(relay, key, sealing, "http://127.0.0.1:9")
        relay.node.peers.take(made_card(SigningKey.generate(), sealing, name=""))
        assert not await call(relay.node, gone)
        now[0] += 60
        scraped = await scrape(relay)
    names = {sample.labels["peer"] for sample in scraped.samples if "peer" in sample.labels}
    assert names == {name, f"{name} (2)", "unnamed"}
    failing = {
        each: scraped.value("peer_failing_seconds", peer=each) for each in names - {"unnamed"}
    }
    assert sorted(failing.values()) == [0, 60]


async def test_the_effort_and_the_room_are_told(tmp_path: Path) -> None:
    settings: dict[str, Any] = {"stamp_effort": 4096, "capacity_bytes": 8 * 2**30}
    async with running_relay(tmp_path, listen_metrics=METRICS, **settings) as relay:
        scraped = await scrape(relay)
        used = (await relay.store.stats()).used_bytes
    assert scraped.value("effort") == 4096
    assert scraped.value("capacity_bytes") == 8 * 2**30
    assert scraped.value("room_bytes") <= 8 * 2**30 - used
    assert scraped.value("disk_free_bytes") > 0


@pytest.mark.usefixtures("is_fast")
async def test_what_waits_to_be_let_in_is_told_with_the_memory_that_it_takes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running_relay(tmp_path, listen_metrics=METRICS, **ROOM) as relay:
        await flood(relay)
        monkeypatch.setattr(gate, "WAIT_S", 60.0)
        letters = [make(number) for number in (1, 2)]
        size_bytes = sum(len(each.body) for each in letters)
        async with talking(relay, "websocket") as talk:
            for handle, letter in enumerate(letters):
                await talk.say(*transfer(letter, handle))
            while (scraped := await scrape(relay)).value("gate_bytes") < size_bytes:
                pass
            assert scraped.value("gate_bytes") == size_bytes
            assert scraped.value("gate_parcels") == len(letters)
        await all_ended(relay)
        scraped = await scrape(relay)
    assert scraped.value("gate_parcels") == scraped.value("gate_bytes") == 0


async def test_a_fault_and_a_lost_line_are_told_apart(relay: Running) -> None:
    async with talking(relay, "websocket") as talk:
        await talk.say(*transfer(make(1), 7))
        await talk.until(Error)
    async with talking(relay, "websocket") as talk:
        await talk.say(*transfer(part(1), 0, 0))
    await all_ended(relay)
    scraped = await scrape(relay)
    assert scraped.value("sessions_ended_total", how="fault") == 1
    assert scraped.value("sessions_ended_total", how="lost") == 1


async def test_metrics_go_on_while_the_store_does_not_answer(relay: Running) -> None:
    await relay.store.close()
    scraped = await scrape(relay)
    assert scraped.value("store_answers") == 0
    assert "qanat_relay_sessions" in scraped.names
    assert "qanat_relay_stored_parcels" not in scraped.names


async def test_no_label_names_anybody(tmp_path: Path) -> None:
    scraped = await used_relays(tmp_path)
    labels = {name for sample in scraped.samples for name in sample.labels}
    assert labels == {
        "carrier",
        "event",
        "how",
        "kind",
        "le",
        "outcome",
        "part",
        "peer",
        "verdict",
        "version",
        "why",
    }
    values = {value for sample in scraped.samples for value in sample.labels.values()}
    assert not [
        value for value in values if re.search(r"[0-9a-f]{8}|\d+\.\d+\.\d+\.\d+|::|/", value)
    ]
    assert {s.labels["peer"] for s in scraped.samples if "peer" in s.labels} == {"a relay"}


async def test_metrics_are_not_told_where_sessions_are_and_by_default_nowhere(
    relay: Running, tmp_path: Path
) -> None:
    assert Config().listen_metrics == ()
    assert (await get(f"{relay.url}/metrics"))[0] == 404
    async with running_relay(tmp_path / "other") as other:
        assert other.server.metrics_urls == []
    listener = relay.server.metrics_urls[0].removesuffix("/metrics")
    assert (await get(f"{listener}/v1/relay"))[0] == 404


async def test_an_address_that_is_taken_is_named(relay: Running, tmp_path: Path) -> None:
    place = relay.server.metrics_urls[0].removeprefix("http://").removesuffix("/metrics")
    with pytest.raises(ConfigError, match=f"{place} for metrics"):
        async with running_relay(tmp_path / "other", listen_metrics=(place,)):
            pass


async def test_listening_for_everybody_is_warned_of(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        async with running_relay(tmp_path / "a", listen_metrics=("127.0.0.1:0", "[::1]:0")):
            assert "listen_metrics" not in caplog.text
        async with running_relay(tmp_path / "b", listen_metrics=("0.0.0.0:0",)):
            assert "listen_metrics" in caplog.text
