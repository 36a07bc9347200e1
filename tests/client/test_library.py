"""What came in stays until it has expired for certain."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from tests.client.made_desk import MadeDesk, write_card
from tests.client.reporter_runs import CODE, parcels, qanat

from qanat_client.reporter.asking import public_interest
from qanat_client.reporter.clock import today
from qanat_client.reporter.database import connect
from qanat_client.reporter.desks import Desks
from qanat_client.reporter.home import Home
from qanat_client.reporter.library import Library
from qanat_protocol.card import DeskCard
from qanat_protocol.errors import NotCertified
from qanat_protocol.frames import PublicInterest
from qanat_protocol.letter import seal_dummy
from qanat_protocol.public import SealedPublic
from qanat_protocol.signing import SigningKey

LAST = 2**53 - 1


def test_a_relay_that_tells_a_false_day_takes_no_reply_away(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.make()
    fresh, old = seal_dummy(today=today()), seal_dummy(today=today() - 60)
    with closing(connect(home)) as connection:
        library = Library(home, connection, Desks(home))
        for sealed in (fresh, old):
            assert library.keep_reply(sealed.header, sealed.body)
        library.clear_expired(0)
        assert len(library.replies()) == 2
        library.clear_expired(2**32 - 1)
        assert [reply.header for reply in library.replies()] == [fresh.header]


@dataclass
class Robbed:
    """A desk whose first signing key was stolen, and a home that took what the thief signed."""

    desk: MadeDesk
    key: SigningKey
    """The one that signs since."""

    home: Path
    library: Library
    bulletin: SealedPublic
    """The thief's."""

    @property
    def statement(self) -> bytes:
        """The one that revokes the stolen key."""
        return self.desk.statement(2, revoked=[self.desk.signing.public], keys=[self.key])

    def keep(self, sealed: SealedPublic) -> str:
        return self.library.keep_document(sealed.header, sealed.body)

    def asks(self) -> tuple[int, int]:
        """The newest serials, of bulletins and of cards, that a relay would be told."""
        (frame,) = public_interest(0, Desks(Home(self.home)).all(), self.library)
        assert isinstance(frame, PublicInterest)
        return frame.wants[0].bulletin_serial, frame.wants[0].card_serial

    def card(self) -> DeskCard:
        return self.desk.card(3, previous=bytes([7]) * 32, statement=self.statement, key=self.key)


@pytest.fixture
def robbed(tmp_path: Path) -> Iterator[Robbed]:
    desk, home = MadeDesk(issued_day=today() - 10), tmp_path / "home"
    thief = replace(desk, issued_day=today())
    false_card = desk.card(LAST, previous=bytes([9]) * 32, name="Robbed")
    assert qanat(home, "desk", "add", write_card(false_card, tmp_path), "--yes").code == 0
    bulletin = thief.bulletin(LAST, "Bring your phones to the square.", previous=bytes([9]) * 32)
    with closing(connect(Home(home))) as connection:
        library = Library(Home(home), connection, Desks(Home(home)))
        found = Robbed(desk, SigningKey.generate(), home, library, bulletin)
        assert found.keep(bulletin)
        yield found


def texts(home: Path) -> list[str]:
    return [shown["text"] for shown in qanat(home, "inbox", "--json").json["bulletins"]]


def test_what_a_key_has_signed_counts_until_it_is_revoked(robbed: Robbed) -> None:
    assert robbed.asks() == (LAST, LAST)
    assert texts(robbed.home) == ["Bring your phones to the square."]


def test_bulletins_and_serials_of_a_key_that_was_revoked_since_do_not_count(
    robbed: Robbed,
) -> None:
    true = robbed.desk.bulletin(4, "Do not.", statement=robbed.statement, key=robbed.key)
    assert robbed.keep(true)
    assert robbed.asks() == (4, 0)
    assert texts(robbed.home) == ["Do not."]
    shown = qanat(robbed.home, "inbox", "--json")
    assert any("1 not shown" in problem for problem in shown.json["problems"])
    with pytest.raises(NotCertified):
        robbed.keep(robbed.desk.bulletin(5, "Bring them after all."))


def test_a_bulletin_takes_the_serial_that_a_revoked_key_has_used(robbed: Robbed) -> None:
    true = robbed.desk.bulletin(LAST, "Do not.", statement=robbed.statement, key=robbed.key)
    assert robbed.keep(true)
    assert texts(robbed.home) == ["Do not."]


def test_a_card_replaces_one_of_a_key_that_it_revokes_whatever_the_serials(
    robbed: Robbed,
) -> None:
    card = robbed.card()
    assert "newer card" in robbed.keep(robbed.desk.card_document(card, key=robbed.key))
    (held,) = Desks(Home(robbed.home)).all()
    assert held.card_hash == card.card_hash
    assert robbed.asks() == (0, 3)


def test_a_report_names_nothing_of_a_revoked_key_as_the_newest_document(
    robbed: Robbed, tmp_path: Path
) -> None:
    added = qanat(robbed.home, "desk", "add", write_card(robbed.card(), tmp_path), "--yes")
    assert added.code == 0, added.err
    assert qanat(robbed.home, "send", "x", "--no-code").code == 0
    ((header, body),) = parcels(robbed.home)
    assert robbed.desk.open(header, body)[1].checkpoint == (
        robbed.card().issued_day,
        Desks(Home(robbed.home)).all()[0].card_hash,
    )


def test_whoever_writes_by_a_card_of_a_revoked_key_is_warned(robbed: Robbed) -> None:
    assert qanat(robbed.home, "send", "x", "--no-code").err == ""
    robbed.keep(robbed.desk.bulletin(1, "True.", statement=robbed.statement, key=robbed.key))
    assert "has revoked the key" in qanat(robbed.home, "send", "x", "--no-code").err


def test_files_that_are_asked_for_and_gone_are_told_with_what_sends_them_again(
    home: Path, desk: MadeDesk, code_file: Path
) -> None:
    empty = qanat(home, "inbox")
    assert "no answer is here" in empty.out
    assert qanat(home, "send", "x", "--code-file", code_file).code == 0
    _, report = desk.open(*parcels(home)[0])
    reply = desk.reply(report, "Once more?", answers=b"\x07" * 32, wanted=(b"\x05" * 32,))
    with closing(connect(Home(home))) as connection:
        Library(Home(home), connection, Desks(Home(home))).keep_reply(reply.header, reply.body)
    shown = qanat(home, "inbox", "--code-file", code_file)
    assert shown.code == 0, shown.err
    assert f"qanat send --corrects {'07' * 32} --attach FILE" in shown.out


def test_an_inbox_that_was_never_filled_says_what_fills_it(home: Path) -> None:
    without = qanat(home, "inbox")
    assert "no answer is here: `qanat sync` fetches what there is" in without.out
    code = home.parent / "code"
    code.write_text(CODE)
    with_code = qanat(home, "inbox", "--code-file", code)
    assert with_code.code == 0
    assert "no reply to this code is here: `qanat sync` fetches what there is" in with_code.out
