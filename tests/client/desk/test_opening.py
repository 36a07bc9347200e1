"""What a desk does with parcels that arrive: opens them, or sets them aside with a verdict."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from tests.client.desk.newsroom import Attached, Made, Newsroom, Writer, open_directly
from tests.make_vectors import sealed as independent
from tests.make_vectors.independent.torsion import small_order_encodings

from qanat_client.desk.desk import Desk
from qanat_client.desk.inbox import inbox, item_of, set_aside
from qanat_client.desk.spool import Spool
from qanat_client.desk.tombstones import Tombstones
from qanat_protocol.frames import Opened as OpenedFrame
from qanat_protocol.letter import LetterType
from qanat_protocol.parcel import Kind, parse_header
from qanat_protocol.record import pack, unpack
from qanat_protocol.report import encode_report, report_context
from qanat_protocol.sealing import SealingSecret
from qanat_protocol.signing import SigningKey
from qanat_protocol.tags import desk_tag
from qanat_protocol.tombstone import check_opened, verify_opened
from qanat_protocol.verdicts import Verdict


@pytest.fixture
def desk(newsroom: Newsroom) -> Iterator[Desk]:
    newsroom.settle()
    desk = newsroom.open()
    yield desk
    desk.vault.close()


@pytest.fixture
def writer(desk: Desk) -> Writer:
    return Writer(desk.card, desk.today)


async def test_a_report_with_files_is_opened_and_its_parts_are_verified(
    desk: Desk, writer: Writer
) -> None:
    film = os.urandom(70_000)
    picture = Attached("photo.jpg", os.urandom(30_000), "image/jpeg", thumbnail=b"t" * 900)
    identity, parcels = writer.write("Text.", [picture, Attached("film.mp4", film)], where="Almaty")
    done = await open_directly(desk, parcels)
    assert (done.reports, done.parts, done.set_aside) == (1, 3, 0)
    (item,) = inbox(desk.vault)
    assert item.report_id == identity
    assert item.report.where == "Almaty"
    assert (item.files_here, item.state) == (2, "complete")


async def test_parts_that_come_before_their_letter_wait_for_it(desk: Desk, writer: Writer) -> None:
    _, parcels = writer.write("Text.", [Attached("a.bin", b"data")])
    assert (await open_directly(desk, parcels[1:])).parts == 0
    done = await open_directly(desk, parcels[:1])
    assert (done.reports, done.parts) == (1, 1)


async def test_opening_publishes_a_signed_word_that_fits_the_lock(
    desk: Desk, writer: Writer
) -> None:
    _, parcels = writer.write("Text.", [Attached("a.bin", b"data")])
    await open_directly(desk, parcels)
    told = Tombstones(desk.vault, desk.signing).untold(b"relay", None)
    assert {frame.parcel_id for frame in told} == {made.parcel_id for made in parcels}
    for frame in told:
        assert isinstance(frame, OpenedFrame)
        verify_opened(frame)
        (made,) = [made for made in parcels if made.parcel_id == frame.parcel_id]
        check_opened(made.header.lock, frame.opened)
        assert desk.card.statement.certifies(frame.signing_key, desk.today)


async def test_the_same_report_in_two_parcels_is_kept_once_with_both_letters(
    desk: Desk, writer: Writer
) -> None:
    report, _ = writer.report("Sent twice.")
    content = encode_report(report)
    first, second = writer.seal(content), writer.seal(content)
    done = await open_directly(desk, [first, second])
    assert (done.reports, done.duplicates) == (1, 1)
    (item,) = inbox(desk.vault)
    assert set(item.letters) == {first.parcel_id, second.parcel_id}


async def test_a_note_is_opened_and_shows_nothing(desk: Desk, writer: Writer) -> None:
    note = writer.seal(b"", letter_type=LetterType.NOTE, sign=lambda _: bytes(65))
    done = await open_directly(desk, [note])
    assert done.notes == 1
    assert inbox(desk.vault) == []
    assert len(Tombstones(desk.vault, desk.signing).untold(b"relay", None)) == 1


def _forwarded(desk: Desk, writer: Writer) -> Made:
    """A genuine report to another desk, sealed by that desk to this one."""
    report, _ = writer.report("Meant for somebody else.")
    content = encode_report(report)
    other = SealingSecret.generate()

    def sign(bind: bytes) -> bytes:
        context = report_context(os.urandom(32), other.public, bind)
        return writer.key.sign("report", context, content)

    return writer.seal(content, sign=sign)


def _moved(desk: Desk, writer: Writer) -> Made:
    """A genuine letter's content and signature in a parcel of somebody else's making."""
    report, _ = writer.report("Once.")
    content = encode_report(report)
    signatures: list[bytes] = []

    def keep(bind: bytes) -> bytes:
        context = report_context(desk.card.desk_id, writer.recipient, bind)
        signatures.append(writer.key.sign("report", context, content))
        return signatures[0]

    writer.seal(content, sign=keep)
    return writer.seal(content, sign=lambda _: signatures[0])


def _other_desk(desk: Desk, writer: Writer) -> Made:
    report, _ = writer.report()
    return writer.seal(encode_report(report), tag=desk_tag(os.urandom(32), writer.epoch))


def _other_key(desk: Desk, writer: Writer) -> Made:
    report, _ = writer.report()
    return writer.seal(encode_report(report), recipient=SealingSecret.generate().public)


def _other_author(desk: Desk, writer: Writer) -> Made:
    report, _ = writer.report()
    content = encode_report(replace(report, author=SigningKey.generate().public))
    return writer.seal(content)


def _body_under_another_header(desk: Desk, writer: Writer) -> Made:
    report, _ = writer.report()
    made = writer.seal(encode_report(report))
    return Made(replace(made.header, expiry_day=made.header.expiry_day - 1), made.body)


def _small_order_author(desk: Desk, writer: Writer) -> Made:
    fields = unpack(encode_report(writer.report()[0]), max_bytes=100_000)
    fields[1] = small_order_encodings()[1]
    return writer.seal(pack(fields))


def _trailing_bytes(desk: Desk, writer: Writer) -> Made:
    return writer.seal(encode_report(writer.report()[0]) + b"\x00")


def _newer_version(desk: Desk, writer: Writer) -> Made:
    fields = unpack(encode_report(writer.report()[0]), max_bytes=100_000)
    fields[0] = 2
    return writer.seal(pack(fields))


def _path_for_a_name(desk: Desk, writer: Writer) -> Made:
    report, _ = writer.report(files=[Attached("name", b"data")])
    fields = unpack(encode_report(report), max_bytes=100_000)
    files = fields[11]
    assert isinstance(files, list)
    assert isinstance(files[0], list)
    files[0][0] = "../../etc/passwd"
    return writer.seal(pack(fields))


def _reply_to_a_desk(desk: Desk, writer: Writer) -> Made:
    return writer.seal(b"anything", letter_type=LetterType.REPLY)


def _reply_kind(desk: Desk, writer: Writer) -> Made:
    return writer.seal(encode_report(writer.report()[0]), kind=Kind.REPLY)


def _by_hand(writer: Writer, **changes: object) -> Made:
    report, _ = writer.report()
    content = encode_report(report)

    def sign(bind: bytes) -> bytes:
        context = report_context(writer.card.desk_id, writer.recipient, bind)
        return writer.key.sign("report", context, content)

    made = independent.seal_letter(
        "a letter",
        writer.recipient,
        1,
        content,
        tag=writer.tag,
        expiry=writer.expiry_day,
        sign=sign,
        random=lambda _, size: os.urandom(size),
        **changes,  # type: ignore[arg-type]
    )
    return Made(parse_header(made.header), made.body)


SPOILED: dict[str, tuple[Callable[[Desk, Writer], Made], Verdict]] = {
    "a report that was forwarded by another desk": (_forwarded, Verdict.BAD_SIGNATURE),
    "a signature out of another parcel": (_moved, Verdict.BAD_SIGNATURE),
    "another desk's parcel": (_other_desk, Verdict.WRONG_RECIPIENT),
    "sealed to a key that is not ours": (_other_key, Verdict.CANNOT_OPEN),
    "an author who did not sign": (_other_author, Verdict.BAD_SIGNATURE),
    "a body under another header": (_body_under_another_header, Verdict.CANNOT_OPEN),
    "an author's key of small order": (_small_order_author, Verdict.BAD_KEY),
    "bytes behind the report": (_trailing_bytes, Verdict.MALFORMED),
    "a report of a newer version": (_newer_version, Verdict.UNKNOWN_VERSION),
    "a path for a file name": (_path_for_a_name, Verdict.BAD_NAME),
    "a reply in a letter to a desk": (_reply_to_a_desk, Verdict.UNKNOWN_KIND),
    "a parcel of the kind reply": (_reply_kind, Verdict.WRONG_RECIPIENT),
    "something in the padding": (
        lambda _, writer: _by_hand(writer, padding=b"x"),
        Verdict.BAD_PADDING,
    ),
    "another letter's lock": (
        lambda _, writer: _by_hand(writer, lock=os.urandom(32)),
        Verdict.BAD_LOCK,
    ),
    "a length beyond the letter": (
        lambda _, writer: _by_hand(writer, said_n=200_000),
        Verdict.MALFORMED,
    ),
    "an unknown coding": (lambda _, writer: _by_hand(writer, coding=7), Verdict.MALFORMED),
    "content that inflates without end": (
        lambda _, writer: _by_hand(writer, coding=1, coded=independent.deflate(bytes(300_000))),
        Verdict.TOO_LARGE,
    ),
}


async def test_the_sealer_by_hand_makes_letters_that_open(desk: Desk, writer: Writer) -> None:
    assert (await open_directly(desk, [_by_hand(writer)])).reports == 1


@pytest.mark.parametrize("case", SPOILED)
async def test_what_does_not_open_or_verify_is_set_aside_with_its_verdict(
    desk: Desk, writer: Writer, case: str
) -> None:
    make, verdict = SPOILED[case]
    made = make(desk, writer)
    done = await open_directly(desk, [made])
    assert (done.reports, done.set_aside) == (0, 1)
    (entry,) = set_aside(desk.vault)
    assert (entry.parcel_id, entry.verdict) == (made.parcel_id, int(verdict))
    assert inbox(desk.vault) == []
    # It is kept, and nobody is told that it was opened.
    assert Spool(desk.home).read(made.parcel_id) == made.body
    assert Tombstones(desk.vault, desk.signing).untold(b"relay", None) == []


async def test_a_spoiled_parcel_does_not_keep_others_from_being_opened(
    desk: Desk, writer: Writer
) -> None:
    spoiled = [make(desk, writer) for make, _ in SPOILED.values()]
    done = await open_directly(desk, [*spoiled, writer.write()[1][0]])
    assert (done.reports, done.set_aside) == (1, len(SPOILED))


def _part_with(writer: Writer, data: bytes, **changes: object) -> Made:
    made = independent.seal_part(
        "a part",
        data,
        tag=writer.tag,
        expiry=writer.expiry_day,
        random=lambda _, size: os.urandom(size),
        **changes,  # type: ignore[arg-type]
    )
    return Made(parse_header(made.header), made.body, made.content_key)


async def _open_with_part(
    desk: Desk, writer: Writer, made: Made, data: bytes, **claims: object
) -> int | None:
    """The verdict over a part that a letter names with these claims."""
    report, _ = writer.report(files=[Attached("a.bin", data)])
    (part,) = report.parts
    named = replace(
        part,
        **({"parcel_id": made.parcel_id, "content_key": made.content_key} | claims),  # type: ignore[arg-type]
    )
    changed = replace(report, parts=(named,))
    if (named.length, named.sha256) != (len(data), report.files[0].sha256):
        file = replace(report.files[0], size=named.length, sha256=named.sha256)
        changed = replace(changed, files=(file,))
    await open_directly(desk, [writer.seal(encode_report(changed)), made])
    (item,) = inbox(desk.vault)
    return item.parts[0].verdict


async def test_a_part_is_not_kept_unless_it_is_what_its_letter_says(
    desk: Desk, writer: Writer
) -> None:
    made = _part_with(writer, b"data")
    assert await _open_with_part(desk, writer, made, b"data") is None
    (item,) = inbox(desk.vault)
    assert item.files_here == 1


@pytest.mark.parametrize(
    ("claims", "changes", "verdict"),
    [
        ({"sha256": bytes(32)}, {}, Verdict.BAD_HASH),
        ({"length": 3}, {}, Verdict.BAD_PADDING),
        ({"length": 100_000}, {}, Verdict.MALFORMED),
        ({"content_key": bytes(32)}, {}, Verdict.BAD_LOCK),
        ({}, {"padding": b"x"}, Verdict.BAD_PADDING),
        ({}, {"lock": bytes(32)}, Verdict.BAD_LOCK),
    ],
)
async def test_a_spoiled_part_is_set_aside_with_its_verdict(
    desk: Desk,
    writer: Writer,
    claims: dict[str, object],
    changes: dict[str, object],
    verdict: Verdict,
) -> None:
    made = _part_with(writer, b"data", **changes)
    assert await _open_with_part(desk, writer, made, b"data", **claims) == verdict
    (entry,) = set_aside(desk.vault)
    assert (entry.parcel_id, entry.verdict) == (made.parcel_id, verdict)
    assert inbox(desk.vault)[0].state == "files missing"


async def test_a_letter_that_names_a_part_of_another_does_not_spoil_it(
    desk: Desk, writer: Writer
) -> None:
    identity, parcels = writer.write("Genuine.", [Attached("a.bin", b"data")])
    thief = Writer(desk.card, desk.today)
    report, _ = thief.report("Mine!", [Attached("b.bin", b"data")])
    stolen = replace(report.parts[0], parcel_id=parcels[1].parcel_id)
    letter = thief.seal(encode_report(replace(report, parts=(stolen,))))
    await open_directly(desk, [letter, parcels[1]])
    await open_directly(desk, parcels[:1])
    by_id = {item.report_id: item for item in inbox(desk.vault)}
    assert by_id[identity].state == "complete"
    (other,) = [item for key, item in by_id.items() if key != identity]
    assert other.state == "files missing"
    assert set_aside(desk.vault) == []


async def test_a_correction_counts_only_from_the_same_author(desk: Desk, writer: Writer) -> None:
    first, parcels = writer.write("Sixteen were hurt.")
    second, correction = writer.write("Twenty were hurt.", corrects=first)
    _, claim = Writer(desk.card, desk.today).write("Nobody was hurt.", corrects=first)
    # The correction is the first to arrive.
    await open_directly(desk, correction)
    assert item_of(desk.vault, second.hex()).refers_counts is False
    await open_directly(desk, [*claim, *parcels])
    item = item_of(desk.vault, first.hex())
    assert item.state == "corrected"
    assert [(ref.counts, ref.report_id == second) for ref in item.references].count(
        (True, True)
    ) == 1
    assert sorted(ref.counts for ref in item.references) == [False, True]
    assert item_of(desk.vault, second.hex()).refers_counts is True


async def test_a_withdrawal_may_have_no_text_and_marks_its_report(
    desk: Desk, writer: Writer
) -> None:
    first, parcels = writer.write("Wrong.")
    _, withdrawal = writer.write("", withdraws=first)
    await open_directly(desk, [*parcels, *withdrawal])
    assert item_of(desk.vault, first.hex()).state == "withdrawn"


async def test_a_report_from_the_years_2015_and_2040_arrives(
    newsroom: Newsroom, desk: Desk
) -> None:
    late = Writer(desk.card, 25_600)
    early = Writer(desk.card, 16_500)
    assert (late.epoch, early.epoch) == (desk.card.last_epoch, desk.card.first_epoch)
    done = await open_directly(desk, [late.write("2040")[1][0], early.write("2015")[1][0]])
    assert done.reports == 2


async def test_a_checkpoint_is_believed_only_for_a_document_of_this_desk(
    desk: Desk, writer: Writer
) -> None:
    known = (desk.today, desk.card.card_hash)
    identity, parcels = writer.write("Known.", checkpoint=known)
    other, more = writer.write("Unknown.", checkpoint=(desk.today, bytes(32)))
    await open_directly(desk, [*parcels, *more])
    assert item_of(desk.vault, identity.hex()).checkpoint_document == "this desk's card 1"
    assert item_of(desk.vault, other.hex()).checkpoint_document is None
