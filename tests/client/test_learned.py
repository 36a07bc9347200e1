"""Relays that no desk's card names: how they are learned, when used, what they count for."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from unittest.mock import patch

import pytest
from tests.client.made_desk import MadeDesk, today, write_card
from tests.client.peered_relays import befriend, known_relay, name_in_card, wait_until
from tests.client.relay_process import RelayProcess, fetch
from tests.client.reporter_runs import parcels, qanat

from qanat_client.reporter.database import connect
from qanat_client.reporter.home import Home
from qanat_client.reporter.learned import MOST_CALLED, Learned, RelayCards, choose
from qanat_client.reporter.relays import Target, targets
from qanat_protocol.card import DeskCard, RelayEntry
from qanat_protocol.errors import BadSignature, OlderSerial, ProtocolError, WrongRecipient
from qanat_protocol.relay_card import sign_relay_card
from qanat_protocol.sealing import SealingSecret
from qanat_protocol.signing import SigningKey


@dataclass
class Mesh:
    """A relay of the desk's card, and one that its card names."""

    home: Path
    desk: MadeDesk
    own: RelayProcess
    other: RelayProcess
    card: DeskCard

    def states(self) -> list[str]:
        return [entry["state"] for entry in qanat(self.home, "outbox", "--json").json]

    def send(self, text: str, *arguments: str | Path) -> None:
        sent = qanat(self.home, "send", text, "--no-code", *arguments)
        assert sent.code == 0, sent.err


@pytest.fixture
def mesh(tmp_path: Path, desk: MadeDesk) -> Iterator[Mesh]:
    home = tmp_path / "home"
    running: list[RelayProcess] = []
    try:
        running.append(own := known_relay(tmp_path, "own", "KZ"))
        running.append(other := known_relay(tmp_path, "other", "DE"))
        befriend(own, other)
        name_in_card(own, other)
        card = desk.card(relays=[own.entry])
        assert qanat(home, "desk", "add", write_card(card, tmp_path), "--yes").code == 0
        (home / "settings.toml").write_text('country = "KZ"\n')
        yield Mesh(home, desk, own, other, card)
    finally:
        for relay in running:
            relay.stop()


def test_a_report_reaches_the_desk_by_a_relay_that_only_another_relay_names(mesh: Mesh) -> None:
    assert mesh.other.url not in qanat(mesh.home, "sync", "--dry-run").out
    assert qanat(mesh.home, "sync").code == 0
    # What would be gone to is told before anything is.
    plan = qanat(mesh.home, "sync", "--dry-run")
    assert f"{mesh.other.url} (named by {mesh.own.url}, not by the desk)" in plan.out
    mesh.own.stop()
    mesh.send("by the other road")
    synced = qanat(mesh.home, "sync")
    assert synced.code == 0, synced.out
    assert f"{mesh.other.url} (DE), named by {mesh.own.url}: took 1 parcel" in synced.out
    assert "no desk's card names it, a relay's does" in synced.out
    # It stands abroad, but only relays say so.
    assert mesh.states() == ["held"]
    assert f"{mesh.other.url} - which no desk's card names" in qanat(mesh.home, "outbox").out
    mesh.own.start()
    ((header, _),) = parcels(mesh.home)
    wait_until(lambda: header.parcel_id in fetch(mesh.own.entry, mesh.desk))
    _, report = mesh.desk.open(*fetch(mesh.own.entry, mesh.desk)[header.parcel_id])
    assert report.text == "by the other road"
    # Its own is back, and nobody goes to the learned one.
    (again,) = qanat(mesh.home, "sync", "--json").json["relays"]
    assert (again["relay"], again["had"] + again["taken"]) == (mesh.own.url, 1)


def test_what_a_learned_relay_holds_counts_for_none_of_the_desks_own(
    mesh: Mesh, tmp_path: Path
) -> None:
    with (mesh.home / "settings.toml").open("a") as settings:
        settings.write("original_copies = 1\n")
    assert qanat(mesh.home, "sync").code == 0
    film = tmp_path / "film.mp4"
    film.write_bytes(random.Random(1).randbytes(1_000_000))
    mesh.own.stop()
    mesh.send("with a film", "--attach", film)
    assert qanat(mesh.home, "sync", "--json").json["relays"][1]["taken"] == 2
    mesh.other.stop()
    mesh.own.start()
    (own,) = qanat(mesh.home, "sync", "--json").json["relays"]
    assert (own["relay"], own["taken"]) == (mesh.own.url, 2)


