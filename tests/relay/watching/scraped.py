"""What a relay on loopback answers at its listener for metrics."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample
from tests.relay.made_parcels import make, part
from tests.relay.made_peers import befriend, reach
from tests.relay.running_relay import CARRIERS, Desk, Running, running_relay, talking, transfer

from qanat_protocol.frames import AckStatus
from qanat_relay.sweep import sweep_once

METRICS = ("127.0.0.1:0",)


@dataclass(frozen=True)
class Scraped:
    """One answer of /metrics."""

    text: str
    samples: list[Sample]

    @property
    def names(self) -> set[str]:
        return {sample.name for sample in self.samples}

    def value(self, name: str, **labels: str) -> float:
        """Of the one sample with these labels."""
        (found,) = [
            sample.value
            for sample in self.samples
            if sample.name == f"qanat_relay_{name}" and sample.labels == labels
        ]
        return float(found)


async def get(url: str) -> tuple[int, str]:
    async with aiohttp.ClientSession() as http, http.get(url) as response:
        return response.status, await response.text()


async def scrape(relay: Running) -> Scraped:
    status, text = await get(relay.server.metrics_urls[0])
    assert status == 200
    families = list(text_string_to_metric_families(text))
    return Scraped(text, [sample for family in families for sample in family.samples])


async def used_relays(folder: Path, **settings: Any) -> Scraped:
    """What a relay tells that has a peer, took letters over each carrier, and has swept."""
    desk = Desk.made()
    async with (
        running_relay(folder / "one", listen_metrics=METRICS, **settings) as relay,
        running_relay(folder / "other") as other,
    ):
        befriend(relay, other)
        for number, carrier in enumerate(CARRIERS):
            async with talking(relay, carrier) as talk:
                await talk.say(*transfer(make(number, tag=desk.tag), 0))
                assert (await talk.statuses(1))[0].status is AckStatus.STORED
                await talk.end()
        async with talking(relay, "exchange") as talk:
            await talk.say(*transfer(part(1), 0, 0, 1))
        assert await reach(relay, other)
        await sweep_once(relay.node)
        scraped = await scrape(relay)
        for secret in (desk.tag, relay.keys.signing.public, other.keys.signing.public):
            assert secret.hex()[:8] not in scraped.text
        return scraped
