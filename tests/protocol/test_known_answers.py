"""Published answers, each against the library that Qanat uses and against the second opinion."""

import hashlib
import json
import zlib
from pathlib import Path
from typing import Any

import pytest
from cryptography.cobblestone import Cobblestone256Decryptor
from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.bindings._rust import openssl as rust_openssl
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, MLKEM768X25519PrivateKey, Suite
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from cryptography.hazmat.primitives.kdf.hkdf import HKDF, HKDFExpand
from tests.make_vectors.independent import chunked, ed25519, hpke, merkle, torsion, xwing

from qanat_protocol import errors, signing

Case = dict[str, Any]

KNOWN = Path(__file__).parents[2] / "protocol" / "vectors" / "known"
_CASES = {path.stem: json.loads(path.read_text())["cases"] for path in sorted(KNOWN.glob("*.json"))}
_AEADS = {2: AEAD.AES_256_GCM, 3: AEAD.CHACHA20_POLY1305}


def each(primitive: str, **wanted: str) -> pytest.MarkDecorator:
    """The test once for each case of a file, or of those whose fields are as wanted."""
    cases = [
        case
        for case in _CASES[primitive]
        if all(case.get(field) == value for field, value in wanted.items())
    ]
    assert cases
    return pytest.mark.parametrize("case", cases, ids=[case["name"] for case in cases])


def unhex(case: Case, *fields: str) -> list[bytes]:
    return [bytes.fromhex(case[field]) for field in fields]


def composite(seed: bytes) -> MLKEM768X25519PrivateKey:
    expanded = hashlib.shake_256(seed).digest(96)
    return MLKEM768X25519PrivateKey(
        MLKEM768PrivateKey.from_seed_bytes(expanded[:64]),
        X25519PrivateKey.from_private_bytes(expanded[64:]),
    )


def test_every_file_says_where_its_answers_come_from() -> None:
    expected = {"argon2id", "chunked", "ed25519", "hkdf", "hpke", "merkle", "mod97", "xwing"}
    assert set(_CASES) == expected
    for path in KNOWN.glob("*.json"):
        known = json.loads(path.read_text())
        assert set(known) == {"comment", "source", "cases"}
        assert known["source"]
        assert {case["verdict"] for case in known["cases"]} <= {"ok", "reject"}
        assert len({case["name"] for case in known["cases"]}) == len(known["cases"])


@each("xwing")
def test_the_seed_of_an_x_wing_key_expands_to_the_published_public_key(case: Case) -> None:
    seed, public_key = unhex(case, "seed", "public_key")
    expanded = hashlib.shake_256(seed).digest(96)
    mlkem_key = MLKEM768PrivateKey.from_seed_bytes(expanded[:64]).public_key()
    x25519_key = X25519PrivateKey.from_private_bytes(expanded[64:]).public_key()
    assert mlkem_key.public_bytes_raw() + x25519_key.public_bytes_raw() == public_key
    assert xwing.public_key(seed) == public_key


@each("xwing")
def test_the_library_s_parts_of_x_wing_lead_to_the_published_secret(case: Case) -> None:
    seed, public_key, ciphertext, shared = unhex(
        case, "seed", "public_key", "ciphertext", "shared_secret"
    )
    expanded = hashlib.shake_256(seed).digest(96)
    mlkem_shared = MLKEM768PrivateKey.from_seed_bytes(expanded[:64]).decapsulate(ciphertext[:1088])
    ephemeral = X25519PublicKey.from_public_bytes(ciphertext[1088:])
    x25519_shared = X25519PrivateKey.from_private_bytes(expanded[64:]).exchange(ephemeral)
    tail = ciphertext[1088:] + public_key[1184:] + bytes.fromhex("5c2e2f2f5e5c")
    assert hashlib.sha3_256(mlkem_shared + x25519_shared + tail).digest() == shared


@each("xwing")
def test_derandomised_encapsulation_gives_the_published_ciphertext_and_secret(case: Case) -> None:
    public_key, eseed, ciphertext, shared = unhex(
        case, "public_key", "eseed", "ciphertext", "shared_secret"
    )
    assert xwing.encapsulate(public_key, eseed=eseed) == (shared, ciphertext)