def test_whoever_does_not_want_learned_relays_goes_to_none(mesh: Mesh) -> None:
    assert qanat(mesh.home, "sync").code == 0
    (mesh.home / "settings.toml").write_text("learned_relays = false\n")
    mesh.own.stop()
    mesh.send("x")
    synced = qanat(mesh.home, "sync", "--json")
    assert synced.code == 3
    assert [relay["relay"] for relay in synced.json["relays"]] == [mesh.own.url]
    assert mesh.states() == ["queued"]


def test_a_desks_newer_card_has_the_last_word(mesh: Mesh, tmp_path: Path) -> None:
    assert qanat(mesh.home, "sync").code == 0
    mesh.send("x")
    newer = mesh.desk.card(2, previous=mesh.card.card_hash, relays=[mesh.other.entry])
    assert qanat(mesh.home, "desk", "add", write_card(newer, tmp_path), "--yes").code == 0
    (only,) = qanat(mesh.home, "sync", "--json").json["relays"]
    assert (only["relay"], only["named_by"], only["taken"]) == (mesh.other.url, None, 1)
    # Now the desk says where it stands.
    assert mesh.states() == ["abroad"]
    # The card of the relay that is not the desk's any more is not kept.
    mesh.other.stop()
    (dead,) = qanat(mesh.home, "sync", "--json").json["relays"]
    assert (dead["relay"], dead["reached"]) == (mesh.other.url, False)
    with closing(connect(Home(mesh.home))) as connection:
        kept = [key for (key,) in connection.execute("SELECT signing_key FROM relay_card")]
    assert mesh.own.card.signing_key not in kept


# What cards may say


@dataclass
class Someone:
    """A relay that says whatever it likes."""

    key: SigningKey = field(default_factory=SigningKey.generate)
    sealing: SealingSecret = field(default_factory=SealingSecret.generate)
    address: str = "http://relay.example"

    @property
    def entry(self) -> RelayEntry:
        return RelayEntry((self.address,), self.key.public, self.sealing.public, "DE")

    def card(self, *others: RelayEntry, serial: int = 1, issued_day: int | None = None) -> bytes:
        return sign_relay_card(
            self.key,
            serial=serial,
            issued_day=today() if issued_day is None else issued_day,
            name="someone",
            addresses=(self.address,),
            sealing_key=self.sealing.public,
            largest_body=2**30,
            others=others,
        )


@pytest.fixture
def cards(home: Path) -> Iterator[RelayCards]:
    with closing(connect(Home(home))) as connection:
        yield RelayCards(Home(home), connection)


def known(desk: MadeDesk, *relays: Someone) -> list[Target]:
    return targets([desk.card(relays=[relay.entry for relay in relays])])


def keys(found: Sequence[Learned]) -> list[bytes]:
    return [one.target.entry.signing_key for one in found]


def spoilt(card: bytes) -> bytes:
    return card[:-1] + bytes([card[-1] ^ 1])


def test_only_a_relays_own_and_newest_card_is_kept(cards: RelayCards, desk: MadeDesk) -> None:
    one, other, third = Someone(), Someone(), Someone(address="http://third.example")
    with pytest.raises(WrongRecipient):
        cards.keep(one.key.public, other.card(third.entry))
    with pytest.raises(BadSignature):
        cards.keep(one.key.public, spoilt(one.card(third.entry)))
    with pytest.raises(ProtocolError):
        cards.keep(one.key.public, desk.card().envelope)
    cards.keep(one.key.public, one.card(serial=5))
    with pytest.raises(OlderSerial):
        cards.keep(one.key.public, one.card(third.entry, serial=4))
    assert cards.learned(known(desk, one)) == []
    cards.keep(one.key.public, one.card(third.entry, serial=6))
    assert keys(cards.learned(known(desk, one))) == [third.key.public]


def test_nobody_is_led_astray_from_a_relay_of_the_desks_card(
    cards: RelayCards, desk: MadeDesk
) -> None:
    one, two = Someone(), Someone(address="http://two.example")
    elsewhere = Someone(key=two.key, address="http://elsewhere.example")
    posing = Someone(address=two.address)
    cards.keep(one.key.public, one.card(elsewhere.entry, posing.entry))
    assert cards.learned(known(desk, one, two)) == []


