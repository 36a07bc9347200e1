"""A public document is its desk's word, bound to the parcel that it lies in."""

import hashlib
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.protocol.samples import (
    DAY,
    NEXT_ROOT,
    ROOT,
    SEALING_KEYS,
    SIGNER,
    STRANGER,
    card_envelope,
    check_types,
    parses_or_refuses,
    statement,
    with_field,
    with_last_bit_flipped,
    without_last_field,
)

from qanat_protocol.card import parse_card
from qanat_protocol.envelope import DocumentType, open_envelope, sign_envelope
from qanat_protocol.errors import (
    BadKey,
    BadPadding,
    BadSignature,
    LocalError,
    LocalMalformed,
    LocalNotCertified,
    LocalTooLarge,
    LocalUnknownKind,
    Malformed,
    NotCertified,
    RemoteError,
    UnknownKind,
    UnknownSuite,
    UnknownVersion,
    WrongRecipient,
)
from qanat_protocol.kinds import Kind
from qanat_protocol.merkle import leaf_hash, root_of
from qanat_protocol.parcel import Header, parse_header
from qanat_protocol.public import (
    NO_DOCUMENT_BEFORE,
    DocumentClass,
    Picture,
    PublicDocument,
    SealedPublic,
    parse_public,
    seal_public,
)
from qanat_protocol.signing import SigningKey
from qanat_protocol.sizes import public_body_size
from qanat_protocol.statement import desk_id_of, parse_statement
from qanat_protocol.tags import public_tag
from qanat_protocol.tombstone import lock_of

TAG = public_tag(desk_id_of(ROOT.public))
LARGEST_BODY = 1 << 20


def sealed(key: SigningKey = SIGNER, **changes: Any) -> SealedPublic:
    fields: dict[str, Any] = {
        "statement": statement(),
        "document_class": DocumentClass.BULLETIN,
        "serial": 4,
        "previous": b"\x0a" * 32,
        "issued_day": DAY,
        "expiry_day": DAY + 100,
        "language": "ru",
        "title": "What we know",
        "text": "The square is empty.\nDo not go there.",
        "pictures": [Picture("image/jpeg", b"\xff\xd8 a picture \xff\xd9")],
    }
    return seal_public(key, **(fields | changes))


def content_of(document: SealedPublic) -> bytes:
    envelope = parse_public(document.header, document.body).envelope
    bind = document.header.bind
    return open_envelope(envelope, DocumentType.PUBLIC, bind, max_bytes=LARGEST_BODY).content


def body_of(content: bytes, header: Header, key: SigningKey = SIGNER) -> bytes:
    """A body of the header's size around any content, signed under the header."""
    envelope = sign_envelope(DocumentType.PUBLIC, key, content, header.bind)
    return (len(envelope).to_bytes(4, "big") + envelope).ljust(header.body_size, b"\x00")


def parsed(content: bytes, key: SigningKey = SIGNER, **changes: Any) -> PublicDocument:
    size = public_body_size(len(sign_envelope(DocumentType.PUBLIC, key, content)))
    fields: dict[str, Any] = {
        "kind": Kind.PUBLIC,
        "urgent": False,
        "expiry_day": DAY,
        "body_size": size,
        "tag": TAG,
        "lock": bytes(32),
        "root": bytes(32),
    }
    header = Header(**(fields | changes))
    return parse_public(header, body_of(content, header, key))


CARD = card_envelope(serial=4, sealing_keys=SEALING_KEYS[:1], relays=[])
BULLETIN = sealed()
CONTENT = content_of(BULLETIN)
CARD_DOCUMENT = sealed(document_class=DocumentClass.CARD, card=CARD, pictures=[])
CARD_CONTENT = content_of(CARD_DOCUMENT)
plain = st.characters(exclude_categories=["Cc", "Cs"])


def test_what_a_bulletin_need_not_have_is_empty_and_its_header_is_the_one_that_is_sent() -> None:
    document = seal_public(
        SIGNER,
        statement=statement(),
        document_class=DocumentClass.BULLETIN,
        serial=1,
        issued_day=DAY,
        expiry_day=DAY,
    )
    assert lock_of(document.content_key) == document.header.lock
    assert parse_header(document.header.encode()) == document.header
    found = parse_public(document.header, document.body)
    assert (found.language, found.title, found.text, found.pictures) == ("", "", "", ())
    assert found.previous == NO_DOCUMENT_BEFORE


