"""An envelope holds its document, its type and its context together, or it is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.protocol.samples import (
    BAD_KEYS,
    ROOT,
    STRANGER,
    check_cuts,
    check_types,
    parses_or_refuses,
    with_field,
    without_last_field,
)

from qanat_protocol.envelope import DocumentType, Envelope, open_envelope, sign_envelope
from qanat_protocol.errors import (
    BadKey,
    BadSignature,
    Malformed,
    RemoteError,
    TooLarge,
    UnknownKind,
    UnknownSuite,
)
from qanat_protocol.record import unpack

CARD = DocumentType.DESK_CARD
SIGNED = sign_envelope(CARD, ROOT, b"a card")


def opened(data: bytes) -> Envelope:
    return open_envelope(data, CARD, max_bytes=4096)


@given(
    st.sampled_from(DocumentType),
    st.binary(min_size=32, max_size=32),
    st.binary(max_size=3000),
    st.binary(max_size=200),
)
def test_what_was_signed_is_read(
    document_type: DocumentType, seed: bytes, content: bytes, context: bytes
) -> None:
    key = type(ROOT)(seed)
    data = sign_envelope(document_type, key, content, context)
    envelope = open_envelope(data, document_type, context, max_bytes=4096)
    assert envelope == Envelope(document_type, content, key.public)


def test_types_have_the_labels_of_the_specification() -> None:
    assert {kind.value: kind.label_name for kind in DocumentType} == {
        4: "statement",
        5: "desk-card",
        6: "relay-card",
        7: "public",
    }
    data = sign_envelope(CARD, ROOT, b"content", b"context")
    assert unpack(data, max_bytes=4096) == [
        5,
        b"content",
        ROOT.public,
        ROOT.sign("desk-card", b"", b"contextcontent"),
    ]


@pytest.mark.parametrize("other", [0, 3, 4, 6, 7, 8, 2**53 - 1])
def test_another_type_is_an_unknown_kind(other: int) -> None:
    with pytest.raises(UnknownKind):
        opened(with_field(SIGNED, [0], other))


def test_a_document_of_one_type_is_none_of_another() -> None:
    disguised = with_field(sign_envelope(DocumentType.RELAY_CARD, ROOT, b"a card"), [0], 5)
    with pytest.raises(BadSignature):
        opened(disguised)


def test_another_context_is_a_bad_signature() -> None:
    data = sign_envelope(CARD, ROOT, b"content", b"here")
    with pytest.raises(BadSignature):
        open_envelope(data, CARD, b"there", max_bytes=4096)
    with pytest.raises(BadSignature):
        opened(data)


def test_another_content_signer_or_signature_is_refused() -> None:
    signature = STRANGER.sign("desk-card", b"", b"a card")
    for spoilt in (
        with_field(SIGNED, [1], b"a cart"),
        with_field(SIGNED, [2], STRANGER.public),
        with_field(SIGNED, [3], signature),
    ):
        with pytest.raises(BadSignature):
            opened(spoilt)
    with pytest.raises(UnknownSuite):
        opened(with_field(SIGNED, [3], b"\x02" + signature[1:]))


@pytest.mark.parametrize("key", BAD_KEYS.values(), ids=BAD_KEYS)
def test_a_signer_that_is_no_key_is_refused(key: bytes) -> None:
    with pytest.raises(BadKey):
        opened(with_field(SIGNED, [2], key))


def test_every_field_has_its_type_and_length() -> None:
    check_types(SIGNED, {(0,): "int", (1,): "bin", (2,): "bin", (3,): "bin"}, opened)
    for path, value in (([2], ROOT.public[:31]), ([2], ROOT.public + b"\0"), ([3], bytes(64))):
        with pytest.raises(Malformed):
            opened(with_field(SIGNED, path, value))
    with pytest.raises(Malformed):
        opened(without_last_field(SIGNED))


def test_a_field_that_is_not_known_is_ignored() -> None:
    assert opened(with_field(SIGNED, [4], ["later", 5])) == opened(SIGNED)


def test_the_limit_counts_the_whole_envelope() -> None:
    assert open_envelope(SIGNED, CARD, max_bytes=len(SIGNED)).content == b"a card"
    with pytest.raises(TooLarge):
        open_envelope(SIGNED, CARD, max_bytes=len(SIGNED) - 1)


def test_a_cut_envelope_is_refused_at_every_byte() -> None:
    check_cuts(SIGNED, opened)


@given(st.binary(max_size=400))
def test_any_bytes_are_an_envelope_or_refused(data: bytes) -> None:
    parses_or_refuses(opened, data)


@given(st.integers(0, len(SIGNED) - 1), st.integers(1, 255))
def test_one_changed_byte_is_refused(place: int, flip: int) -> None:
    spoilt = bytearray(SIGNED)
    spoilt[place] ^= flip
    with pytest.raises(RemoteError):
        opened(bytes(spoilt))
