"""Making a desk and its cards: an unbroken chain, relays by their own signed word."""

from __future__ import annotations

import asyncio
import itertools
from base64 import urlsafe_b64decode
from pathlib import Path

import pytest
from tests.client.desk.lying_relay import lying_relay
from tests.client.desk.newsroom import (
    PASSPHRASE,
    Newsroom,
    Writer,
    deposit,
    open_directly,
)
from tests.client.desk.test_pull import DEAD, Relays, desk_on, pulled, relays

from qanat_client.desk.card_book import renew_card
from qanat_client.desk.desk import refresh
from qanat_client.desk.inbox import inbox
from qanat_client.desk.root_key import read_root_keys
from qanat_client.desk.vault import VAULT_NAME
from qanat_protocol.card import ReplacementKind, check_replaces, parse_card
from qanat_protocol.days import epoch_of
from qanat_protocol.statement import fingerprint, successor_commitment

__all__ = ["relays"]


async def test_a_new_desk_has_a_card_with_what_was_asked_for(
    newsroom: Newsroom, relays: Relays
) -> None:
    one = await relays.start("one")
    value = await asyncio.to_thread(
        newsroom.do,
        *("init", "--name", "Редакция", "--relay", one.url, "--language", "kk"),
        *("--language", "ru", "--note", "Write to us.", "--grace", "30", "--weeks", "27"),
        *("--source", "https://example.org/qanat"),
    )
    card = newsroom.card
    assert (card.name, card.languages, card.note) == ("Редакция", ("kk", "ru"), "Write to us.")
    assert (card.grace_days, len(card.sealing_keys), card.serial) == (30, 27, 1)
    assert card.sources == ("https://example.org/qanat",)
    assert card.first_epoch == epoch_of(newsroom.clock.today)
    (relay,) = card.relays
    assert relay.addresses == (one.url,)
    assert relay.signing_key == one.keys.signing.public
    assert relay.sealing_key == one.keys.sealing.public
    assert value["fingerprint"] == fingerprint(card.desk_id)
    assert value["relays"][0]["fingerprint"] == fingerprint(relay.signing_key)
    (row,) = card.statement.certified
    assert (row.first_day, row.last_day - row.first_day) == (newsroom.clock.today, 366)


async def test_what_only_a_relay_says_of_itself_is_told_as_that(newsroom: Newsroom) -> None:
    async with lying_relay(newsroom.clock.now_s) as liar:
        done = await asyncio.to_thread(newsroom.run, "init", "--name", "x", "--relay", liar.url)
    assert done.code == 0
    assert "only the relay says so: A relay that lies" in done.err
    assert fingerprint(liar.key.public) in done.err


async def test_a_relays_card_comes_as_a_file_too(newsroom: Newsroom, tmp_path: Path) -> None:
    async with lying_relay(newsroom.clock.now_s) as liar:
        path = tmp_path / "relay.card"
        path.write_bytes(liar.card())
        refused = newsroom.run("init", "--name", "x", "--relay-card", str(path))
        assert refused.code == 2
        assert "names no address" in refused.err
        done = await asyncio.to_thread(
            newsroom.run, "init", "--name", "x", "--relay", liar.url, "--relay-card", str(path)
        )
    assert done.code == 0
    assert len(newsroom.card.relays) == 1


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("--grace", "0"), 2),
        (("--grace", "181"), 2),
        (("--weeks", "54"), 2),
        (("--relay", "ftp://relay.example"), 2),
        (("--relay", DEAD), 3),
        (("--relay-card", "/dev/null"), 2),
        (("--language", "x" * 36), 2),
        (("--source", "x" * 257), 2),
    ],
)
def test_a_desk_that_makes_no_sense_leaves_nothing_behind(
    newsroom: Newsroom, arguments: tuple[str, ...], code: int
) -> None:
    done = newsroom.run("init", "--name", "x", *arguments)
    assert done.code == code, done.err
    assert not newsroom.home.exists() or newsroom.files() == {}
    newsroom.init()