@given(
    serial=st.integers(1, 2**53 - 1),
    previous=st.binary(min_size=32, max_size=32),
    issued_day=st.integers(DAY - 30, DAY + 300),
    language=st.text(plain, max_size=8),
    title=st.text(plain, max_size=64),
    text=st.text(plain) | st.just("x" * 40_000),
    pictures=st.lists(
        st.builds(Picture, st.sampled_from(["image/jpeg", "a/b"]), st.binary(max_size=99)),
        max_size=4,
    ),
    expiry_day=st.integers(0, 2**32 - 1),
)
def test_a_bulletin_is_read_as_it_was_sealed(expiry_day: int, **fields: Any) -> None:
    document = sealed(expiry_day=expiry_day, **fields)
    found = parse_public(parse_header(document.header.encode()), document.body)
    assert found == PublicDocument(
        statement=parse_statement(statement()),
        statement_bytes=statement(),
        signer=SIGNER.public,
        document_class=DocumentClass.BULLETIN,
        card=None,
        document_hash=hashlib.sha256(b"qanat/1/document\0" + content_of(document)).digest(),
        envelope=found.envelope,
        **(fields | {"pictures": tuple(fields["pictures"])}),
    )
    assert found.desk_id == desk_id_of(ROOT.public)


def test_a_card_travels_in_a_public_document() -> None:
    found = parse_public(CARD_DOCUMENT.header, CARD_DOCUMENT.body)
    assert found.document_class is DocumentClass.CARD
    assert found.card == parse_card(CARD)


def test_the_parcel_is_what_the_specification_says() -> None:
    header, body = BULLETIN.header, BULLETIN.body
    assert (header.kind, header.urgent, header.tag) == (Kind.PUBLIC, False, TAG)
    assert header.expiry_day == DAY + 100
    assert header.lock == lock_of(BULLETIN.content_key)
    assert len(body) == header.body_size == 4096
    blocks = [body[start : start + 16384] for start in range(0, len(body), 16384)]
    assert header.root == root_of([leaf_hash(block) for block in blocks])
    found = parse_public(header, body)
    assert body == (len(found.envelope).to_bytes(4, "big") + found.envelope).ljust(4096, b"\x00")
    assert sealed().content_key != BULLETIN.content_key
    assert repr(BULLETIN.content_key) not in repr(BULLETIN)


def test_a_document_of_several_blocks_has_their_root() -> None:
    header, body = (document := sealed(text="x" * 60_000)).header, document.body
    assert header.body_size == len(body) > 4 * 16384 - 16384
    blocks = [body[start : start + 16384] for start in range(0, len(body), 16384)]
    assert header.root == root_of([leaf_hash(block) for block in blocks])


VERSION, STATEMENT, CLASS, SERIAL, PREVIOUS, ISSUED, LANGUAGE, TITLE, TEXT = range(9)
PICTURES, CARD_FIELD = 9, 10
THEIR_CARD = card_envelope(
    statement=statement(NEXT_ROOT), serial=4, sealing_keys=SEALING_KEYS[:1], relays=[]
)

REFUSED: list[tuple[list[int], Any, type[RemoteError]]] = [
    ([VERSION], 0, UnknownVersion),
    ([VERSION], 2, UnknownVersion),
    ([STATEMENT], bytes(8193), Malformed),
    ([STATEMENT], b"", Malformed),
    ([STATEMENT], CARD, UnknownKind),
    ([STATEMENT], with_last_bit_flipped(statement()), BadSignature),
    ([STATEMENT], statement(revoked=[SIGNER.public]), NotCertified),
    ([STATEMENT], statement(NEXT_ROOT), WrongRecipient),
    ([CLASS], 0, UnknownKind),
    ([CLASS], 3, UnknownKind),
    ([CLASS], 2**53 - 1, UnknownKind),
    ([CLASS], 2, Malformed),
    ([SERIAL], 0, Malformed),
    ([PREVIOUS], bytes(31), Malformed),
    ([PREVIOUS], bytes(33), Malformed),
    ([ISSUED], DAY - 31, NotCertified),
    ([ISSUED], DAY + 301, NotCertified),
    ([LANGUAGE], "x" * 36, Malformed),
    ([LANGUAGE], "\n", Malformed),
    ([TITLE], "x" * 257, Malformed),
    ([TITLE], "two\nlines", Malformed),
    ([TEXT], "x" * 65_537, Malformed),
    ([TEXT], "\x00", Malformed),
    ([PICTURES], [["image/jpeg", b""]] * 5, Malformed),
    ([PICTURES, 0], ["image/jpeg"], Malformed),
    ([PICTURES, 0, 0], "jpeg", Malformed),
    ([PICTURES, 0, 0], "a/b/c", Malformed),
    ([PICTURES, 0, 1], bytes(130_049), Malformed),
    ([CARD_FIELD], CARD, Malformed),
]


