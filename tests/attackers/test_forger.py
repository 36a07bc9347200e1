"""A reporter who means ill: another's report is not theirs to move, to change or to take back, and
no report that they write themselves harms the desk that reads it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgpack
import pytest
from tests.client.desk.newsroom import Attached, Made, Newsroom, Writer, open_directly
from tests.make_vectors.independent.torsion import small_order_encodings

from qanat_client.desk.desk import Desk
from qanat_client.desk.epochs import secret_of
from qanat_client.desk.inbox import inbox, item_of, set_aside
from qanat_protocol.letter import LetterType, open_letter, seal_letter
from qanat_protocol.parcel import Kind
from qanat_protocol.part import Rendition
from qanat_protocol.record import pack, unpack
from qanat_protocol.report import encode_report, report_context
from qanat_protocol.signing import SigningKey
from qanat_protocol.tags import desk_tag
from qanat_protocol.verdicts import Verdict

OTHERS = (
    "No one can alter another's report, speak in its author's name, withdraw it, or pass it on as"
    " sent to somebody else or in another week."
)
HARMLESS = (
    "A report by a stranger is read strictly: what is contradictory, too large or too deep is set"
    " aside with its reason, and keeps no other report from being read."
)
FAR = 2**53 - 1


@pytest.fixture
def desk(newsroom: Newsroom) -> Iterator[Desk]:
    newsroom.settle()
    desk = newsroom.open()
    yield desk
    desk.vault.close()


@pytest.fixture
def author(desk: Desk) -> Writer:
    return Writer(desk.card, desk.today)


async def opened_by_the_desk(desk: Desk, author: Writer, letter: Made) -> tuple[bytes, bytes]:
    """The content and the signature of a letter, as an editor has them."""
    secret = secret_of(desk.vault, author.epoch)
    assert secret is not None
    found = open_letter(letter.header, letter.body, secret)
    return found.content, found.signature


def resealed(
    desk: Desk, content: bytes, signature: bytes, *, week: int, expiry: int, urgent: bool
) -> Made:
    """The same words and signature in another letter to the same desk."""
    epoch = desk.card.epoch_for(desk.today) + week
    sealed = seal_letter(
        kind=Kind.LETTER,
        urgent=urgent,
        tag=desk_tag(desk.card.desk_id, epoch),
        expiry_day=desk.card.expiry_day(epoch) + expiry,
        recipient=desk.card.sealing_key(epoch),
        letter_type=LetterType.REPORT,
        content=content,
        sign=lambda _: signature,
    )
    return Made(sealed.header, sealed.body)


@pytest.mark.promise(OTHERS)
@pytest.mark.parametrize(
    ("week", "expiry", "urgent"),
    [(0, 0, False), (1, 0, False), (0, 7, False), (0, 0, True)],
    ids=["in a new parcel", "to another week's key", "to live longer", "as urgent"],
)
async def test_a_letter_that_was_opened_counts_in_no_other_parcel(
    desk: Desk, author: Writer, week: int, expiry: int, urgent: bool
) -> None:
    _, (letter,) = author.write("They came at night.")
    content, signature = await opened_by_the_desk(desk, author, letter)
    again = resealed(desk, content, signature, week=week, expiry=expiry, urgent=urgent)
    done = await open_directly(desk, [again])
    assert (done.reports, done.set_aside) == (0, 1)
    assert [entry.verdict for entry in set_aside(desk.vault)] == [Verdict.BAD_SIGNATURE]
    # The author's own letter is read all the same, whatever came before it.
    assert (await open_directly(desk, [letter])).reports == 1


@pytest.mark.promise(OTHERS)
async def test_whoever_signs_anothers_words_is_another_author(desk: Desk, author: Writer) -> None:
    identity, (letter,) = author.write("They came at night.")
    content, _ = await opened_by_the_desk(desk, author, letter)
    thief = Writer(desk.card, desk.today)
    fields = unpack(content, max_bytes=len(content))
    fields[1] = thief.key.public
    done = await open_directly(desk, [thief.seal(content), thief.seal(pack(fields)), letter])
    assert (done.reports, done.set_aside) == (2, 1)
    shown = {item.report_id: item.report.author for item in inbox(desk.vault)}
    assert shown.pop(identity) == author.key.public
    assert list(shown.values()) == [thief.key.public]


@pytest.mark.promise(OTHERS)
@pytest.mark.parametrize("act", ["corrects", "withdraws"])
async def test_nobody_corrects_or_withdraws_anothers_report(
    desk: Desk, author: Writer, act: str
) -> None:
    identity, letters = author.write("They came at night.")
    thief = Writer(desk.card, desk.today)
    claims: dict[str, Any] = {act: identity}
    _, false = thief.write("All is well.", **claims)
    await open_directly(desk, [*false, *letters])
    item = item_of(desk.vault, identity.hex())
    assert not item.is_withdrawn
    assert not item.is_corrected
    assert [reference.counts for reference in item.references] == [False]


@pytest.mark.promise(OTHERS)
async def test_a_part_that_two_reports_claim_goes_to_the_one_that_has_its_key(
    desk: Desk, author: Writer
) -> None:
    film = os.urandom(40_000)
    report, parts = author.report("Mine.", [Attached("film.mp4", film)])
    letter = author.seal(encode_report(report))
    thief = Writer(desk.card, desk.today)
    stolen, _ = thief.report("Mine, really.", [Attached("film.mp4", film)])
    (part,) = stolen.parts
    # He knows the id, which every relay sees, and even the hash; not the key.
    guess = replace(part, parcel_id=parts[0].parcel_id, content_key=os.urandom(32))
    false = thief.seal(encode_report(replace(stolen, parts=(guess,))))
    await open_directly(desk, [false, parts[0], letter])
    verdicts = {item.report.text: item.parts[0].verdict for item in inbox(desk.vault)}
    assert verdicts == {"Mine, really.": Verdict.BAD_LOCK, "Mine.": None}


def fields_of(author: Writer, files: int = 2) -> list[Any]:
    """A good report as a record, whose fields a test spoils."""
    attached = [Attached(f"{n}.jpg", os.urandom(2000), "image/jpeg", b"t") for n in range(files)]
    report, _ = author.report("Text.", attached)
    return list(unpack(encode_report(report), max_bytes=200_000))


Spoil = Callable[[list[Any]], None]


def putting(*path_and_value: Any) -> Spoil:
    """Change the field at a path."""
    *path, last, value = path_and_value

    def spoil(fields: list[Any]) -> None:
        place = fields
        for step in path:
            place = place[step]
        place[last] = value

    return spoil


def two_originals(fields: list[Any]) -> None:
    fields[12][0][1] = int(Rendition.ORIGINAL)


def one_parcel_twice(fields: list[Any]) -> None:
    fields[12][2][5] = fields[12][0][5]


def one_key_twice(fields: list[Any]) -> None:
    fields[12][2][6] = fields[12][0][6]


def no_original(fields: list[Any]) -> None:
    del fields[12][1]


def turned_round(fields: list[Any]) -> None:
    fields[12].reverse()


CONTRADICTIONS: dict[str, tuple[Spoil, Verdict]] = {
    "two originals of a file": (two_originals, Verdict.MALFORMED),
    "a file without an original": (no_original, Verdict.MALFORMED),
    "one parcel for two files": (one_parcel_twice, Verdict.MALFORMED),
    "one key for two files": (one_key_twice, Verdict.MALFORMED),
    "parts in another order": (turned_round, Verdict.MALFORMED),
    "a part of a file that is none": (putting(12, 3, 0, 9), Verdict.MALFORMED),
    "an original of another length": (putting(12, 1, 3, 1), Verdict.MALFORMED),
    "an original of another hash": (putting(12, 1, 4, bytes(32)), Verdict.MALFORMED),
    "a figure that shrinks": (putting(10, [["injured", 20, 16]]), Verdict.MALFORMED),
    "a figure beyond 2^53": (putting(10, [["injured", 0, 2**53]]), Verdict.MALFORMED),
    "a figure beyond 2^64": (putting(10, [["injured", 0, 2**64 - 1]]), Verdict.MALFORMED),
    "thirty-three figures": (putting(10, [["x", 0, 0]] * 33), Verdict.MALFORMED),
    "a name that climbs": (putting(11, 0, 0, "../../.ssh/authorized_keys"), Verdict.BAD_NAME),
    "a name of dots": (putting(11, 0, 0, ".."), Verdict.BAD_NAME),
    "a name with a control sign": (putting(11, 0, 0, "a\x1b[2Jb"), Verdict.BAD_NAME),
    "a name of nothing": (putting(11, 0, 0, ""), Verdict.BAD_NAME),
    "a headline of two lines": (putting(6, "one\ntwo"), Verdict.MALFORMED),
    "an answer to a key of small order": (
        putting(14, [bytes(1216), bytes(32)]),
        Verdict.BAD_KEY,
    ),
    "an author of small order": (putting(1, small_order_encodings()[2]), Verdict.BAD_KEY),
}


@pytest.mark.promise(HARMLESS)
async def test_contradictory_reports_are_set_aside_and_hold_nothing_up(
    desk: Desk, author: Writer
) -> None:
    expected: dict[bytes, int] = {}
    letters = []
    for spoil, verdict in CONTRADICTIONS.values():
        fields = fields_of(author)
        spoil(fields)
        letters.append(_packed_by_hand(author, fields))
        expected[letters[-1].parcel_id] = int(verdict)
    done = await open_directly(desk, [*letters, author.write("Text.")[1][0]])
    assert (done.reports, done.set_aside) == (1, len(CONTRADICTIONS))
    names = dict(zip(expected, CONTRADICTIONS, strict=True))
    found = {names[entry.parcel_id]: entry.verdict for entry in set_aside(desk.vault)}
    assert found == {names[one]: verdict for one, verdict in expected.items()}


def _packed_by_hand(author: Writer, fields: list[Any]) -> Made:
    # Our own packer refuses what no record may hold.
    content: bytes = msgpack.packb(fields)
    return author.seal(content)


@pytest.mark.promise(HARMLESS)
async def test_numbers_and_days_of_other_ages_are_shown_and_exported(
    newsroom: Newsroom, desk: Desk, author: Writer, tmp_path: Path
) -> None:
    letters = []
    for written in (0, 1, 253_402_300_800, 2**40, FAR):
        fields = fields_of(author, 0)
        fields[3] = written
        fields[10] = [["\u202einjured\u202c", 0, FAR], ["x" * 256, FAR, FAR]]
        fields[15] = [FAR if written else 0, os.urandom(32)]
        letters.append(author.seal(pack(fields)))
    done = await open_directly(desk, letters)
    assert (done.reports, done.set_aside) == (5, 0)
    listed = newsroom.do("list")["reports"]
    assert len(listed) == 5
    for report in listed:
        newsroom.do("show", report["id"])
    for form in ("md", "json"):
        newsroom.do("export", "-o", str(tmp_path / form), "--format", form)


@pytest.mark.promise(HARMLESS)
async def test_an_original_that_is_not_what_was_signed_is_never_exported(
    newsroom: Newsroom, desk: Desk, author: Writer, tmp_path: Path
) -> None:
    report, (part,) = author.report("Text.", [Attached("film.mp4", os.urandom(3000))])
    false = replace(report.files[0], sha256=os.urandom(32))
    claim = replace(report.parts[0], sha256=false.sha256)
    letter = author.seal(encode_report(replace(report, files=(false,), parts=(claim,))))
    done = await open_directly(desk, [letter, part])
    assert (done.reports, done.parts, done.set_aside) == (1, 0, 1)
    newsroom.do("export", "-o", str(tmp_path / "out"))
    assert not [path for path in (tmp_path / "out").rglob("*") if path.name.endswith(".mp4")]


@pytest.mark.promise(OTHERS)
async def test_a_signature_made_for_one_author_fits_no_other_of_the_same_words(
    desk: Desk, author: Writer
) -> None:
    report, _ = author.report("They came at night.")
    thief = SigningKey.generate()
    content = encode_report(replace(report, author=thief.public))

    def sign_as_the_author(bind: bytes) -> bytes:
        context = report_context(desk.card.desk_id, author.recipient, bind)
        return author.key.sign("report", context, content)

    done = await open_directly(desk, [author.seal(content, sign=sign_as_the_author)])
    assert (done.reports, done.set_aside) == (0, 1)
