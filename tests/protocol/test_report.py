"""A report is read as it was written, by the desk it was written to, or it is refused."""

import hashlib
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.protocol.samples import (
    BAD_KEYS,
    BAD_SEALING_KEYS,
    DAY,
    SEALING_KEYS,
    SECRETS,
    SIGNER,
    STRANGER,
    check_cuts,
    check_types,
    parses_or_refuses,
    with_field,
    without_last_field,
)

from qanat_protocol.attachment import check_name
from qanat_protocol.errors import (
    BadKey,
    BadName,
    BadSignature,
    LocalBadKey,
    LocalBadName,
    LocalError,
    LocalMalformed,
    Malformed,
    RemoteError,
    TooLarge,
    UnknownSuite,
    UnknownVersion,
)
from qanat_protocol.kinds import Kind, Rendition
from qanat_protocol.letter import LetterType, open_letter, seal_letter
from qanat_protocol.report import (
    Basis,
    Figure,
    File,
    PartRef,
    ReplyBox,
    Report,
    decode_report,
    encode_report,
    report_context,
    report_id,
    verify_report,
)

AUTHOR = SIGNER
DESK_ID = hashlib.sha256(b"a desk").digest()
BIND = b"bind"


def digest(number: int) -> bytes:
    return hashlib.sha256(number.to_bytes(4, "big")).digest()


def parts_of(number: int, file: File) -> list[PartRef]:
    thumbnail = PartRef(
        number, Rendition.THUMBNAIL, "image/jpeg", 9000, digest(1), digest(2), digest(3)
    )
    preview = replace(thumbnail, rendition=Rendition.PREVIEW, length=120_000)
    original = PartRef(
        number, Rendition.ORIGINAL, file.media_type, file.size, file.sha256, b"", b""
    )
    return [
        replace(part, parcel_id=digest(100 * number + at), content_key=digest(5000 + at + number))
        for at, part in enumerate([thumbnail, preview, original], start=10)
    ]


VIDEO = File("площадь.mp4", "video/mp4", 48_000_000, digest(200))
SCAN = File("list.pdf", "application/pdf", 80_000, digest(201))
FULL = Report(
    author=AUTHOR.public,
    nonce=bytes(range(16)),
    written_s=1_641_400_000,
    language="kk-Cyrl",
    text="Shots at the square.\n\tThree of them.",
    what="Shots",
    where="Алматы",
    when="last night",
    basis=Basis.SEEN,
    figures=(Figure("injured", 16, 20), Figure("dead", 0, 2**53 - 1)),
    files=(VIDEO, SCAN),
    parts=(*parts_of(0, VIDEO), parts_of(1, SCAN)[2]),
    corrects=digest(9),
    reply_box=ReplyBox(SEALING_KEYS[0], digest(77)),
    checkpoint=(DAY, digest(11)),
)
CONTENT = encode_report(FULL)
PLAIN = encode_report(Report(author=AUTHOR.public, nonce=bytes(16), text="They shoot."))


def test_a_full_report_is_read_as_it_was_written() -> None:
    assert decode_report(CONTENT) == FULL
    withdrawn = replace(FULL, corrects=None, withdraws=digest(9), text="", files=(), parts=())
    assert decode_report(encode_report(withdrawn)) == withdrawn


def test_a_report_of_one_line_is_a_report() -> None:
    found = decode_report(PLAIN)
    assert found == Report(author=AUTHOR.public, nonce=bytes(16), text="They shoot.")
    assert (found.reply_box, found.checkpoint, found.corrects, found.withdraws) == (None,) * 4


ints = st.integers(0, 2**53 - 1)
bin32 = st.binary(min_size=32, max_size=32)
lines = st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=30)
names = lines.filter(lambda name: name not in {"", ".", ".."} and not set(name) & set("/\\"))
media_types = st.from_regex(r"[a-z]{1,9}/[a-z0-9.+-]{1,9}", fullmatch=True)
files = st.builds(File, names, media_types, ints, bin32)