@pytest.mark.parametrize(("path", "value", "error"), REFUSED)
def test_what_breaks_a_rule_of_the_table_is_refused(
    path: list[int], value: Any, error: type[RemoteError]
) -> None:
    with pytest.raises(error):
        parsed(with_field(CONTENT, path, value))


@pytest.mark.parametrize(
    ("path", "value", "error"),
    [
        ([CLASS], 1, Malformed),
        ([CARD_FIELD], None, Malformed),
        ([CARD_FIELD], b"", Malformed),
        ([CARD_FIELD], bytes(131_073), Malformed),
        ([CARD_FIELD], with_last_bit_flipped(CARD), BadSignature),
        ([CARD_FIELD], with_field(CARD, [3], b"\x02" + bytes(64)), UnknownSuite),
        ([CARD_FIELD], with_field(CARD, [2], bytes(32)), BadKey),
        ([CARD_FIELD], THEIR_CARD, WrongRecipient),
        ([SERIAL], 5, Malformed),
    ],
)
def test_a_document_of_class_card_holds_that_card(
    path: list[int], value: Any, error: type[RemoteError]
) -> None:
    with pytest.raises(error):
        parsed(with_field(CARD_CONTENT, path, value))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ([SERIAL], 1),
        ([PREVIOUS], NO_DOCUMENT_BEFORE),
        ([ISSUED], DAY - 30),
        ([ISSUED], DAY + 300),
        ([LANGUAGE], "x" * 35),
        ([TITLE], ""),
        ([TITLE], "x" * 256),
        ([TEXT], ""),
        ([TEXT], "x" * 65_536),
        ([PICTURES], []),
        ([PICTURES], [["image/jpeg", bytes(130_048)]] * 4),
    ],
)
def test_the_limits_themselves_are_allowed(path: list[int], value: Any) -> None:
    parsed(with_field(CONTENT, path, value))


def test_every_field_has_its_type() -> None:
    types: dict[tuple[int, ...], str] = {(VERSION,): "int", (STATEMENT,): "bin", (CLASS,): "int"}
    types.update({(SERIAL,): "int", (PREVIOUS,): "bin", (ISSUED,): "int", (LANGUAGE,): "str"})
    types.update({(TITLE,): "str", (TEXT,): "str", (PICTURES,): "array", (PICTURES, 0): "array"})
    types.update({(PICTURES, 0, 0): "str", (PICTURES, 0, 1): "bin", (CARD_FIELD,): "nil bin"})
    check_types(CONTENT, types, parsed)


def test_a_field_that_is_missing_is_malformed_and_one_that_is_new_is_ignored() -> None:
    for path in ([], [PICTURES, 0]):
        with pytest.raises(Malformed):
            parsed(without_last_field(CONTENT, path))
    later = parsed(with_field(with_field(CONTENT, [11], "later"), [PICTURES, 0, 2], "later"))
    assert later.title == "What we know"


def test_a_document_is_signed_by_a_key_that_its_statement_certifies() -> None:
    for key in (STRANGER, ROOT):
        with pytest.raises(NotCertified):
            parsed(CONTENT, key)


