"""Two implementations of each primitive, each reading what the other wrote."""

import hashlib

import pytest
from cryptography.cobblestone import Cobblestone256Decryptor, Cobblestone256Encryptor
from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import (
    AEAD,
    KDF,
    KEM,
    MLKEM768X25519PrivateKey,
    MLKEM768X25519PublicKey,
    Suite,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.make_vectors.independent import chunked, ed25519, hpke, merkle, xwing

SUITE = Suite(KEM.MLKEM768_X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)

# kyber-py is plain Python, so there are few examples; no deadline, as the machine may be busy.
slow = settings(max_examples=10, deadline=None)
quick = settings(max_examples=30, deadline=None)

seeds = st.binary(min_size=32, max_size=32)
eseeds = st.binary(min_size=64, max_size=64)
short = st.binary(max_size=200)
# What matters about a length is how far it is from a whole number of chunks.
lengths = st.builds(
    lambda chunks, rest: max(0, chunks * chunked.CHUNK_BYTES + rest),
    st.integers(0, 3),
    st.integers(-17, 17),
)


def private_key(seed: bytes) -> MLKEM768X25519PrivateKey:
    expanded = hashlib.shake_256(seed).digest(96)
    return MLKEM768X25519PrivateKey(
        MLKEM768PrivateKey.from_seed_bytes(expanded[:64]),
        X25519PrivateKey.from_private_bytes(expanded[64:]),
    )


def public_key(raw: bytes) -> MLKEM768X25519PublicKey:
    return MLKEM768X25519PublicKey(
        MLKEM768PublicKey.from_public_bytes(raw[:1184]),
        X25519PublicKey.from_public_bytes(raw[1184:]),
    )


@slow
@given(seed=seeds, eseed=eseeds)
def test_whoever_decapsulates_gets_the_secret_of_whoever_encapsulated(
    seed: bytes, eseed: bytes
) -> None:
    shared, ciphertext = xwing.encapsulate(xwing.public_key(seed), eseed=eseed)
    assert len(ciphertext) == xwing.CIPHERTEXT_BYTES
    assert xwing.decapsulate(seed, ciphertext) == shared
    changed = bytes([ciphertext[0] ^ 1]) + ciphertext[1:]
    assert xwing.decapsulate(seed, changed) != shared


@slow
@given(seed=seeds, eseed=eseeds, info=short, plaintext=short)
def test_the_library_opens_what_the_second_implementation_sealed(
    seed: bytes, eseed: bytes, info: bytes, plaintext: bytes
) -> None:
    sealed = hpke.seal(xwing.public_key(seed), info, plaintext, eseed=eseed)
    assert len(sealed) == len(plaintext) + 1136
    assert SUITE.decrypt(sealed, private_key(seed), info) == plaintext
    with pytest.raises(InvalidTag):
        SUITE.decrypt(sealed, private_key(seed), info + b"!")


@slow
@given(seed=seeds, info=short, plaintext=short)
def test_the_second_implementation_opens_what_the_library_sealed(
    seed: bytes, info: bytes, plaintext: bytes
) -> None:
    sealed = SUITE.encrypt(plaintext, public_key(xwing.public_key(seed)), info)
    assert hpke.open(seed, info, sealed) == plaintext
    with pytest.raises(ValueError, match="does not open"):
        hpke.open(seed, info + b"!", sealed)
    with pytest.raises(ValueError, match="does not open"):
        hpke.open(seed, info, sealed[:-1])


@quick
@given(key=seeds, context=short, salt=st.binary(min_size=24, max_size=24), size=lengths)
def test_the_library_decrypts_chunks_of_the_second_implementation(
    key: bytes, context: bytes, salt: bytes, size: int
) -> None:
    plaintext = hashlib.shake_128(key).digest(size)
    ciphertext = chunked.encrypt(key, context, plaintext, salt=salt)
    assert ciphertext.startswith(salt)
    assert len(ciphertext) == 56 + size + 16 * (size // 16384 + 1)
    decryptor = Cobblestone256Decryptor(key, context)
    assert decryptor.update(ciphertext) + decryptor.finalize() == plaintext


@quick
@given(key=seeds, context=short, size=lengths, cut=st.integers(0, 60_000))
def test_the_second_implementation_decrypts_chunks_of_the_library(
    key: bytes, context: bytes, size: int, cut: int
) -> None:
    plaintext = hashlib.shake_128(key).digest(size)
    encryptor = Cobblestone256Encryptor(key, context)
    ciphertext = encryptor.update(plaintext[:cut]) + encryptor.update(plaintext[cut:])
    ciphertext += encryptor.finalize()
    assert chunked.decrypt(key, context, ciphertext) == plaintext


@quick
@given(key=seeds, size=lengths, data=st.data())
def test_both_refuse_a_chunked_ciphertext_that_is_cut_or_changed_anywhere(
    key: bytes, size: int, data: st.DataObject
) -> None:
    plaintext = hashlib.shake_128(key).digest(size)
    whole = chunked.encrypt(key, b"context", plaintext, salt=bytes(24))
    at = data.draw(st.integers(0, len(whole) - 1))
    changed = bytearray(whole)
    changed[at] ^= data.draw(st.integers(1, 255))
    for wrong in (whole[:at], bytes(changed), whole + bytes(1), whole + whole[56:]):
        with pytest.raises(ValueError):  # noqa: PT011 - each refusal has its own words
            chunked.decrypt(key, b"context", wrong)
        decryptor = Cobblestone256Decryptor(key, b"context")
        # The library's own words for each refusal: a tag, or a message that is cut.
        with pytest.raises((InvalidTag, ValueError)):
            decryptor.update(wrong) + decryptor.finalize()


def test_both_count_chunks_alike_beyond_one_byte() -> None:
    plaintext = bytes(258 * chunked.CHUNK_BYTES + 1)
    ciphertext = chunked.encrypt(bytes(32), b"", plaintext, salt=bytes(24))
    decryptor = Cobblestone256Decryptor(bytes(32), b"")
    assert decryptor.update(ciphertext) + decryptor.finalize() == plaintext


@pytest.mark.parametrize("size", range(1, 40))
def test_every_leaf_of_a_merkle_tree_proves_its_own_place_and_no_other(size: int) -> None:
    leaves = [merkle.leaf_hash(bytes([number])) for number in range(size)]
    root = merkle.root(leaves)
    for index, leaf in enumerate(leaves):
        proof = merkle.inclusion_proof(index, leaves)
        assert merkle.root_from_proof(leaf, index, size, proof) == root
        other = (index + 1) % size
        if other != index:
            try:
                assert merkle.root_from_proof(leaf, other, size, proof) != root
            except ValueError:
                assert len(proof) != len(merkle.inclusion_proof(other, leaves))


@quick
@given(seed=seeds, message=short, data=st.data())
def test_both_agree_on_honest_and_on_damaged_signatures(
    seed: bytes, message: bytes, data: st.DataObject
) -> None:
    signer = Ed25519PrivateKey.from_private_bytes(seed)
    public, signature = signer.public_key().public_bytes_raw(), signer.sign(message)
    assert ed25519.strict_error(public, signature, message) is None
    damaged = bytearray(public + signature)
    damaged[data.draw(st.integers(0, 95))] ^= 1 << data.draw(st.integers(0, 7))
    public, signature = bytes(damaged[:32]), bytes(damaged[32:])
    assert ed25519.strict_error(public, signature, message) is not None
    with pytest.raises((InvalidSignature, ValueError)):
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
