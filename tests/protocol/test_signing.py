"""Signatures under the strict rule of SPEC 1."""

from contextlib import suppress

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st
from tests.make_vectors.independent import ed25519, torsion

from qanat_protocol.errors import (
    BadKey,
    BadSignature,
    LocalBadKey,
    Malformed,
    RemoteError,
    UnknownSuite,
)
from qanat_protocol.signing import SigningKey, check_key, verify, verify_signature

KEY = SigningKey(bytes(range(32)))
SEEDS = st.binary(min_size=32, max_size=32)


@given(SEEDS, st.binary(max_size=50), st.binary(max_size=50))
def test_what_is_signed_verifies(seed: bytes, context: bytes, content: bytes) -> None:
    key = SigningKey(seed)
    signature = key.sign("report", context, content)
    assert len(signature) == 65
    check_key(key.public)
    verify_signature(key.public, signature, "report", context, content)


@pytest.mark.parametrize(
    ("label_name", "context", "content"),
    [("reply", b"a", b"b"), ("report", b"x", b"b"), ("report", b"a", b"x"), ("report", b"", b"ax")],
)
def test_a_signature_holds_for_its_label_context_and_content_alone(
    label_name: str, context: bytes, content: bytes
) -> None:
    signature = KEY.sign("report", b"a", b"b")
    with pytest.raises(BadSignature):
        verify_signature(KEY.public, signature, label_name, context, content)


def test_a_signature_of_another_key_does_not_hold() -> None:
    with pytest.raises(BadSignature):
        verify_signature(
            KEY.public, SigningKey.generate().sign("report", b"", b""), "report", b"", b""
        )


def test_every_bit_of_a_signature_counts() -> None:
    signature = KEY.sign("report", b"", b"x")
    for bit in range(len(signature) * 8):
        changed = bytearray(signature)
        changed[bit // 8] ^= 1 << bit % 8
        with pytest.raises(UnknownSuite if bit < 8 else BadSignature):
            verify_signature(KEY.public, bytes(changed), "report", b"", b"x")


def test_a_signature_of_another_length_is_refused() -> None:
    signature = KEY.sign("report", b"", b"")
    for wrong in (b"", signature[:-1], signature + b"\x00"):
        with pytest.raises(Malformed):
            verify_signature(KEY.public, wrong, "report", b"", b"")
    with pytest.raises(BadSignature):
        verify(KEY.public, signature, b"")


def test_an_algorithm_that_is_not_known_is_named() -> None:
    with pytest.raises(UnknownSuite, match="algorithm 2"):
        verify_signature(KEY.public, b"\x02" + bytes(64), "report", b"", b"")


@pytest.mark.parametrize("encoding", torsion.small_order_encodings(), ids=bytes.hex)
def test_no_encoding_of_a_small_order_point_is_a_key_or_an_r(encoding: bytes) -> None:
    with pytest.raises(BadKey):
        check_key(encoding)
    with pytest.raises(BadKey):
        verify(encoding, bytes(64), b"")
    with pytest.raises(BadSignature, match=r"^R is"):
        verify(KEY.public, encoding + bytes(32), b"")


@pytest.mark.parametrize("y", range(2**255 - 19, 2**255))
def test_a_y_beyond_the_prime_is_not_canonical(y: int) -> None:
    for sign in (0, 1 << 255):
        encoding = (y | sign).to_bytes(32, "little")
        with pytest.raises(BadKey, match="not canonically"):
            check_key(encoding)
        with pytest.raises(BadSignature, match="R is not canonically"):
            verify(KEY.public, encoding + bytes(32), b"")


@given(SEEDS)
def test_a_key_is_a_point_exactly_if_the_curves_equation_has_a_root(encoding: bytes) -> None:
    point = ed25519.decode(encoding)
    canonical = point is not None and ed25519.encode(point) == encoding
    proper = canonical and encoding not in torsion.small_order_encodings()
    try:
        check_key(encoding)
    except BadKey:
        assert not proper
    else:
        assert proper


@given(SEEDS)
def test_what_a_seed_makes_is_a_key_however_it_is_looked_at(seed: bytes) -> None:
    public = SigningKey(seed).public
    check_key(public)
    check_key(bytes(public))
    assert public == bytes(public)
    assert hash(public) == hash(bytes(public))
    assert type(public + b"") is type(public[:]) is bytes


@pytest.mark.parametrize("public", [b"", bytes(31), KEY.public + b"\x00"])
def test_a_key_of_another_length_is_bad(public: bytes) -> None:
    with pytest.raises(BadKey):
        check_key(public)
    with pytest.raises(BadKey):
        verify(public, bytes(64), b"")


def test_a_bad_key_is_told_before_a_bad_signature() -> None:
    with pytest.raises(BadKey):
        verify((2).to_bytes(32, "little"), b"\xff" * 64, b"")


def test_an_s_that_is_not_reduced_is_refused_where_a_lenient_reader_takes_it() -> None:
    signature = KEY.sign("report", b"", b"")
    s = int.from_bytes(signature[33:], "little") + ed25519.L
    high = signature[:33] + s.to_bytes(32, "little")
    with pytest.raises(BadSignature, match="S is not below"):
        verify_signature(KEY.public, high, "report", b"", b"")


@given(SEEDS, st.binary(max_size=70), st.binary(max_size=9))
def test_any_bytes_are_judged_and_never_crash(
    public: bytes, signature: bytes, content: bytes
) -> None:
    for key in (public, KEY.public):
        with suppress(RemoteError):
            verify_signature(key, signature, "report", b"", content)
            raise AssertionError("a forgery was taken")


def test_the_strict_rule_takes_nothing_that_the_library_refuses() -> None:
    signature = KEY.sign("report", b"", b"x")[1:]
    with pytest.raises(InvalidSignature):
        Ed25519PublicKey.from_public_bytes(KEY.public).verify(signature, b"x")
    with pytest.raises(BadSignature, match="does not hold"):
        verify(KEY.public, signature, b"x")


def test_keys_are_fresh_and_keep_their_seed_out_of_sight() -> None:
    key = SigningKey.generate()
    assert key != SigningKey.generate()
    assert key == SigningKey(key.seed)
    assert repr(key) == f"SigningKey(public={key.public!r})"


@pytest.mark.parametrize("length", [0, 31, 33])
def test_a_seed_of_another_length_makes_no_key(length: int) -> None:
    with pytest.raises(LocalBadKey):
        SigningKey(bytes(length))
