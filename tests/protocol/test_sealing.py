"""Sealing to a key and chunked encryption (SPEC 2), against a second implementation."""

import hashlib

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from hypothesis import given
from hypothesis import strategies as st
from tests.make_vectors.independent import chunked, hpke, xwing

from qanat_protocol.errors import BadKey, CannotOpen, LocalBadKey, LocalMalformed
from qanat_protocol.sealing import (
    CHUNK_BYTES,
    ChunkedOpener,
    ChunkedSealer,
    SealingSecret,
    capacity,
    check_sealing_key,
    chunked_length,
    chunked_possible,
    new_content_key,
    seal,
)

SECRET = SealingSecret(bytes(range(32)))
KEY = bytes(range(32))
LENGTHS = [0, 1, 16_383, 16_384, 16_385, 32_767, 32_768, 32_769, 100_000]


def sealed_stream(plain: bytes, piece_bytes: int) -> bytes:
    sealer = ChunkedSealer(KEY, b"context")
    pieces = [plain[at : at + piece_bytes] for at in range(0, len(plain), piece_bytes)]
    return b"".join([*map(sealer.update, pieces), sealer.finish()])


def opened_stream(ciphertext: bytes, piece_bytes: int, context: bytes = b"context") -> bytes:
    opener = ChunkedOpener(KEY, context)
    pieces = [ciphertext[at : at + piece_bytes] for at in range(0, len(ciphertext), piece_bytes)]
    return b"".join([*map(opener.update, pieces), opener.finish()])


def test_what_is_sealed_opens_with_the_secret() -> None:
    sealed = seal(SECRET.public, b"info", b"content key")
    assert len(sealed) == 1136 + 11
    assert SECRET.open(b"info", sealed) == b"content key"
    assert sealed != seal(SECRET.public, b"info", b"content key")


def test_sealing_agrees_with_the_second_implementation() -> None:
    assert SECRET.public == xwing.public_key(SECRET.seed)
    theirs = hpke.seal(SECRET.public, b"info", b"text", eseed=bytes(range(64)))
    assert SECRET.open(b"info", theirs) == b"text"
    assert hpke.open(SECRET.seed, b"info", seal(SECRET.public, b"info", b"text")) == b"text"


def test_what_is_sealed_opens_for_nobody_else() -> None:
    sealed = seal(SECRET.public, b"info", b"x")
    with pytest.raises(CannotOpen):
        SealingSecret.generate().open(b"info", sealed)
    with pytest.raises(CannotOpen):
        SECRET.open(b"other", sealed)


@pytest.mark.parametrize("length", [0, 1, 1119, 1120, 1135, 1136])
def test_a_sealed_text_that_was_cut_does_not_open(length: int) -> None:
    with pytest.raises(CannotOpen):
        SECRET.open(b"info", seal(SECRET.public, b"info", b"x")[:length])


@given(st.integers(0, 1136), st.integers(0, 7))
def test_a_sealed_text_with_any_bit_changed_does_not_open(at: int, bit: int) -> None:
    sealed = bytearray(seal(SECRET.public, b"info", b"x"))
    sealed[at] ^= 1 << bit
    with pytest.raises(CannotOpen):
        SECRET.open(b"info", bytes(sealed))


@given(st.binary(max_size=1300))
def test_any_bytes_open_or_cannot_be_opened(sealed: bytes) -> None:
    with pytest.raises(CannotOpen):
        SECRET.open(b"info", sealed)


def test_a_sealed_text_without_a_real_exchange_does_not_open() -> None:
    sealed = bytearray(seal(SECRET.public, b"info", b"x"))
    sealed[1088:1120] = bytes(32)
    with pytest.raises(CannotOpen):
        SECRET.open(b"info", bytes(sealed))


@pytest.mark.parametrize(
    "public",
    [
        b"",
        SECRET.public[:-1],
        SECRET.public + b"\x00",
        b"\xff" * 1184 + SECRET.public[1184:],
        SECRET.public[:1184] + bytes(32),
        SECRET.public[:1184] + b"\x01" + bytes(31),
    ],
    ids=["empty", "short", "long", "not reduced", "order 4", "order 1"],
)
def test_a_key_that_no_honest_program_makes_is_bad(public: bytes) -> None:
    with pytest.raises(BadKey):
        check_sealing_key(public)
    with pytest.raises(BadKey):
        seal(public, b"", b"")


@pytest.mark.parametrize("number", [2**255 - 19, 2**255 - 10, 2**255 - 1, 2**255 + 9, 2**256 - 1])
def test_a_sealing_key_in_a_form_that_its_holder_does_not_compute_with_is_bad(number: int) -> None:
    public = SealingSecret(bytes(32)).public[:1184] + number.to_bytes(32, "little")
    with pytest.raises(BadKey, match="canonically"):
        check_sealing_key(public)
    with pytest.raises(BadKey, match="canonically"):
        seal(public, b"", b"")


@pytest.mark.parametrize(
    "public",
    [
        bytes(32),
        b"\x01" + bytes(31),
        b"\xec" + b"\xff" * 30 + b"\x7f",
        bytes.fromhex("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"),
        bytes.fromhex("5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157"),
    ],
    ids=["order 2", "1", "-1", "order 8", "the other of order 8"],
)
def test_a_key_with_which_x25519_gives_zeros_is_bad(public: bytes) -> None:
    with pytest.raises(ValueError, match="shared key"):
        X25519PrivateKey.generate().exchange(X25519PublicKey.from_public_bytes(public))
    with pytest.raises(BadKey, match="small order"):
        check_sealing_key(SECRET.public[:1184] + public)