def test_a_desk_is_never_made_over_another_one(newsroom: Newsroom) -> None:
    newsroom.init()
    before = newsroom.files()
    assert newsroom.run("init", "--name", "Another").code == 2
    (newsroom.home / VAULT_NAME).unlink()
    assert newsroom.run("init", "--name", "Another").code == 2
    assert newsroom.files()["root.key"] == before["root.key"]


def test_a_link_to_the_app_is_told_or_written_and_holds_the_card(newsroom: Newsroom) -> None:
    card = newsroom.init()
    address, file = "https://relay.example/", newsroom.home / "link.txt"
    link = newsroom.run("card", "--link", address).value["link"]
    fragment = link.removeprefix(f"{address}#")
    assert urlsafe_b64decode(fragment + "=" * (-len(fragment) % 4)) == card.envelope
    written = newsroom.run("card", "--link", address, "--link-output", str(file))
    assert written.value["link_file"] == str(file)
    assert fragment not in written.out + written.err
    assert file.read_text() == f"{link}\n"
    alone = newsroom.run("card", "--link-output", str(file))
    assert alone.code == 2
    assert "needs --link" in alone.err


def test_the_root_key_is_in_its_file_alone(newsroom: Newsroom) -> None:
    card = newsroom.init()
    root, successor = read_root_keys(newsroom.home / "root.key", PASSPHRASE)
    assert root.public == card.statement.root_key
    assert successor_commitment(successor.public) == card.statement.successor
    desk = newsroom.open()
    desk.vault.run("ATTACH DATABASE ':memory:' AS plain KEY ''")
    desk.vault.rows("SELECT sqlcipher_export('plain')")
    seeds = [row[0] for row in desk.vault.rows("SELECT seed FROM plain.signing_keys")]
    assert root.seed not in seeds
    everything = "".join(map(str, desk.vault.rows("SELECT * FROM plain.signing_keys")))
    desk.vault.close()
    assert str(root.seed) not in everything


def test_each_card_names_the_one_before_and_keeps_the_keys_of_its_weeks(
    newsroom: Newsroom,
) -> None:
    cards = [newsroom.init()]
    for _ in range(3):
        newsroom.clock.pass_days(14)
        newsroom.do("card", "--renew")
        cards.append(newsroom.card)
    for old, new in itertools.pairwise(cards):
        assert check_replaces(old, new).kind is ReplacementKind.NEXT
        assert new.desk_id == old.desk_id
        for epoch in range(new.first_epoch, old.last_epoch + 1):
            assert new.sealing_key(epoch) == old.sealing_key(epoch)
    assert len(cards[-1].sealing_keys) == 30
    kinds = [entry["what"] for entry in newsroom.do("outgoing")["outgoing"]]
    assert kinds == ["card"] * 3


def test_the_card_is_written_where_it_is_asked_for(newsroom: Newsroom, tmp_path: Path) -> None:
    newsroom.init()
    place = tmp_path / "our.card"
    value = newsroom.do("card", "-o", str(place))
    assert place.read_bytes() == newsroom.card.envelope
    assert (value["serial"], value["weeks_left"]) == (1, 26)
    # It is published: a relay's operator adds it as another user than the editor's.
    assert place.stat().st_mode & 0o777 == 0o644
    (newsroom.home / "desk.card").unlink()
    newsroom.do("card")
    assert newsroom.card == parse_card(place.read_bytes())


async def test_relays_are_added_and_dropped_with_a_new_card(
    newsroom: Newsroom, relays: Relays
) -> None:
    one, two = await relays.start("one"), await relays.start("two")
    await desk_on(newsroom, one)
    refused = await asyncio.to_thread(newsroom.run, "card", "--relay", two.url)
    assert (refused.code, "add --renew" in refused.err) == (2, True)
    await asyncio.to_thread(newsroom.do, "card", "--renew", "--relay", two.url)
    assert [relay.addresses[0] for relay in newsroom.card.relays] == [one.url, two.url]
    newsroom.do("card", "--renew", "--drop-relay", one.url)
    assert [relay.addresses[0] for relay in newsroom.card.relays] == [two.url]
    assert newsroom.card.serial == 3


