"""A statement says which keys sign for a desk, on which days, and who comes after it."""

import hashlib
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.protocol.samples import (
    BAD_KEYS,
    DAY,
    NEXT_ROOT,
    ROOT,
    SIGNER,
    STRANGER,
    check_cuts,
    check_types,
    parses_or_refuses,
    statement,
    with_field,
    without_last_field,
)

from qanat_protocol.envelope import DocumentType, open_envelope, sign_envelope
from qanat_protocol.errors import (
    BadKey,
    LocalBadKey,
    LocalError,
    LocalMalformed,
    Malformed,
    NotCertified,
    TooLarge,
    UnknownKind,
    UnknownVersion,
    WrongRecipient,
)
from qanat_protocol.signing import SigningKey
from qanat_protocol.statement import (
    Certified,
    Statement,
    desk_id_of,
    fingerprint,
    is_successor,
    newest_of,
    parse_statement,
    sign_statement,
    successor_commitment,
)

ENVELOPE = statement()
CONTENT = open_envelope(ENVELOPE, DocumentType.STATEMENT, max_bytes=8192).content
KEYS = [SigningKey(bytes([0x70 + number]) * 32).public for number in range(9)]
ints = st.integers(0, 2**53 - 1)
bin32 = st.binary(min_size=32, max_size=32)


def parsed(content: bytes) -> Statement:
    return parse_statement(sign_envelope(DocumentType.STATEMENT, ROOT, content))


@st.composite
def certified_rows(draw: st.DrawFn) -> Certified:
    first = draw(st.integers(0, 2**53 - 1 - 366))
    return Certified(draw(st.sampled_from(KEYS)), first, first + draw(st.integers(0, 366)))


@given(
    serial=ints,
    issued_day=ints,
    certified=st.lists(certified_rows(), min_size=1, max_size=8),
    revoked=st.lists(bin32, max_size=64),
    successor=bin32,
    predecessor=st.none() | bin32,
)
def test_what_was_signed_is_read(**fields: Any) -> None:
    found = parse_statement(sign_statement(ROOT, **fields))
    sequences = {name: tuple(fields[name]) for name in ("certified", "revoked")}
    assert found == Statement(root_key=ROOT.public, **(fields | sequences))


def test_the_desks_id_and_fingerprint_are_what_the_specification_says() -> None:
    desk_id = hashlib.sha256(b"qanat/1/desk\0" + ROOT.public).digest()
    assert desk_id_of(ROOT.public) == parse_statement(ENVELOPE).desk_id == desk_id
    number = int(hashlib.sha256(b"qanat/1/fingerprint\0" + desk_id).hexdigest(), 16)
    groups = fingerprint(desk_id).split(" ")
    assert [len(group) for group in groups] == [5] * 6
    assert int("".join(groups)) == number % 10**30
    assert successor_commitment(ROOT.public) == (
        hashlib.sha256(b"qanat/1/successor\0" + ROOT.public).digest()
    )


def test_a_fingerprint_keeps_its_leading_zeros() -> None:
    found = [fingerprint(number.to_bytes(32, "big")) for number in range(300)]
    assert any(shown.startswith("0") for shown in found)
    assert {len(shown) for shown in found} == {35}


def test_a_key_is_certified_on_the_days_of_its_row_and_no_others() -> None:
    found = parse_statement(statement(certified=[Certified(SIGNER.public, DAY, DAY + 2)]))
    assert [day for day in range(DAY - 3, DAY + 6) if found.certifies(SIGNER.public, day)] == [
        DAY,
        DAY + 1,
        DAY + 2,
    ]
    assert not found.certifies(STRANGER.public, DAY)
    found.check_certified(SIGNER.public, DAY)
    for key, day in ((SIGNER.public, DAY - 1), (SIGNER.public, DAY + 3), (STRANGER.public, DAY)):
        with pytest.raises(NotCertified):
            found.check_certified(key, day)


def test_a_key_may_have_several_rows() -> None:
    rows = [Certified(SIGNER.public, 10, 20), Certified(SIGNER.public, 30, 40)]
    found = parse_statement(statement(certified=rows))
    assert [found.certifies(SIGNER.public, day) for day in (10, 25, 35)] == [True, False, True]


def test_a_revoked_key_is_certified_on_no_day() -> None:
    found = parse_statement(statement(revoked=[STRANGER.public, SIGNER.public]))
    assert not found.certifies(SIGNER.public, DAY)
    with pytest.raises(NotCertified, match="revoked"):
        found.check_certified(SIGNER.public, DAY)


def test_of_two_statements_the_higher_serial_counts() -> None:
    old, new = parse_statement(statement(serial=3)), parse_statement(statement(serial=4))
    assert newest_of(old, new) is newest_of(new, old) is new
    twin = replace(old, issued_day=1)
    assert newest_of(old, twin) is old
    with pytest.raises(WrongRecipient):
        newest_of(old, replace(new, root_key=STRANGER.public))


def test_a_successor_is_named_by_the_old_desk_and_names_it() -> None:
    old = parse_statement(ENVELOPE)
    fields: dict[str, Any] = {
        "serial": 1,
        "issued_day": DAY,
        "certified": [Certified(SIGNER.public, DAY, DAY)],
        "successor": bytes(32),
    }
    new = parse_statement(sign_statement(NEXT_ROOT, predecessor=old.desk_id, **fields))
    assert is_successor(old, new)
    assert not is_successor(new, old)
    assert not is_successor(old, replace(new, predecessor=None))
    assert not is_successor(old, replace(new, predecessor=bytes(32)))
    assert not is_successor(old, replace(new, root_key=STRANGER.public))
    assert not is_successor(replace(old, successor=bytes(32)), new)