def test_a_sealing_key_checks_out() -> None:
    check_sealing_key(SECRET.public)


def with_coefficient(place: int, coefficient: int) -> bytes:
    packed = int.from_bytes(SECRET.public[:1152], "little")
    packed += (coefficient - (packed >> 12 * place & 0xFFF)) << 12 * place
    return packed.to_bytes(1152, "little") + SECRET.public[1152:]


@pytest.mark.parametrize("place", range(768))
def test_each_coefficient_of_a_sealing_key_is_below_3329(place: int) -> None:
    check_sealing_key(with_coefficient(place, 0))
    check_sealing_key(with_coefficient(place, 3328))
    for beyond in (3329, 4095):
        with pytest.raises(BadKey, match="honest"):
            check_sealing_key(with_coefficient(place, beyond))


@given(st.dictionaries(st.integers(0, 767), st.integers(3300, 3340), max_size=4))
def test_a_sealing_key_is_one_exactly_if_it_can_be_sealed_to(changes: dict[int, int]) -> None:
    packed = int.from_bytes(SECRET.public[:1152], "little")
    for place, coefficient in changes.items():
        packed += (coefficient - (packed >> 12 * place & 0xFFF)) << 12 * place
    public = packed.to_bytes(1152, "little") + SECRET.public[1152:]
    try:
        seal(public, b"", b"")
    except BadKey:
        with pytest.raises(BadKey):
            check_sealing_key(public)
    else:
        check_sealing_key(public)


def test_sealing_secrets_are_fresh_and_keep_their_seed_out_of_sight() -> None:
    secret = SealingSecret.generate()
    assert secret != SealingSecret.generate()
    assert secret == SealingSecret(secret.seed)
    assert repr(secret) == "SealingSecret()"
    assert len(secret.public) == 1216


@pytest.mark.parametrize("length", [0, 31, 33])
def test_a_seed_of_another_length_makes_no_secret(length: int) -> None:
    with pytest.raises(LocalBadKey):
        SealingSecret(bytes(length))


def test_content_keys_are_fresh() -> None:
    keys = {new_content_key() for _ in range(100)}
    assert len(keys) == 100
    assert {len(key) for key in keys} == {32}


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("piece_bytes", [1000, 16_384, 1 << 20])
def test_a_stream_opens_whatever_pieces_it_comes_in(length: int, piece_bytes: int) -> None:
    plain = hashlib.shake_256(b"plain").digest(length)
    ciphertext = sealed_stream(plain, piece_bytes)
    assert len(ciphertext) == chunked_length(length)
    assert opened_stream(ciphertext, piece_bytes) == plain
    assert chunked.decrypt(KEY, b"context", ciphertext) == plain
    assert opened_stream(chunked.encrypt(KEY, b"context", plain, salt=bytes(24)), 7000) == plain


@pytest.mark.parametrize("length", [0, 1, 16_384, 20_000])
def test_a_stream_that_was_cut_or_lengthened_does_not_open(length: int) -> None:
    ciphertext = sealed_stream(bytes(length), 1 << 20)
    cuts = [0, 1, 55, 56, 71, len(ciphertext) - 16, len(ciphertext) - 1]
    for wrong in [ciphertext[:cut] for cut in cuts] + [ciphertext + b"\x00"]:
        with pytest.raises(CannotOpen):
            opened_stream(wrong, 16_384)


def test_a_stream_opens_under_its_context_alone() -> None:
    with pytest.raises(CannotOpen):
        opened_stream(sealed_stream(b"x", 1), 1000, b"other")


def test_an_opener_that_has_failed_goes_on_failing() -> None:
    opener = ChunkedOpener(KEY, b"")
    with pytest.raises(CannotOpen):
        opener.update(bytes(20_000))
    with pytest.raises(CannotOpen):
        opener.update(b"")
    with pytest.raises(CannotOpen):
        opener.finish()


@pytest.mark.parametrize("coder", [ChunkedSealer, ChunkedOpener])
def test_a_content_key_has_32_bytes(coder: type[ChunkedSealer] | type[ChunkedOpener]) -> None:
    with pytest.raises(LocalBadKey):
        coder(bytes(31), b"")


@given(st.integers(0, 2**33))
def test_a_length_of_a_plaintext_comes_back(plain_bytes: int) -> None:
    ciphertext_bytes = chunked_length(plain_bytes)
    assert chunked_possible(ciphertext_bytes)
    assert capacity(ciphertext_bytes) == plain_bytes


def test_the_possible_lengths_are_those_that_some_plaintext_has() -> None:
    possible = {chunked_length(plain) for plain in range(3 * CHUNK_BYTES)}
    for length in range(max(possible)):
        assert chunked_possible(length) == (length in possible)


@pytest.mark.parametrize("length", [-1, 0, 56, 71, 56 + 16_400, 56 + 16_400 + 15])
def test_an_impossible_length_has_no_capacity(length: int) -> None:
    with pytest.raises(LocalMalformed):
        capacity(length)