async def test_a_letter_to_an_old_card_is_still_opened_after_renewals(
    newsroom: Newsroom, relays: Relays
) -> None:
    writer = await desk_on(newsroom, await relays.start("one"))
    newsroom.clock.pass_days(60)
    newsroom.do("card", "--renew")
    newsroom.do("card", "--renew")
    await deposit(newsroom.card.relays[0], writer.write("Sixty days on the way.")[1])
    assert (await pulled(newsroom)).value["reports"] == 1


def test_a_watch_takes_on_the_card_that_was_made_beside_it(newsroom: Newsroom) -> None:
    newsroom.init()
    watching, beside = newsroom.open(), newsroom.open()
    renew_card(beside)
    beside.vault.close()
    newsroom.do("card", "--certify")
    refresh(watching)
    assert watching.card.serial == newsroom.card.serial == 3
    newest = max(watching.card.statement.certified, key=lambda row: row.last_day)
    assert watching.card.statement.certifies(watching.signing.public, newest.last_day)
    renew_card(watching)
    assert newsroom.card.serial == 4
    watching.vault.close()


def test_a_clock_behind_the_newest_card_makes_no_card(newsroom: Newsroom) -> None:
    newsroom.init()
    newsroom.clock.pass_days(-1)
    refused = newsroom.run("card", "--renew")
    assert refused.code == 2
    assert "set the clock" in refused.err
    assert newsroom.card.serial == 1
    assert newsroom.do("list")["reports"] == []


async def test_a_new_signing_key_takes_the_root_key_and_its_passphrase(
    newsroom: Newsroom, tmp_path: Path
) -> None:
    old = newsroom.init()
    moved = tmp_path / "offline.key"
    (newsroom.home / "root.key").rename(moved)
    assert newsroom.run("card", "--certify").code == 2
    newsroom.clock.pass_days(330)
    warned = newsroom.run("card")
    assert "certified for 36 more days" in warned.err
    newsroom.do("card", "--certify", "--root-key", str(moved))
    new = newsroom.card
    assert (new.statement.serial, len(new.statement.certified)) == (2, 2)
    assert check_replaces(old, new).kind is ReplacementKind.NEXT
    assert new.signer != old.signer
    assert new.statement.certifies(old.signer, newsroom.clock.today)
    newsroom.clock.pass_days(100)
    newsroom.do("card", "--renew")
    assert newsroom.card.signer == new.signer
    other = Newsroom(tmp_path / "other", newsroom.clock)
    other.init()
    refused = other.run("card", "--certify", "--root-key", str(moved))
    assert (refused.code, "another desk" in refused.err) == (2, True)


async def test_with_a_clock_of_2040_or_2015_the_inbox_is_still_read(newsroom: Newsroom) -> None:
    card = newsroom.init()
    for days in (18 * 365, -26 * 365):
        newsroom.clock.pass_days(days)
        desk = newsroom.open()
        _, parcels = Writer(card, newsroom.clock.today).write(f"On day {newsroom.clock.today}.")
        assert (await open_directly(desk, parcels)).reports == 1
        assert inbox(desk.vault)
        desk.vault.close()
        assert newsroom.do("list")["reports"]
    refused = newsroom.run("bulletin", "News of a wrong year.")
    assert refused.code == 2


def test_settings_have_limits(newsroom: Newsroom) -> None:
    newsroom.init()
    assert newsroom.run("set", "dummies", "33").code == 2
    assert newsroom.run("set", "purge-after-days", "-1").code == 2
    assert newsroom.run("set", "unknown", "1").code == 2


def test_every_command_has_a_help_and_bad_usage_gives_2(newsroom: Newsroom) -> None:
    for command in ("init", "card", "pull", "list", "show", "reply", "want", "bulletin"):
        done = newsroom.run(command, "--help")
        assert done.code == 0
        assert "usage:" in done.out
    assert newsroom.run("no-such-command").code == 2
    assert newsroom.run("export").code == 2
