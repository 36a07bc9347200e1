"""Bulletins and newer cards: from a desk to one relay, by its peers, to whoever reaches another."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.client.made_desk import MadeDesk, today, write_card
from tests.client.peered_relays import befriend, known_relay, relay_command, wait_until
from tests.client.relay_process import RelayProcess, drop_in, fetch
from tests.client.reporter_runs import qanat

from qanat_protocol.card import DeskCard
from qanat_protocol.public import parse_public

Begin = Callable[..., RelayProcess]
AGE_DAYS = 20


@pytest.fixture
def begin(tmp_path: Path) -> Iterator[Begin]:
    running: list[RelayProcess] = []

    def start(name: str, *cards: DeskCard) -> RelayProcess:
        files = [write_card(card, tmp_path) for card in cards]
        running.append(known_relay(tmp_path, name, cards=files))
        return running[-1]

    yield start
    for relay in running:
        relay.stop()


@pytest.fixture
def desk() -> MadeDesk:
    return MadeDesk(issued_day=today() - AGE_DAYS, weeks=8)


def status(relay: RelayProcess) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(relay_command("status", "--json", "--data", relay.data))
    return found


def news(home: Path) -> list[str]:
    synced = qanat(home, "sync", "--json")
    assert synced.code == 0, synced.err
    return [text for relay in synced.json["relays"] for text in relay["news"]]


def test_what_a_desk_gives_one_relay_reaches_whoever_reaches_another(
    tmp_path: Path, desk: MadeDesk, begin: Begin
) -> None:
    home = tmp_path / "home"
    # Nobody but the first knows the newest card yet, and the last carries no desk at all.
    first_card = desk.card()
    abroad, between, inside = (begin(name, first_card) for name in ("abroad", "between", "inside"))
    bare = begin("bare")
    befriend(abroad, between)
    befriend(between, inside)
    befriend(abroad, bare)
    known = desk.card(relays=[inside.entry])
    assert qanat(home, "desk", "add", write_card(known, tmp_path), "--yes").code == 0
    assert news(home) == []
    newest = desk.card(3, previous=bytes(31) + b"2", relays=[abroad.entry], name="Renamed")
    bulletins = [desk.bulletin(1, "The first."), desk.bulletin(4, "The fourth.")]
    made = [*bulletins, desk.card_document(newest)]
    drop_in(abroad.entry, [(one.header, one.body) for one in made])
    wait_until(lambda: status(inside)["public"] == 3)
    told = news(home)
    assert "a newer card of Renamed, number 3 (1 cards between were missed)" in told
    assert sum("a bulletin of" in text for text in told) == 2
    shown = qanat(home, "inbox")
    assert f"({AGE_DAYS} days old)" in shown.out
    assert "bulletins of Renamed: 2 missing before number 4" in shown.out
    # Each relay on the way has taken the newer card in the place of the operator's.
    for relay in (abroad, between, inside):
        assert ", card 3" in relay_command("desk", "list", "--data", relay.data)
    # Who carries no desk is fed all the same, and is no peer that is never done.
    wait_until(lambda: status(bare)["peers"][0]["taken_all"] is not None)
    assert status(bare)["public"] == 0
    # What is sent from now on goes where the newer card says, and there alone.
    inside.stop()
    assert qanat(home, "send", "to the new relay", "--no-code").code == 0
    (only,) = qanat(home, "sync", "--json").json["relays"]
    assert (only["relay"], only["taken"]) == (abroad.url, 1)
    assert len(fetch(abroad.entry, desk)) == 1


def test_what_waited_at_the_old_relays_goes_to_the_new_ones_too(
    tmp_path: Path, desk: MadeDesk, begin: Begin
) -> None:
    home = tmp_path / "home"
    known = desk.card()
    old, new = begin("old", known), begin("new", known)
    card = desk.card(relays=[old.entry])
    assert qanat(home, "desk", "add", write_card(card, tmp_path), "--yes").code == 0
    assert qanat(home, "send", "x", "--no-code").code == 0
    assert qanat(home, "sync").code == 0
    newer = desk.card_document(desk.card(3, previous=bytes(31) + b"2", relays=[new.entry]))
    drop_in(old.entry, [(newer.header, newer.body)])
    assert any("newer card" in text for text in news(home))
    old.stop()
    (only,) = qanat(home, "sync", "--json").json["relays"]
    assert (only["relay"], only["taken"]) == (new.url, 1)
    assert len(fetch(new.entry, desk)) == 1


def test_a_desk_that_its_operator_did_not_add_travels_no_further(
    tmp_path: Path, desk: MadeDesk, begin: Begin
) -> None:
    one, two = begin("one", desk.card()), begin("two")
    befriend(one, two)
    bulletin = desk.bulletin(1, "Not for everybody.")
    assert parse_public(bulletin.header, bulletin.body).serial == 1
    drop_in(one.entry, [(bulletin.header, bulletin.body)])
    wait_until(lambda: status(two)["peers"][0]["taken_all"] is not None)
    assert (status(one)["public"], status(two)["public"]) == (1, 0)
    # Once it is added all that was refused comes with the next contact.
    relay_command("desk", "add", write_card(desk.card(), tmp_path), "--data", two.data)
    wait_until(lambda: status(two)["public"] == 1)