@each("xwing")
def test_decapsulation_gives_the_published_secret(case: Case) -> None:
    seed, ciphertext, shared = unhex(case, "seed", "ciphertext", "shared_secret")
    assert xwing.decapsulate(seed, ciphertext) == shared


@each("xwing")
def test_the_library_opens_what_is_sealed_with_the_published_randomness(case: Case) -> None:
    seed, public_key, eseed = unhex(case, "seed", "public_key", "eseed")
    sealed = hpke.seal(public_key, b"info", b"words", eseed=eseed)
    assert sealed[: xwing.CIPHERTEXT_BYTES].hex() == case["ciphertext"]
    suite = Suite(KEM.MLKEM768_X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
    assert suite.decrypt(sealed, composite(seed), b"info") == b"words"


@each("hpke")
def test_the_library_s_hpke_agrees_with_the_published_messages(case: Case) -> None:
    secret, info, aad, enc, ciphertext = unhex(
        case, "private_key", "info", "aad", "enc", "ciphertext"
    )
    if case["kem_id"] == hpke.KEM_XWING:
        key: X25519PrivateKey | MLKEM768X25519PrivateKey
        kem, key = KEM.MLKEM768_X25519, composite(secret)
    else:
        kem, key = KEM.X25519, X25519PrivateKey.from_private_bytes(secret)
    suite = Suite(kem, KDF.HKDF_SHA256, _AEADS[case["aead_id"]])

    # The public method takes no AAD, and every published message has one.
    def opened() -> bytes:
        return rust_openssl.hpke._decrypt_with_aad(suite, enc + ciphertext, key, info, aad)

    if case["verdict"] == "ok":
        assert opened().hex() == case["plaintext"]
    else:
        with pytest.raises(InvalidTag):
            opened()


@each("hpke", verdict="ok")
def test_the_key_schedule_gives_the_published_key_and_nonce(case: Case) -> None:
    shared, info, key, nonce = unhex(case, "shared_secret", "info", "key", "base_nonce")
    numbers = {"kem_id": case["kem_id"], "aead_id": case["aead_id"]}
    assert hpke.key_schedule(shared, info, **numbers) == (key, nonce)


def _ciphertext(case: Case) -> bytes:
    if "ciphertext_zlib" in case:
        return zlib.decompress(bytes.fromhex(case["ciphertext_zlib"]))
    return bytes.fromhex(case["ciphertext"])


def _open_with_library(key: bytes, context: bytes, ciphertext: bytes) -> bytes:
    try:
        decryptor = Cobblestone256Decryptor(key, context)
        return decryptor.update(ciphertext) + decryptor.finalize()
    except InvalidTag as error:
        raise ValueError("it does not open") from error


@pytest.mark.parametrize("opened", [_open_with_library, chunked.decrypt])
@each("chunked")
def test_chunked_ciphertexts_open_or_are_refused_as_published(case: Case, opened: Any) -> None:
    key, context = unhex(case, "key", "context")
    if case["verdict"] == "ok":
        plaintext = opened(key, context, _ciphertext(case))
        assert len(plaintext) == case["plaintext_size_bytes"]
        assert hashlib.sha512(plaintext).hexdigest() == case["plaintext_sha512"]
    else:
        with pytest.raises(ValueError):  # noqa: PT011 - the library's words are its own
            opened(key, context, _ciphertext(case))


@each("chunked", verdict="ok")
def test_chunked_encryption_gives_the_published_bytes_under_the_same_salt(case: Case) -> None:
    key, context = unhex(case, "key", "context")
    ciphertext = _ciphertext(case)
    plaintext = _open_with_library(key, context, ciphertext)
    assert chunked.encrypt(key, context, plaintext, salt=ciphertext[:24]) == ciphertext


@each("ed25519")
def test_our_strict_verifier_gives_the_required_verdict(case: Case) -> None:
    public_key, signature, message = unhex(case, "public_key", "signature", "message")
    if case["verdict"] == "ok":
        signing.verify(public_key, signature, message)
        return
    expected = {"bad_key": errors.BadKey, "bad_signature": errors.BadSignature}[case["error"]]
    assert issubclass(expected, errors.ProtocolError)
    with pytest.raises(expected):
        signing.verify(public_key, signature, message)


@each("ed25519")
def test_the_second_opinion_on_signatures_gives_the_required_verdict(case: Case) -> None:
    arguments = unhex(case, "public_key", "signature", "message")
    assert ed25519.strict_error(*arguments) == case.get("error")
    assert (case["verdict"] == "reject") == ("error" in case)
    assert ed25519.equation_holds(*arguments) == (case["equation"] == "holds")


@each("ed25519", verdict="ok")
def test_the_library_accepts_what_the_strict_rule_accepts(case: Case) -> None:
    public_key, signature, message = unhex(case, "public_key", "signature", "message")
    Ed25519PublicKey.from_public_bytes(public_key).verify(signature, message)
    if "seed" in case:
        signer = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(case["seed"]))
        assert signer.public_key().public_bytes_raw() == public_key
        assert signer.sign(message) == signature