@st.composite
def reports(draw: st.DrawFn) -> Report:
    found = draw(st.lists(files, max_size=3))
    parts = []
    for number, file in enumerate(found):
        for rendition in Rendition:
            if rendition is Rendition.ORIGINAL:
                kind, length, hashed = file.media_type, file.size, file.sha256
            elif draw(st.booleans()):
                kind, length, hashed = draw(media_types), draw(ints), draw(bin32)
            else:
                continue
            place = 10 * number + rendition
            key = digest(7000 + place)
            parts.append(PartRef(number, rendition, kind, length, hashed, digest(place), key))
    bounds = draw(st.lists(st.tuples(lines, ints, ints), max_size=4))
    refers = draw(st.sampled_from([None, "corrects", "withdraws"]))
    return Report(
        author=AUTHOR.public,
        nonce=draw(st.binary(min_size=16, max_size=16)),
        written_s=draw(ints),
        language=draw(lines.filter(lambda value: len(value.encode()) <= 35)),
        text=draw(st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1)) + "\t\n",
        what=draw(lines),
        where=draw(lines),
        when=draw(lines.filter(lambda value: len(value.encode()) <= 128)),
        basis=draw(st.sampled_from(Basis)),
        figures=tuple(Figure(what, min(a, b), max(a, b)) for what, a, b in bounds),
        files=tuple(found),
        parts=tuple(parts),
        corrects=draw(bin32) if refers == "corrects" else None,
        withdraws=draw(bin32) if refers == "withdraws" else None,
        reply_box=draw(st.none() | bin32.map(lambda secret: ReplyBox(SEALING_KEYS[1], secret))),
        checkpoint=draw(st.none() | st.tuples(ints, bin32)),
    )


@given(reports())
def test_any_report_is_read_as_it_was_written(report: Report) -> None:
    content = encode_report(report)
    assert decode_report(content) == report
    assert encode_report(decode_report(content)) == content


# The paths of the record, and what the table of SPEC section 7 does not allow there.
VERSION, AUTHOR_KEY, NONCE, WRITTEN, LANGUAGE, TEXT, WHAT, WHERE, WHEN, BASIS = range(10)
FIGURES, FILES, PARTS, REFERS, REPLY_BOX, CHECKPOINT = range(10, 16)
PART = [0, 3, "video/mp4", VIDEO.size, VIDEO.sha256, digest(1), digest(2)]
FILE = ["name", "video/mp4", 1, digest(0)]

REFUSED: list[tuple[list[int], Any, type[RemoteError]]] = [
    ([VERSION], 0, UnknownVersion),
    ([VERSION], 2, UnknownVersion),
    *(([AUTHOR_KEY], key, BadKey) for key in BAD_KEYS.values()),
    ([AUTHOR_KEY], AUTHOR.public[:31], BadKey),
    ([AUTHOR_KEY], AUTHOR.public + b"\x00", BadKey),
    ([NONCE], bytes(15), Malformed),
    ([NONCE], bytes(17), Malformed),
    ([LANGUAGE], "x" * 36, Malformed),
    ([LANGUAGE], "ж" * 18, Malformed),
    ([LANGUAGE], "kk\n", Malformed),
    ([TEXT], "x" * 65_537, Malformed),
    ([TEXT], "bell\x07", Malformed),
    ([TEXT], "line\r\nline", Malformed),
    ([TEXT], "\x85", Malformed),
    ([WHAT], "x" * 513, Malformed),
    ([WHAT], "two\nlines", Malformed),
    ([WHERE], "x" * 513, Malformed),
    ([WHERE], "a\ttab", Malformed),
    ([WHEN], "x" * 129, Malformed),
    ([WHEN], "\x7f", Malformed),
    ([BASIS], 3, Malformed),
    ([FIGURES], [["x", 0, 1]] * 33, Malformed),
    ([FIGURES, 0], ["x", 1, 0], Malformed),
    ([FIGURES, 0], ["x", 1], Malformed),
    ([FIGURES, 0, 0], "x" * 257, Malformed),
    ([FILES], [FILE] * 33, Malformed),
    ([FILES, 0], FILE[:3], Malformed),
    *(
        ([FILES, 0, 0], name, BadName)
        for name in ("", ".", "..", "a/b", "/", "a\\b", "x" * 256, "ж" * 128, "a\nb", "a\x00")
    ),
    *(
        ([FILES, 0, 1], kind, Malformed)
        for kind in ("", "a/", "video", "a/b/c", "видео/mp4", "x/" + "y" * 126, "a/\x1f")
    ),
    ([FILES, 0, 3], bytes(31), Malformed),
    ([FILES, 0, 2], VIDEO.size + 1, Malformed),
    ([FILES, 0, 3], bytes(32), Malformed),
    ([FILES], [], Malformed),
    ([PARTS], [PART] * 97, Malformed),
    ([PARTS], [], Malformed),
    ([PARTS, 0], PART[:6], Malformed),
    ([PARTS, 0, 0], 1, Malformed),
    ([PARTS, 3, 0], 2, Malformed),
    ([PARTS, 3, 0], 32, Malformed),
    ([PARTS, 0, 1], 0, Malformed),
    ([PARTS, 3, 1], 4, Malformed),
    ([PARTS, 3, 1], 2, Malformed),
    ([PARTS, 0, 1], 2, Malformed),
    ([PARTS, 1, 1], 1, Malformed),
    ([PARTS, 0, 2], "jpeg", Malformed),
    ([PARTS, 3, 3], SCAN.size - 1, Malformed),
    ([PARTS, 3, 4], bytes(32), Malformed),
    ([PARTS, 0, 4], bytes(33), Malformed),
    ([PARTS, 0, 5], bytes(31), Malformed),
    ([PARTS, 0, 6], bytes(31), Malformed),
    ([PARTS, 0, 5], FULL.parts[3].parcel_id, Malformed),
    ([PARTS, 0, 6], FULL.parts[3].content_key, Malformed),
    ([REFERS], [0, bytes(32)], Malformed),
    ([REFERS], [3, bytes(32)], Malformed),
    ([REFERS], [1, bytes(31)], Malformed),
    ([REFERS], [1], Malformed),
    ([REPLY_BOX], [SEALING_KEYS[0]], Malformed),
    ([REPLY_BOX, 0], SEALING_KEYS[0][:-1], Malformed),
    *(([REPLY_BOX, 0], key, BadKey) for key in BAD_SEALING_KEYS.values()),
    ([REPLY_BOX, 1], bytes(31), Malformed),
    ([CHECKPOINT], [DAY], Malformed),
    ([CHECKPOINT, 1], bytes(33), Malformed),
]


