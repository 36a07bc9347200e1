"""What somebody gets who recorded a session and says its client's bytes again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.relay.made_parcels import make
from tests.relay.made_peers import add_by_hand, hold
from tests.relay.running_relay import CARRIERS, Desk, Talk, raw_talk, running_relay
from tests.relay.test_server_giving import interest

from qanat_protocol.frames import Block, Frame, Offers, Welcome
from qanat_protocol.session import HELLO, sign_peer_interest
from qanat_protocol.signing import SigningKey

LETTERS = 5
DESK = Desk.made()
PEER = SigningKey.generate()


def as_desk(talk: Talk) -> Frame:
    return interest(talk, DESK)


def as_peer(talk: Talk) -> Frame:
    return sign_peer_interest(PEER, talk.session.session_hash, number=0)


@pytest.mark.parametrize("carrier", CARRIERS)
@pytest.mark.parametrize(("proof", "kind"), [(as_desk, Block), (as_peer, Offers)])
async def test_a_session_that_is_said_again_is_given_nothing(
    tmp_path: Path, carrier: str, proof: Callable[[Talk], Frame], kind: type[Frame]
) -> None:
    async with running_relay(tmp_path / "relay") as relay:
        add_by_hand(relay, PEER)
        for number in range(LETTERS):
            await hold(relay, make(number, tag=DESK.tag))
        async with raw_talk(relay, carrier) as talk:
            recorded = talk.session.start() + talk.session.send(HELLO)
            await talk.send_raw(recorded)
            await talk.until(Welcome)
            proven = talk.session.send(proof(talk))
            await talk.send_raw(proven)
            await talk.until(kind)
            given_bytes = talk.received_bytes
        async with raw_talk(relay, carrier) as again:
            await again.send_raw(recorded + proven)
            await asyncio.sleep(1.0)
            # Greeted, refused, and told that nothing more comes.
            assert 0 < again.received_bytes < 300 < given_bytes
