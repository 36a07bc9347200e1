"""The relay's own card: which others it names, who is given it, and when it is made anew."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.relay.made_parcels import TODAY
from tests.relay.made_peers import add_by_hand, befriend, made_card, peer_of
from tests.relay.running_relay import CARRIERS, Running, running_relay, talking

from qanat_client.carriers.http import fetch
from qanat_client.carriers.settings import CarrierSettings
from qanat_protocol.frames import Card, CardInterest, Idle
from qanat_protocol.limits import MAX_TOLD_CARD_BYTES
from qanat_protocol.relay_card import RelayCard, parse_relay_card, sign_relay_card
from qanat_protocol.relay_entry import RelayEntry
from qanat_protocol.sealing import SealingSecret
from qanat_protocol.signing import SigningKey
from qanat_relay.card import RENEWED_DAYS
from qanat_relay.cli import main
from qanat_relay.errors import DataError


async def given(relay: Running, carrier: str) -> RelayCard:
    """Its card, as it gives it inside a session."""
    async with talking(relay, carrier) as talk:
        await talk.say(CardInterest(31))
        (card,) = await talk.until(Card)
        await talk.until(Idle)
    return parse_relay_card(card.envelope)


async def shown(relay: Running) -> RelayCard:
    """Its card, as it shows it to everybody."""
    url = f"{relay.url}/v1/relay"
    return parse_relay_card(await fetch(url, max_bytes=131_072, settings=CarrierSettings()))


@pytest.mark.parametrize("carrier", CARRIERS)
async def test_a_card_names_those_peers_that_its_operator_chose_and_at_once(
    tmp_path: Path, carrier: str
) -> None:
    async with running_relay(tmp_path / "one") as one, running_relay(tmp_path / "two") as two:
        befriend(one, two)
        before = await given(one, carrier)
        assert before.signing_key == one.keys.signing.public
        assert before.others == ()
        peer = peer_of(one, two)
        one.node.peers.name(peer, named=True)
        now = await given(one, carrier)
        assert now.others == (RelayEntry((two.url,), two.keys.signing.public, two.sealing_key),)
        assert now.serial > before.serial
        assert await shown(one) == now
        one.node.peers.name(peer_of(one, two), named=False)
        assert (await given(one, carrier)).others == ()
        one.node.peers.name(peer_of(one, two), named=True)
        one.node.peers.remove(two.keys.signing.public)
        assert (await given(one, carrier)).others == ()
        # Who comes back as a peer is not named by that alone.
        befriend(one, two)
        assert (await given(one, carrier)).others == ()


async def test_a_peer_that_nobody_can_reach_is_not_named_nor_more_than_a_card_takes(
    tmp_path: Path,
) -> None:
    async with running_relay(tmp_path) as relay:
        peers, hidden = relay.node.peers, SigningKey.generate()
        add_by_hand(relay, hidden)
        found = peers.find(hidden.public)
        assert found is not None
        with pytest.raises(DataError, match="no address"):
            peers.name(found, named=True)
        for number in range(17):
            peers.take(
                made_card(SigningKey.generate(), relay.sealing_key, f"http://relay-{number}")
            )
        reachable = [peer for peer in peers.list_peers() if peer.card.addresses]
        for peer in reachable[:16]:
            peers.name(peer, named=True)
        with pytest.raises(DataError, match="16 others"):
            peers.name(reachable[16], named=True)
        assert len((await given(relay, "exchange")).others) == 16


@dataclass
class Clock:
    """One that a test sets."""

    now_s: float = TODAY * 86_400.0

    def __call__(self) -> float:
        return self.now_s


@pytest.mark.parametrize("years", [0, 30, -30])
async def test_a_card_is_made_anew_each_month_and_under_whatever_clock(
    tmp_path: Path, years: int
) -> None:
    clock = Clock()
    async with running_relay(tmp_path, clock=clock) as relay:
        first = await shown(relay)
        clock.now_s += (RENEWED_DAYS - 1) * 86_400.0
        assert await shown(relay) == first
        clock.now_s += 86_400.0 + years * 365 * 86_400.0
        second = await shown(relay)
        assert second.issued_day == first.issued_day + RENEWED_DAYS + years * 365
        assert second.serial > first.serial
    async with running_relay(tmp_path, clock=clock) as relay:
        assert await shown(relay) == second


def test_the_largest_card_of_a_relay_fits_a_frame() -> None:
    sealing, key = SealingSecret.generate().public, SigningKey.generate()
    addresses = [f"http://{'a' * 63}.{'b' * 63}.{'c' * 63}.{n * 51}" for n in "defghijk"]
    assert max(map(len, addresses)) <= 256
    entry = RelayEntry(tuple(addresses), key.public, sealing, "DE", bytes(32))
    card = sign_relay_card(
        key,
        serial=2**53 - 1,
        issued_day=2**32 - 1,
        name="n" * 128,
        addresses=addresses,
        sealing_key=sealing,
        country="DE",
        largest_body=2**53 - 1,
        others=[entry] * 16,
    )
    assert len(card) + 17 * 8 * (256 - max(map(len, addresses))) < MAX_TOLD_CARD_BYTES


def test_peers_are_named_by_command_and_listed_as_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    assert main(["init", "--data", str(one), "--name", "one"]) == 0
    address = "https://other.example"
    assert main(["init", "--data", str(other), "--name", "other", "--address", address]) == 0
    assert main(["peer", "add", str(other / "relay.card"), "--data", str(one)]) == 0
    assert main(["peer", "name", "nobody", "--data", str(one)]) == 2
    assert "known: other" in capsys.readouterr().err
    assert main(["peer", "name", "other", "--data", str(one)]) == 0
    assert "named in this relay's card" in capsys.readouterr().out
    assert main(["peer", "list", "--data", str(one)]) == 0
    assert "; named in this relay's card; key" in capsys.readouterr().out
    assert main(["peer", "list", "--json", "--data", str(one)]) == 0
    assert [peer["named"] for peer in json.loads(capsys.readouterr().out)] == [True]
    assert main(["peer", "name", "other", "--not", "--data", str(one)]) == 0
    capsys.readouterr()
    assert main(["peer", "list", "--data", str(one)]) == 0
    assert "named in" not in capsys.readouterr().out