@pytest.mark.parametrize(("path", "value", "error"), REFUSED)
def test_what_breaks_a_rule_of_the_table_is_refused(
    path: list[int], value: Any, error: type[RemoteError]
) -> None:
    with pytest.raises(error):
        decode_report(with_field(CONTENT, path, value))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ([WRITTEN], 0),
        ([WRITTEN], 2**53 - 1),
        ([LANGUAGE], ""),
        ([LANGUAGE], "x" * 35),
        ([TEXT], "x" * 65_536),
        ([TEXT], "ж" * 32_768),
        ([TEXT], ""),
        ([WHAT], "x" * 512),
        ([WHERE], "x" * 512),
        ([WHEN], "x" * 128),
        ([BASIS], 2),
        ([FIGURES], [["", 7, 7]] * 32),
        ([FIGURES, 0, 0], "x" * 256),
        ([FILES, 0, 0], "x" * 255),
        ([FILES, 0, 0], "..."),
        ([FILES, 0, 1], "a/b"),
        ([FILES, 0, 1], "x/" + "y" * 125),
        ([REFERS], None),
        ([REFERS], [2, bytes(32)]),
        ([REPLY_BOX], None),
        ([CHECKPOINT], None),
    ],
)
def test_the_limits_themselves_are_allowed(path: list[int], value: Any) -> None:
    decode_report(with_field(CONTENT, path, value))


def test_every_field_has_its_type() -> None:
    types: dict[tuple[int, ...], str] = {(VERSION,): "int", (WRITTEN,): "int", (BASIS,): "int"}
    types |= {(AUTHOR_KEY,): "bin", (NONCE,): "bin"}
    types.update({(at,): "str" for at in range(LANGUAGE, BASIS)})
    types |= {(FIGURES,): "array", (FIGURES, 0): "array", (FIGURES, 0, 0): "str"}
    types |= {(FIGURES, 0, 1): "int", (FIGURES, 0, 2): "int"}
    types |= {(FILES,): "array", (FILES, 0): "array", (FILES, 0, 0): "str", (FILES, 0, 1): "str"}
    types |= {(FILES, 0, 2): "int", (FILES, 0, 3): "bin"}
    types |= {(PARTS,): "array", (PARTS, 0): "array", (PARTS, 0, 0): "int", (PARTS, 0, 1): "int"}
    types |= {(PARTS, 0, 2): "str", (PARTS, 0, 3): "int"}
    types |= {(PARTS, 0, at): "bin" for at in (4, 5, 6)}
    types |= {(REFERS,): "nil array", (REFERS, 0): "int", (REFERS, 1): "bin"}
    types |= {(REPLY_BOX,): "nil array", (REPLY_BOX, 0): "bin", (REPLY_BOX, 1): "bin"}
    types |= {(CHECKPOINT,): "nil array", (CHECKPOINT, 0): "int", (CHECKPOINT, 1): "bin"}
    check_types(CONTENT, types, decode_report)