@each("ed25519", equation="fails")
def test_the_library_refuses_what_does_not_satisfy_the_equation(case: Case) -> None:
    public_key, signature, message = unhex(case, "public_key", "signature", "message")
    with pytest.raises((InvalidSignature, ValueError)):
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, message)


def test_the_forged_cases_cover_every_encoding_of_a_small_order_point() -> None:
    def named(prefix: str) -> list[Case]:
        return [case for case in _CASES["ed25519"] if case["name"].startswith(prefix)]

    encodings = torsion.small_order_encodings()
    assert len(encodings) == 14
    assert sum(ed25519.is_canonical(encoding) for encoding in encodings) == 8
    for encoding, case in zip(encodings, named("small-order A"), strict=True):
        signature, message = torsion.forge_key(encoding)
        assert unhex(case, "public_key", "signature", "message") == [encoding, signature, message]
    for encoding, case in zip(encodings, named("small-order R"), strict=True):
        public_key, signature, message = torsion.forge_r(encoding)
        assert unhex(case, "public_key", "signature", "message") == [public_key, signature, message]
        assert signature[:32] == encoding


@each("merkle", kind="root")
def test_a_merkle_tree_has_the_published_root(case: Case) -> None:
    leaves = [merkle.leaf_hash(bytes.fromhex(entry)) for entry in case["entries"]]
    assert merkle.root(leaves).hex() == case["root"]


@each("merkle", kind="inclusion")
def test_an_inclusion_proof_gets_the_published_verdict(case: Case) -> None:
    leaf = merkle.leaf_hash(bytes.fromhex(case["entry"]))
    proof = [bytes.fromhex(node) for node in case["proof"]]
    try:
        found = merkle.root_from_proof(leaf, case["index"], case["size"], proof)
        verdict = "ok" if found.hex() == case["root"] else "reject"
    except ValueError:
        verdict = "reject"
    assert verdict == case["verdict"]


@each("merkle", kind="inclusion", verdict="ok")
def test_the_proof_that_the_definition_gives_is_the_published_one(case: Case) -> None:
    entries = max((root["entries"] for root in _CASES["merkle"] if "entries" in root), key=len)
    leaves = [merkle.leaf_hash(bytes.fromhex(entry)) for entry in entries[: case["size"]]]
    assert [node.hex() for node in merkle.inclusion_proof(case["index"], leaves)] == case["proof"]


@each("hkdf")
def test_hkdf_gives_the_published_key_material(case: Case) -> None:
    ikm, salt, info, prk = unhex(case, "ikm", "salt", "info", "prk")
    size = case["size_bytes"]
    assert HKDF(hashes.SHA256(), size, salt, info).derive(ikm).hex() == case["okm"]
    assert HKDFExpand(hashes.SHA256(), size, info).derive(prk).hex() == case["okm"]


@each("argon2id")
def test_argon2id_gives_the_published_tag(case: Case) -> None:
    password, salt, secret, ad = unhex(case, "password", "salt", "secret", "ad")
    argon2id = Argon2id(
        salt=salt,
        length=case["size_bytes"],
        iterations=case["iterations"],
        lanes=case["lanes"],
        memory_cost=case["memory_kib"],
        ad=ad or None,
        secret=secret or None,
    )
    assert argon2id.derive(password).hex() == case["tag"]


@each("mod97")
def test_check_digits_get_the_published_verdict(case: Case) -> None:
    number = int(case["digits"])
    right = int(case["digits"] + case["check"]) % 97 == 1
    assert right == (case["verdict"] == "ok")
    assert (f"{98 - number * 100 % 97:02}" == case["check"]) == right