def test_what_a_learned_relay_names_is_not_learned(cards: RelayCards, desk: MadeDesk) -> None:
    one, two = Someone(), Someone(address="http://two.example")
    third = Someone(address="http://third.example")
    cards.keep(one.key.public, one.card(two.entry))
    cards.keep(two.key.public, two.card(third.entry))
    assert keys(cards.learned(known(desk, one))) == [two.key.public]
    # And a card of a relay that no desk names is let go.
    cards.forget_others([one.key.public])
    assert keys(cards.learned(known(desk, one, two))) == []


@pytest.mark.parametrize(("age_days", "counts"), [(180, True), (181, False), (-5000, True)])
@pytest.mark.parametrize("clock_is_ahead_days", [0, 5000])
def test_an_old_card_names_nobody_whatever_a_clock_says_that_is_ahead(
    cards: RelayCards,
    desk: MadeDesk,
    age_days: int,
    counts: bool,
    clock_is_ahead_days: int,
) -> None:
    one, two = Someone(), Someone(address="http://two.example")
    cards.keep(one.key.public, one.card(two.entry, issued_day=today() - age_days))
    clock_s = (today() + clock_is_ahead_days) * 86_400.0
    with patch("time.time", return_value=clock_s):
        assert bool(cards.learned(known(desk, one))) is counts


def test_by_a_clock_that_is_behind_no_card_is_too_old(
    cards: RelayCards, desk: MadeDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = Someone(), Someone(address="http://two.example")
    cards.keep(one.key.public, one.card(two.entry, issued_day=today() - 500))
    monkeypatch.setattr("time.time", lambda: 0.0)
    assert cards.learned(known(desk, one))


def test_a_relay_is_asked_for_its_card_by_lot_whatever_it_gave(cards: RelayCards) -> None:
    one = Someone()
    assert cards.asks(one.key.public)
    cards.keep(one.key.public, one.card())
    asked = sum(cards.asks(one.key.public) for _ in range(800))
    # One in eight; so far off once in a million runs.
    assert 55 <= asked <= 150
    cards.keep(one.key.public, one.card(serial=2, issued_day=today() - 181))
    assert cards.asks(one.key.public)


def test_whoever_names_many_crowds_nobody_out(cards: RelayCards, desk: MadeDesk) -> None:
    honest, hostile = Someone(), Someone(address="http://hostile.example")
    friend = Someone(address="http://friend.example")
    crowd = [Someone(address=f"http://crowd-{number}.example") for number in range(16)]
    cards.keep(honest.key.public, honest.card(friend.entry))
    cards.keep(hostile.key.public, hostile.card(*(each.entry for each in crowd)))
    learned = cards.learned(known(desk, honest, hostile))
    assert len(learned) == 17
    chosen: Counter[bytes] = Counter()
    for _ in range(200):
        some = keys(choose(learned, ()))
        assert len(set(some)) == len(some) == MOST_CALLED
        assert friend.key.public in some
        chosen.update(some)
    assert len(chosen) == 17


def test_who_was_reached_before_goes_first_and_leaves_a_place(
    cards: RelayCards, desk: MadeDesk
) -> None:
    one = Someone()
    others = [Someone(address=f"http://other-{number}.example") for number in range(6)]
    cards.keep(one.key.public, one.card(*(each.entry for each in others)))
    learned = cards.learned(known(desk, one))
    before = {each.key.public for each in others[:3]}
    tried: set[bytes] = set()
    for _ in range(200):
        some = keys(choose(learned, before))
        assert len(before.intersection(some)) >= 2
        tried.update(some)
    assert tried == {each.key.public for each in others}


def test_one_that_two_relays_name_serves_the_desks_of_both(
    cards: RelayCards, desk: MadeDesk
) -> None:
    one, two = Someone(), Someone(address="http://two.example")
    third = Someone(address="http://third.example")
    another = MadeDesk("Another desk")
    found = targets([desk.card(relays=[one.entry]), another.card(relays=[two.entry])])
    for relay in (one, two):
        cards.keep(relay.key.public, relay.card(third.entry))
    (learned,) = cards.learned(found)
    served = {card.desk_id for card in learned.target.cards}
    assert served == {desk.desk_id, another.desk_id}