def test_a_report_says_something() -> None:
    empty = with_field(PLAIN, [TEXT], "")
    with pytest.raises(Malformed):
        decode_report(empty)
    with pytest.raises(Malformed):
        decode_report(with_field(empty, [WHAT], "a headline"))
    assert decode_report(with_field(empty, [REFERS], [1, bytes(32)])).corrects == bytes(32)
    file = ["scan.pdf", "application/pdf", 5, digest(5)]
    part = [0, 3, "application/pdf", 5, digest(5), digest(6), digest(7)]
    with_file = with_field(with_field(empty, [FILES], [file]), [PARTS], [part])
    assert decode_report(with_file).files == (File("scan.pdf", "application/pdf", 5, digest(5)),)


def test_every_file_has_one_original_in_its_place() -> None:
    files = [["f", "a/b", 5, digest(5)]] * 2
    one, two = (
        [number, 3, "a/b", 5, digest(5), digest(number), digest(7 + number)] for number in (0, 1)
    )

    def decoded(*parts: list[Any]) -> Report:
        return decode_report(with_field(with_field(PLAIN, [FILES], files), [PARTS], list(parts)))

    assert len(decoded(one, two).parts) == 2
    for parts in ([one], [two], [two, one], [one, one, two], [one, two, two]):
        with pytest.raises(Malformed):
            decoded(*parts)


def test_a_field_that_is_missing_is_malformed_and_one_that_is_new_is_ignored() -> None:
    for path in ([], [FIGURES, 0], [FILES, 0], [PARTS, 0], [REFERS], [REPLY_BOX], [CHECKPOINT]):
        with pytest.raises(Malformed):
            decode_report(without_last_field(CONTENT, path))
    for path in ([16], [FIGURES, 0, 3], [FILES, 0, 4], [PARTS, 0, 7], [REFERS, 2], [REPLY_BOX, 2]):
        later = with_field(CONTENT, path, "later")
        assert decode_report(later) == FULL
        assert report_id(later) != report_id(CONTENT)


def test_a_newer_version_is_told_before_its_fields_are_judged() -> None:
    with pytest.raises(UnknownVersion):
        decode_report(with_field(with_field(CONTENT, [VERSION], 2), [NONCE], 5))


def test_more_than_a_letter_holds_is_too_large() -> None:

    def grown(spare: int) -> bytes:
        return with_field(CONTENT, [16], "x" * spare)

    spare = 100_000 + 196_608 - len(grown(100_000))
    assert len(grown(spare)) == 196_608
    assert decode_report(grown(spare)) == FULL
    with pytest.raises(TooLarge):
        decode_report(grown(spare + 1))


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"author": bytes(32)}, LocalBadKey),
        ({"author": b""}, LocalBadKey),
        ({"text": "", "files": (), "parts": (), "corrects": None}, LocalMalformed),
        ({"text": "x" * 65_537}, LocalMalformed),
        ({"text": "\ud800"}, LocalMalformed),
        ({"withdraws": bytes(32)}, LocalMalformed),
        ({"files": (replace(VIDEO, name="../video"), SCAN)}, LocalBadName),
        ({"parts": FULL.parts[:3]}, LocalMalformed),
        ({"written_s": -1}, LocalMalformed),
        ({"reply_box": ReplyBox(b"", bytes(32))}, LocalMalformed),
    ],
)
def test_no_report_is_written_that_nobody_would_take(
    changes: dict[str, Any], error: type[LocalError]
) -> None:
    with pytest.raises(error):
        encode_report(replace(FULL, **changes))


