"""What a relay or a stranger can send in masses costs the desk neither memory nor its disk."""

from __future__ import annotations

import os
import tracemalloc
from collections.abc import Iterator

import pytest
from tests.client.desk.newsroom import Newsroom, Writer

from qanat_client.desk.arrivals import Arrivals
from qanat_client.desk.desk import Desk
from qanat_client.desk.spool import Spool
from qanat_protocol.limits import BLOCK_BYTES
from qanat_protocol.parcel import Header, Kind
from qanat_protocol.part import Rendition

RELAY = b"r" * 32


@pytest.fixture
def desk(newsroom: Newsroom) -> Iterator[Desk]:
    newsroom.settle()
    desk = newsroom.open()
    yield desk
    desk.vault.close()


def header_of_1_gib(writer: Writer) -> Header:
    return Header(
        kind=Kind.PART,
        urgent=False,
        expiry_day=writer.expiry_day,
        body_size=2**30,
        tag=writer.tag,
        lock=os.urandom(32),
        root=os.urandom(32),
    )


def test_a_header_that_claims_1_gib_allocates_nothing(desk: Desk) -> None:
    writer = Writer(desk.card, desk.today)
    arrivals = Arrivals(desk.vault, Spool(desk.home), desk.clock)
    headers = [header_of_1_gib(writer) for _ in range(2000)]
    tracemalloc.start()
    try:
        for header in headers:
            assert arrivals.begin(header, RELAY) is not None
        held_bytes, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held_bytes < 100 * len(headers)
    assert arrivals.held() == {}


def test_two_relays_that_begin_one_parcel_together_bring_it_once(desk: Desk) -> None:
    writer = Writer(desk.card, desk.today)
    _, made = writer.part(0, Rendition.ORIGINAL, "video/mp4", os.urandom(3 * BLOCK_BYTES))
    arrivals = Arrivals(desk.vault, Spool(desk.home), desk.clock)
    first, second = (arrivals.begin(made.header, relay) for relay in (RELAY, b"s" * 32))
    assert first is not None
    assert second is not None
    whole = [
        arrivals.take(incoming, index, block)
        for index, block in enumerate(made.blocks)
        for incoming in (first, second)
    ]
    assert whole.count(True) == 1
    arrivals.flush(RELAY)
    # A late block of the session that lost the race changes nothing.
    assert not arrivals.take(second, 0, made.blocks[0])
    arrivals.flush(b"s" * 32)
    assert desk.vault.value("SELECT state FROM parcels") == "whole"
    assert Spool(desk.home).read(made.parcel_id) == made.body
