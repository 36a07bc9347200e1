"""A reply is from the desk that the reporter wrote to, to that reporter alone."""

import hashlib
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.protocol.samples import (
    DAY,
    EPOCH,
    NEXT_ROOT,
    ROOT,
    SEALING_KEYS,
    SECRETS,
    SIGNER,
    STRANGER,
    card_envelope,
    check_cuts,
    check_types,
    parses_or_refuses,
    statement,
    with_field,
    with_last_bit_flipped,
    without_last_field,
)

from qanat_protocol.errors import (
    BadSignature,
    LocalError,
    LocalMalformed,
    LocalNotCertified,
    Malformed,
    NotCertified,
    RemoteError,
    TooLarge,
    UnknownKind,
    UnknownSuite,
    UnknownVersion,
    WrongRecipient,
)
from qanat_protocol.kinds import Kind
from qanat_protocol.letter import LetterType, open_letter, seal_letter
from qanat_protocol.reply import (
    REPLY_GRACE_DAYS,
    Reply,
    decode_reply,
    encode_reply,
    reply_context,
    verify_reply,
)
from qanat_protocol.statement import desk_id_of, parse_statement
from qanat_protocol.tags import reply_tag

DESK_ID = desk_id_of(ROOT.public)
REPLY_KEY = SEALING_KEYS[0]
BIND = b"bind"
ids = st.binary(min_size=32, max_size=32)


def reply(**changes: Any) -> Reply:
    envelope: bytes = changes.pop("statement_bytes", statement())
    fields: dict[str, Any] = {
        "statement": parse_statement(envelope),
        "statement_bytes": envelope,
        "signing_key": SIGNER.public,
        "nonce": bytes(range(16)),
        "issued_day": DAY,
        "number": 7,
        "answers": b"\x0a" * 32,
        "language": "ru",
        "text": "Send the full film.\nBe careful.",
        "wanted": (b"\x0b" * 32, b"\x0c" * 32),
    }
    return Reply(**(fields | changes))


CONTENT = encode_reply(reply())


@given(
    nonce=st.binary(min_size=16, max_size=16),
    issued_day=st.integers(DAY - 30, DAY + 300),
    number=st.integers(0, 2**53 - 1),
    answers=st.none() | ids,
    language=st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=8),
    text=st.text(st.characters(exclude_categories=["Cc", "Cs"], include_characters="\t\n")),
    wanted=st.lists(ids, max_size=5).map(tuple),
)
def test_a_reply_is_read_as_it_was_written(**fields: Any) -> None:
    written = reply(**fields)
    assert decode_reply(encode_reply(written)) == written


VERSION, STATEMENT, KEY, NONCE, ISSUED, NUMBER, ANSWERS, LANGUAGE, TEXT, WANTED = range(10)


@pytest.mark.parametrize(
    ("path", "value", "error"),
    [
        ([VERSION], 0, UnknownVersion),
        ([VERSION], 2, UnknownVersion),
        ([STATEMENT], bytes(8193), Malformed),
        ([STATEMENT], b"", Malformed),
        ([STATEMENT], statement() + b"\x00", Malformed),
        ([STATEMENT], with_last_bit_flipped(statement()), BadSignature),
        ([STATEMENT], card_envelope(sealing_keys=SEALING_KEYS[:1], relays=[]), UnknownKind),
        ([STATEMENT], statement(revoked=[SIGNER.public]), NotCertified),
        ([KEY], SIGNER.public[:31], Malformed),
        ([KEY], STRANGER.public, NotCertified),
        ([KEY], ROOT.public, NotCertified),
        ([KEY], bytes(32), NotCertified),
        ([NONCE], bytes(15), Malformed),
        ([NONCE], bytes(17), Malformed),
        ([ISSUED], DAY - 31, NotCertified),
        ([ISSUED], DAY + 301, NotCertified),
        ([ANSWERS], bytes(31), Malformed),
        ([ANSWERS], bytes(33), Malformed),
        ([LANGUAGE], "x" * 36, Malformed),
        ([LANGUAGE], "ru\n", Malformed),
        ([TEXT], "x" * 16_385, Malformed),
        ([TEXT], "ж" * 8193, Malformed),
        ([TEXT], "\x1b", Malformed),
        ([WANTED], [bytes(32)] * 97, Malformed),
        ([WANTED, 0], bytes(31), Malformed),
    ],
)
def test_what_breaks_a_rule_of_the_table_is_refused(
    path: list[int], value: Any, error: type[RemoteError]
) -> None:
    with pytest.raises(error):
        decode_reply(with_field(CONTENT, path, value))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ([ISSUED], DAY - 30),
        ([ISSUED], DAY + 300),
        ([NUMBER], 0),
        ([NUMBER], 2**53 - 1),
        ([ANSWERS], None),
        ([LANGUAGE], "x" * 35),
        ([TEXT], ""),
        ([TEXT], "x" * 16_384),
        ([WANTED], []),
        ([WANTED], [bytes(32)] * 96),
    ],
)
def test_the_limits_themselves_are_allowed(path: list[int], value: Any) -> None:
    decode_reply(with_field(CONTENT, path, value))