ROW = [SIGNER.public, DAY, DAY + 10]


@pytest.mark.parametrize(
    ("path", "value", "error"),
    [
        ([0], 0, UnknownVersion),
        ([0], 2, UnknownVersion),
        ([3], [], Malformed),
        ([3], [ROW] * 9, Malformed),
        ([3], [ROW[:2]], Malformed),
        ([3], [[SIGNER.public[:31], DAY, DAY]], Malformed),
        ([3], [[SIGNER.public, DAY, DAY - 1]], Malformed),
        ([3], [[SIGNER.public, DAY, DAY + 367]], Malformed),
        *(([3], [[key, DAY, DAY]], BadKey) for key in BAD_KEYS.values()),
        ([4], [SIGNER.public] * 65, Malformed),
        ([4], [SIGNER.public[:31]], Malformed),
        ([5], bytes(31), Malformed),
        ([5], bytes(33), Malformed),
        ([6], bytes(31), Malformed),
        ([6], bytes(33), Malformed),
    ],
)
def test_what_breaks_a_rule_of_the_table_is_refused(
    path: list[int], value: Any, error: type[Exception]
) -> None:
    with pytest.raises(error):
        parsed(with_field(CONTENT, path, value))


def test_every_field_has_its_type() -> None:
    types = {(0,): "int", (1,): "int", (2,): "int", (3,): "array", (3, 0): "array"}
    types |= {(3, 0, 0): "bin", (3, 0, 1): "int", (3, 0, 2): "int"}
    types |= {(4,): "array", (4, 0): "bin", (5,): "bin", (6,): "nil bin"}
    check_types(CONTENT, types, parsed)


def test_a_newer_version_is_told_before_its_fields_are_judged() -> None:
    with pytest.raises(UnknownVersion):
        parsed(with_field(with_field(CONTENT, [0], 2), [1], "other"))


def test_a_field_that_is_missing_is_malformed_and_one_that_is_new_is_ignored() -> None:
    with pytest.raises(Malformed):
        parsed(without_last_field(CONTENT))
    later = with_field(with_field(CONTENT, [7], "later"), [3, 0, 3], "later")
    assert parsed(later) == parsed(CONTENT)


def test_a_statement_is_a_statement_of_at_most_8192_bytes() -> None:
    with pytest.raises(UnknownKind):
        parse_statement(sign_envelope(DocumentType.DESK_CARD, ROOT, CONTENT))

    def grown(spare: int) -> bytes:
        return sign_envelope(DocumentType.STATEMENT, ROOT, with_field(CONTENT, [7], "x" * spare))

    spare = 7000 + 8192 - len(grown(7000))
    assert len(grown(spare)) == 8192
    assert parse_statement(grown(spare)).serial == 3
    with pytest.raises(TooLarge):
        parse_statement(grown(spare + 1))


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"certified": []}, LocalMalformed),
        ({"certified": [Certified(SIGNER.public, DAY, DAY + 367)]}, LocalMalformed),
        ({"certified": [Certified(bytes(32), DAY, DAY)]}, LocalBadKey),
        ({"serial": -1}, LocalMalformed),
        ({"successor": b""}, LocalMalformed),
        ({"revoked": [bytes(33)]}, LocalMalformed),
    ],
)
def test_no_statement_is_signed_that_nobody_would_take(
    changes: dict[str, Any], error: type[LocalError]
) -> None:
    with pytest.raises(error):
        statement(**changes)


def test_a_cut_statement_is_refused_at_every_byte() -> None:
    check_cuts(ENVELOPE, parse_statement)
    check_cuts(CONTENT, parsed)


@given(st.binary(max_size=400))
def test_any_bytes_are_a_statement_or_refused(data: bytes) -> None:
    parses_or_refuses(parse_statement, data)
    parses_or_refuses(parsed, data)


@given(st.integers(0, len(CONTENT) - 1), st.integers(1, 255))
def test_one_changed_byte_gives_a_statement_or_is_refused(place: int, flip: int) -> None:
    spoilt = bytearray(CONTENT)
    spoilt[place] ^= flip
    parses_or_refuses(parsed, bytes(spoilt))


@given(
    st.integers(0, 6),
    st.recursive(
        st.none() | st.booleans() | ints | st.text(max_size=9) | st.binary(max_size=40),
        lambda inner: st.lists(inner, max_size=4),
        max_leaves=6,
    ),
)
def test_any_value_in_a_field_gives_a_statement_or_is_refused(at: int, value: Any) -> None:
    try:
        content = with_field(CONTENT, [at], value)
    except LocalMalformed:  # nested too deep for a record
        return
    parses_or_refuses(parsed, content)


def test_the_fullest_statement_is_far_below_the_limit() -> None:
    full = statement(
        certified=[Certified(key, 2**40, 2**40 + 366) for key in KEYS[:8]],
        revoked=KEYS[:8] * 8,
        predecessor=bytes(32),
    )
    assert len(full) < 4096
    assert len(parse_statement(full).revoked) == 64