def test_a_document_counts_in_its_own_parcel_alone() -> None:
    header, body = BULLETIN.header, BULLETIN.body
    moved = [
        replace(header, expiry_day=header.expiry_day + 1),
        replace(header, lock=bytes(32)),
        replace(header, tag=bytes(16)),
    ]
    for other in moved:
        with pytest.raises(BadSignature):
            parse_public(other, body)
    with pytest.raises(WrongRecipient):
        parsed(CONTENT, tag=public_tag(bytes(32)))


def test_another_parcel_is_no_public_document() -> None:
    for kind in (Kind.LETTER, Kind.REPLY):
        with pytest.raises(UnknownKind):
            parse_public(replace(BULLETIN.header, kind=kind), BULLETIN.body)
    part = replace(sealed(text="x" * 9000).header, kind=Kind.PART)
    with pytest.raises(UnknownKind):
        parse_public(part, bytes(part.body_size))


def test_the_body_has_its_size_and_zeros_behind_the_document() -> None:
    header, body = BULLETIN.header, BULLETIN.body
    for other in (body[:-1], body + b"\x00", b""):
        with pytest.raises(Malformed):
            parse_public(header, other)
    length = int.from_bytes(body[:4], "big")
    for place in (4 + length, len(body) - 1):
        spoilt = bytearray(body)
        spoilt[place] = 1
        with pytest.raises(BadPadding):
            parse_public(header, bytes(spoilt))
    for claimed in (len(body) - 3, 2**32 - 1):
        with pytest.raises(Malformed):
            parse_public(header, claimed.to_bytes(4, "big") + body[4:])


def test_a_document_that_fills_its_body_has_no_padding() -> None:
    def length(spare: int) -> int:
        content = with_field(CONTENT, [TEXT], "x" * spare)
        return 4 + len(sign_envelope(DocumentType.PUBLIC, SIGNER, content))

    spare = 5000 + 8192 - length(5000)
    exact = sealed(text="x" * spare)
    assert exact.header.body_size == 8192
    assert int.from_bytes(exact.body[:4], "big") + 4 == 8192
    assert sealed(text="x" * (spare + 1)).header.body_size == 16384


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"key": STRANGER}, LocalNotCertified),
        ({"statement": b""}, LocalMalformed),
        ({"statement": CARD}, LocalUnknownKind),
        ({"serial": 0}, LocalMalformed),
        ({"title": "two\nlines"}, LocalMalformed),
        ({"expiry_day": 2**32}, LocalMalformed),
        ({"card": CARD}, LocalMalformed),
        ({"document_class": DocumentClass.CARD}, LocalMalformed),
        ({"pictures": [Picture("image/jpeg", bytes(130_049))]}, LocalMalformed),
        ({"pictures": [Picture("image/jpeg", bytes(130_048))] * 9}, LocalTooLarge),
    ],
)
def test_no_document_is_sealed_that_nobody_would_take(
    changes: dict[str, Any], error: type[LocalError]
) -> None:
    with pytest.raises(error):
        sealed(**changes)


def test_a_cut_document_is_refused_at_every_byte() -> None:
    length = int.from_bytes(BULLETIN.body[:4], "big")
    envelope = BULLETIN.body[4 : 4 + length]
    for end in range(length):
        body = (end.to_bytes(4, "big") + envelope[:end]).ljust(4096, b"\x00")
        with pytest.raises(RemoteError):
            parse_public(BULLETIN.header, body)
    for end in range(len(CONTENT)):
        with pytest.raises(RemoteError):
            parsed(CONTENT[:end])
    with pytest.raises(Malformed):
        parsed(CONTENT + b"\x00")


@given(st.binary(min_size=4, max_size=4096), st.booleans())
def test_any_body_is_a_document_or_refused(data: bytes, fits: bool) -> None:
    body = data.ljust(4096, b"\x00")
    if fits:
        body = (len(data) - 4).to_bytes(4, "big") + body[4:]
    parses_or_refuses(lambda content: parse_public(BULLETIN.header, content), body)
    parses_or_refuses(parsed, data)


@given(st.integers(0, len(CARD_CONTENT) - 1), st.integers(1, 255))
def test_one_changed_byte_gives_a_document_or_is_refused(place: int, flip: int) -> None:
    spoilt = bytearray(CARD_CONTENT)
    spoilt[place] ^= flip
    parses_or_refuses(parsed, bytes(spoilt))