def test_every_field_has_its_type() -> None:
    types: dict[tuple[int, ...], str] = {(VERSION,): "int", (STATEMENT,): "bin", (KEY,): "bin"}
    types.update({(NONCE,): "bin", (ISSUED,): "int", (NUMBER,): "int", (ANSWERS,): "nil bin"})
    types.update({(LANGUAGE,): "str", (TEXT,): "str", (WANTED,): "array", (WANTED, 0): "bin"})
    check_types(CONTENT, types, decode_reply)


def test_a_field_that_is_missing_is_malformed_and_one_that_is_new_is_ignored() -> None:
    with pytest.raises(Malformed):
        decode_reply(without_last_field(CONTENT))
    assert decode_reply(with_field(CONTENT, [10], "later")) == reply()
    with pytest.raises(TooLarge):
        decode_reply(with_field(CONTENT, [10], bytes(196_608)))


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"signing_key": STRANGER.public}, LocalNotCertified),
        ({"issued_day": DAY + 301}, LocalNotCertified),
        ({"text": "x" * 16_385}, LocalMalformed),
        ({"number": -1}, LocalMalformed),
        ({"nonce": b""}, LocalMalformed),
    ],
)
def test_no_reply_is_written_that_nobody_would_take(
    changes: dict[str, Any], error: type[LocalError]
) -> None:
    with pytest.raises(error):
        encode_reply(reply(**changes))


def test_the_context_is_what_the_specification_says() -> None:
    key_hash = hashlib.sha256(REPLY_KEY).digest()
    assert reply_context(DESK_ID, REPLY_KEY, BIND) == DESK_ID + key_hash + BIND
    assert REPLY_GRACE_DAYS == 30


def signed(content: bytes) -> bytes:
    return SIGNER.sign("reply", reply_context(DESK_ID, REPLY_KEY, BIND), content)


TO: dict[str, bytes] = {"desk_id": DESK_ID, "reply_key": REPLY_KEY, "bind": BIND}


def test_a_reply_counts_for_one_reporter_and_parcel() -> None:
    assert verify_reply(CONTENT, signed(CONTENT), **TO) == reply()
    for change in ({"reply_key": SEALING_KEYS[1]}, {"bind": b"B"}):
        with pytest.raises(BadSignature):
            verify_reply(CONTENT, signed(CONTENT), **(TO | change))
    with pytest.raises(BadSignature):
        verify_reply(with_field(CONTENT, [TEXT], "Come at once"), signed(CONTENT), **TO)
    with pytest.raises(UnknownSuite):
        verify_reply(CONTENT, b"\x07" + signed(CONTENT)[1:], **TO)


def test_a_reply_of_another_desk_is_not_read() -> None:
    theirs = encode_reply(reply(statement_bytes=statement(root=NEXT_ROOT)))
    with pytest.raises(WrongRecipient):
        verify_reply(theirs, signed(theirs), **TO)
    with pytest.raises(WrongRecipient):
        verify_reply(CONTENT, signed(CONTENT), **(TO | {"desk_id": bytes(32)}))


def test_a_reply_travels_in_a_letter() -> None:
    sealed = seal_letter(
        kind=Kind.REPLY,
        urgent=False,
        tag=reply_tag(b"\x0d" * 32, EPOCH, 7),
        expiry_day=DAY + 30,
        recipient=REPLY_KEY,
        letter_type=LetterType.REPLY,
        content=CONTENT,
        sign=lambda bind: SIGNER.sign("reply", reply_context(DESK_ID, REPLY_KEY, bind), CONTENT),
    )
    letter = open_letter(sealed.header, sealed.body, SECRETS[0])
    found = verify_reply(
        letter.content,
        letter.signature,
        desk_id=DESK_ID,
        reply_key=REPLY_KEY,
        bind=sealed.header.bind,
    )
    assert found == reply()
    assert replace(found, number=8) != reply()


def test_a_cut_reply_is_refused_at_every_byte() -> None:
    check_cuts(CONTENT, decode_reply)


@given(st.binary(max_size=300))
def test_any_bytes_are_a_reply_or_refused(data: bytes) -> None:
    parses_or_refuses(decode_reply, data)


@given(st.integers(0, len(CONTENT) - 1), st.integers(1, 255))
def test_one_changed_byte_gives_a_reply_or_is_refused(place: int, flip: int) -> None:
    spoilt = bytearray(CONTENT)
    spoilt[place] ^= flip
    parses_or_refuses(decode_reply, bytes(spoilt))
