"""What the system says of its networks, read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.client.told_networks import (
    DONE,
    LOOPBACK,
    NO_LINE,
    System,
    address,
    link,
    message,
    route,
)

from qanat_client.reporter.netlink import watch_network
from qanat_client.reporter.rtnetlink import Way, is_last, ways_in

WLAN = link(3, "wlan0")


def said(*messages: bytes) -> list[str]:
    return sorted(map(str, ways_in(messages)))


def test_an_address_and_a_way_out_are_told_by_the_name_of_their_link() -> None:
    assert said(WLAN, address(3), route(3)) == ["wlan0 has a way out", "wlan0 has an address"]
    # All in one datagram is the same.
    assert said(WLAN + address(3) + DONE) == ["wlan0 has an address"]


@pytest.mark.parametrize(
    "messages",
    [
        [link(1, "lo", LOOPBACK), address(1)],
        [link(3, "wlan0", NO_LINE), address(3), route(3)],
        [WLAN, address(3, scope=254)],
        [WLAN, address(3, bytes(16), family=10, scope=253)],
        [WLAN, address(3, bytes(16), family=10, flags=0x40)],
        [WLAN, address(3, bytes(16), family=10, flags=0x08)],
        [WLAN, route(3, length=24)],
        [WLAN, route(3, table=255)],
        [WLAN, route(3, kind=7)],
        [address(3), route(3)],
    ],
    ids=[
        "loopback",
        "no-line",
        "this-host",
        "own-ipv6",
        "tentative",
        "duplicate",
        "one-subnet",
        "another-table",
        "unreachable",
        "no-link",
    ],
)
def test_what_leads_nowhere_is_no_way(messages: list[bytes]) -> None:
    assert said(*messages) == []


def test_another_address_is_another_way_and_a_longer_number_of_flags_counts() -> None:
    one, two = address(3, b"\x0a\0\0\1"), address(3, b"\x0a\0\0\2")
    assert len(ways_in([WLAN, one, two])) == 2
    # The flag that an address is used by its owner alone does not fit into one byte.
    assert said(WLAN, address(3, flags=0x100)) == ["wlan0 has an address"]


def test_an_answer_ends_with_its_last_message_or_with_an_error() -> None:
    assert is_last(WLAN + DONE)
    assert is_last(message(2, bytes(20)))
    assert not is_last(WLAN)


@given(st.binary(max_size=200), st.integers(0, 120))
def test_whatever_the_bytes_are_they_are_read_or_left(noise: bytes, cut: int) -> None:
    whole = WLAN + address(3) + route(3)
    for data in (noise, whole[:cut] + noise, noise + whole):
        assert all(isinstance(way, Way) for way in ways_in([data]))
        is_last(data)


async def test_this_system_answers_or_says_nothing_and_never_fails() -> None:
    async with watch_network() as network:
        ways = network.ways()
        assert ways is None or all(way.link != "lo" for way in ways)


async def test_a_change_is_heard_and_what_comes_with_it_is_no_other_change() -> None:
    import asyncio

    system = System()
    try:
        assert system.network.ways() == frozenset()
        waiting = asyncio.create_task(system.network.changed())
        for _ in range(3):
            system.change(WLAN, address(3))
            await asyncio.sleep(0)
        await waiting
        ways = system.network.ways()
        assert ways is not None
        assert list(map(str, ways)) == ["wlan0 has an address"]
        again = asyncio.create_task(system.network.changed())
        await asyncio.sleep(0)
        assert not again.done()
        again.cancel()
        system.refuses = True
        assert system.network.ways() is None
    finally:
        system.close()
