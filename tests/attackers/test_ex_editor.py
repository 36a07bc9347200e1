"""Somebody who was an editor: an old copy of the vault, old weeks' keys, an old signing key."""

from __future__ import annotations

import shutil
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from tests.client.desk.newsroom import Made, Newsroom, Writer, deposit
from tests.client.desk.test_pull import Relays, desk_on, entry_of, pulled, relays
from tests.client.made_desk import MadeDesk, write_card
from tests.client.reporter_runs import parcels, qanat

from qanat_client.desk.epochs import live_epochs, secret_of
from qanat_client.reporter.clock import today
from qanat_client.reporter.database import connect
from qanat_client.reporter.desks import Desks
from qanat_client.reporter.home import Home
from qanat_client.reporter.library import Library
from qanat_protocol.card import RelayEntry
from qanat_protocol.errors import CannotOpen, NotCertified, ProtocolError
from qanat_protocol.frames import AckStatus
from qanat_protocol.letter import open_letter
from qanat_protocol.public import SealedPublic
from qanat_protocol.signing import SigningKey
from qanat_protocol.statement import Certified, sign_statement, successor_commitment
from qanat_protocol.tombstone import opened_value, sign_opened
from qanat_protocol.verdicts import Verdict

__all__ = ["relays"]

NEWER = (
    "Nothing that is sealed to weeks whose keys were made since, and no bulletin, card or word of"
    " opening that counts once the key is revoked."
)


@pytest.mark.promise(NEWER)
async def test_an_old_copy_of_the_vault_opens_no_letter_to_a_week_that_was_made_since(
    newsroom: Newsroom, relays: Relays, tmp_path: Path
) -> None:
    await desk_on(newsroom, await relays.start("one"))
    old = Newsroom(tmp_path / "old", newsroom.clock)
    shutil.copytree(newsroom.home, old.home)
    before = newsroom.open()
    known = live_epochs(before.vault)
    before.vault.close()
    # Weeks pass, and the desk's pulls make the keys of later weeks.
    for _ in range(5):
        newsroom.clock.pass_days(49)
        assert (await pulled(newsroom)).code == 0
    writer = Writer(newsroom.card, newsroom.clock.today)
    assert writer.epoch > known[-1]
    _, (letter,) = writer.write("After you left.")
    (status,) = await deposit(entry_of(newsroom), [letter])
    assert status.status is AckStatus.STORED
    thief = old.open()
    with closing(thief.vault):
        secrets = [secret_of(thief.vault, epoch) for epoch in live_epochs(thief.vault)]
        assert len(secrets) == len(known)
        for secret in secrets:
            assert secret is not None
            with pytest.raises(CannotOpen):
                open_letter(letter.header, letter.body, secret)
    assert (await pulled(newsroom)).value["reports"] == 1


@dataclass
class Left:
    """A desk that an editor has left, and a reporter who knows its newest statement."""

    desk: MadeDesk
    ex_editor: SigningKey
    key: SigningKey
    home: Path

    def statement(self) -> bytes:
        return self.desk.statement(2, revoked=[self.ex_editor.public], keys=[self.key])

    def keep(self, sealed: SealedPublic) -> str:
        with closing(connect(Home(self.home))) as connection:
            library = Library(Home(self.home), connection, Desks(Home(self.home)))
            return library.keep_document(sealed.header, sealed.body)


@pytest.fixture
def left(tmp_path: Path) -> Left:
    desk, key = MadeDesk(issued_day=today() - 3), SigningKey.generate()
    found = Left(desk, desk.signing, key, tmp_path / "home")
    card = desk.card(2, statement=found.statement(), key=key, previous=bytes([1]) * 32)
    assert qanat(found.home, "desk", "add", write_card(card, tmp_path), "--yes").code == 0
    return found


@pytest.mark.promise(NEWER)
@pytest.mark.parametrize("what", ["bulletin", "card", "a card of the last serial"])
def test_a_revoked_editor_publishes_nothing_that_is_taken(left: Left, what: str) -> None:
    desk = left.desk
    if what == "bulletin":
        false = desk.bulletin(1, "Come to the square.")
    else:
        serial = 3 if what == "card" else 2**53 - 1
        false = desk.card_document(desk.card(serial, previous=bytes(32), name="Not the desk"))
    with pytest.raises(NotCertified):
        left.keep(false)
    (known,) = qanat(left.home, "desk", "list", "--json").json
    assert (known["name"], known["serial"]) == (desk.name, 2)
    assert qanat(left.home, "inbox", "--json").json["bulletins"] == []


@pytest.mark.promise(NEWER)
def test_an_editor_whose_time_is_over_publishes_nothing_of_a_later_day(left: Left) -> None:
    desk = left.desk
    over = sign_statement(
        desk.root,
        serial=3,
        issued_day=today(),
        certified=[
            Certified(left.ex_editor.public, today() - 30, today() - 2),
            Certified(left.key.public, today() - 3, today() + 300),
        ],
        revoked=[],
        successor=successor_commitment(desk.next_root.public),
    )
    left.keep(desk.bulletin(1, "The keys have changed.", statement=over, key=left.key))
    with pytest.raises(ProtocolError):
        left.keep(replace(desk, issued_day=today()).bulletin(2, "Come to the square."))
    told = qanat(left.home, "inbox", "--json").json["bulletins"]
    assert [bulletin["text"] for bulletin in told] == ["The keys have changed."]


@pytest.mark.promise(NEWER)
def test_a_revoked_editor_who_still_has_the_weeks_key_opens_in_nobodys_name(left: Left) -> None:
    assert qanat(left.home, "send", "They came at night.", "--no-code").code == 0
    ((header, body),) = parcels(left.home)
    key = left.desk.open(header, body)[0].content_key
    with closing(connect(Home(left.home))) as connection:
        library = Library(Home(left.home), connection, Desks(Home(left.home)))
        false = sign_opened(left.ex_editor, header.parcel_id, opened_value(key))
        with pytest.raises(NotCertified):
            library.hear_opened(false, today())
        assert parcels(left.home) == [(header, body)]
        true = sign_opened(left.key, header.parcel_id, opened_value(key))
        assert library.hear_opened(true, today())


@pytest.mark.promise(NEWER)
async def test_a_relay_takes_no_document_of_a_revoked_editor(
    newsroom: Newsroom, relays: Relays
) -> None:
    one = await relays.start("one")
    desk, key = MadeDesk(issued_day=newsroom.clock.today - 3), SigningKey.generate()
    statement = desk.statement(2, revoked=[desk.signing.public], keys=[key])
    one.node.desks.add(desk.card(2, statement=statement, key=key).envelope)
    entry = RelayEntry((one.url,), one.keys.signing.public, one.sealing_key)
    false = desk.bulletin(1, "Come to the square.")
    true = desk.bulletin(1, "Stay at home.", key=key, statement=statement)
    statuses = await deposit(entry, [Made(false.header, false.body), Made(true.header, true.body)])
    assert [(status.status, status.value) for status in statuses] == [
        (AckStatus.REFUSED, Verdict.NOT_CERTIFIED),
        (AckStatus.STORED, 0),
    ]
