"""Several connections of one session: what they share, and what breaks with one of them."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from tests.client.made_desk import MadeDesk, write_card
from tests.client.relay_process import RelayProcess
from tests.client.reporter_runs import parcels, qanat

from qanat_client.carriers import wire


def test_a_film_goes_by_several_connections_each_block_once(
    desk: MadeDesk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wire, "LONG_S", 0.0)
    relay = RelayProcess(tmp_path / "relay")
    home = tmp_path / "sender"
    card = desk.card(relays=[relay.entry])
    assert qanat(home, "desk", "add", write_card(card, tmp_path), "--yes").code == 0
    film = tmp_path / "film.mp4"
    film.write_bytes(random.Random(5).randbytes(20_000_000))
    assert qanat(home, "send", "see", "--no-code", "--attach", film).code == 0
    done = qanat(home, "sync", "--json")
    (told,) = done.json["relays"]
    assert told["taken"] == 2
    assert told["sent_bytes"] == sum(header.body_size for header, _ in parcels(home))
    assert qanat(home, "sync", "--json").json["relays"][0]["taken"] == 0
    relay.stop()