def test_a_report_at_every_limit_of_its_table_fits_a_letter() -> None:
    def file(number: int) -> File:
        return File(f"{number:03}" + "x" * 252, "a/" + "x" * 125, 2**53 - 1, bytes(32))

    def part(number: int) -> PartRef:
        rendition, own = Rendition(number % 3 + 1), number.to_bytes(32, "big")
        media_type = "a/" + "x" * 125
        return PartRef(number // 3, rendition, media_type, 2**53 - 1, bytes(32), own, own)

    longest = replace(
        FULL,
        written_s=2**53 - 1,
        language="x" * 35,
        text="x" * 65_536,
        what="x" * 512,
        where="x" * 512,
        when="x" * 128,
        figures=(Figure("x" * 256, 2**53 - 1, 2**53 - 1),) * 32,
        files=tuple(file(number) for number in range(32)),
        parts=tuple(part(number) for number in range(96)),
        checkpoint=(2**53 - 1, bytes(32)),
    )
    content = encode_report(longest)
    assert len(content) < 196_608
    assert decode_report(content) == longest


def test_a_key_that_was_read_is_looked_at_whoever_made_it() -> None:
    # 2 is no y of a point; what a SigningKey made is known by its type, which no bytes have.
    no_point = (2).to_bytes(32, "little")
    assert decode_report(CONTENT).author == AUTHOR.public
    assert type(decode_report(CONTENT).author) is bytes
    with pytest.raises(BadKey):
        decode_report(with_field(CONTENT, [1], no_point))
    with pytest.raises(LocalBadKey):
        encode_report(replace(FULL, author=no_point))
    assert encode_report(replace(FULL, author=bytes(AUTHOR.public))) == CONTENT


def test_names_are_names_of_files() -> None:
    for name in ("photo.jpg", "съёмка 1.mp4", ".hidden", "...", "x" * 255, "a:b", "-rf"):
        check_name(name)
    for name in ("", ".", "..", "../x", "a/", "c:\\x", "x" * 256, "a\rb", "\ud800", "\x9f"):
        with pytest.raises(BadName):
            check_name(name)


def test_the_id_and_the_context_are_what_the_specification_says() -> None:
    assert report_id(CONTENT) == hashlib.sha256(b"qanat/1/report-id\0" + CONTENT).digest()
    key_hash = hashlib.sha256(SEALING_KEYS[0]).digest()
    assert report_context(DESK_ID, SEALING_KEYS[0], BIND) == DESK_ID + key_hash + BIND


def signature_for(content: bytes, context: bytes) -> bytes:
    return AUTHOR.sign("report", context, content)


def test_a_report_counts_for_one_desk_key_and_parcel() -> None:
    to = {"desk_id": DESK_ID, "recipient_key": SEALING_KEYS[0], "bind": BIND}
    signature = signature_for(CONTENT, report_context(DESK_ID, SEALING_KEYS[0], BIND))
    assert verify_report(CONTENT, signature, **to) == FULL
    for change in ({"desk_id": bytes(32)}, {"recipient_key": SEALING_KEYS[1]}, {"bind": b"B"}):
        with pytest.raises(BadSignature):
            verify_report(CONTENT, signature, **(to | change))
    with pytest.raises(BadSignature):
        verify_report(with_field(CONTENT, [WHAT], "Calm"), signature, **to)
    with pytest.raises(BadSignature):
        verify_report(with_field(CONTENT, [AUTHOR_KEY], STRANGER.public), signature, **to)
    with pytest.raises(UnknownSuite):
        verify_report(CONTENT, b"\x00" + signature[1:], **to)
    with pytest.raises(Malformed):
        verify_report(CONTENT[:-1], signature, **to)


def test_a_report_travels_in_a_letter() -> None:
    sealed = seal_letter(
        kind=Kind.LETTER,
        urgent=True,
        tag=bytes(16),
        expiry_day=DAY + 90,
        recipient=SECRETS[0].public,
        letter_type=LetterType.REPORT,
        content=CONTENT,
        sign=lambda bind: signature_for(CONTENT, report_context(DESK_ID, SECRETS[0].public, bind)),
    )
    letter = open_letter(sealed.header, sealed.body, SECRETS[0])
    assert letter.letter_type is LetterType.REPORT
    report = verify_report(
        letter.content,
        letter.signature,
        desk_id=DESK_ID,
        recipient_key=SECRETS[0].public,
        bind=sealed.header.bind,
    )
    assert report == FULL


def test_keys_and_secrets_are_not_shown_by_accident() -> None:
    shown = repr(decode_report(CONTENT))
    assert FULL.reply_box is not None
    for secret in (FULL.reply_box.mailbox_secret, *(part.content_key for part in FULL.parts)):
        assert repr(secret) not in shown


def test_a_cut_report_is_refused_at_every_byte() -> None:
    check_cuts(CONTENT, decode_report)
    check_cuts(PLAIN, decode_report)


@given(st.binary(max_size=300))
def test_any_bytes_are_a_report_or_refused(data: bytes) -> None:
    parses_or_refuses(decode_report, data)


@given(st.integers(0, len(CONTENT) - 1), st.integers(1, 255))
def test_one_changed_byte_gives_a_report_or_is_refused(place: int, flip: int) -> None:
    spoilt = bytearray(CONTENT)
    spoilt[place] ^= flip
    parses_or_refuses(decode_report, bytes(spoilt))


values = st.recursive(
    st.none() | st.booleans() | ints | st.text(max_size=9) | st.binary(max_size=40),
    lambda inner: st.lists(inner, max_size=8),
    max_leaves=8,
)


@given(st.integers(0, 15), values)
def test_any_value_in_a_field_gives_a_report_or_is_refused(at: int, value: Any) -> None:
    try:
        content = with_field(CONTENT, [at], value)
    except LocalMalformed:  # nested too deep for a record
        return
    parses_or_refuses(decode_report, content)
