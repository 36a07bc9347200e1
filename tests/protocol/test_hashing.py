"""Hashes, derivations and their labels (SPEC 1)."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand
from hypothesis import example, given
from hypothesis import strategies as st

from qanat_protocol.errors import LocalMalformed
from qanat_protocol.hashing import expand, sha256, u32
from qanat_protocol.labels import label

KNOWN = Path(__file__).parents[2] / "protocol" / "vectors" / "known" / "hkdf.json"
CASES = json.loads(KNOWN.read_text())["cases"]


def test_a_label_ends_in_a_zero_byte() -> None:
    assert label("bind") == b"qanat/1/bind\x00"


def test_parts_are_hashed_one_after_the_other() -> None:
    assert sha256() == hashlib.sha256(b"").digest()
    assert sha256(b"a", bytearray(b"b"), memoryview(b"c")) == hashlib.sha256(b"abc").digest()


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_expansion_gives_the_published_answers(case: dict[str, Any]) -> None:
    prk, info, okm = (bytes.fromhex(case[name]) for name in ("prk", "info", "okm"))
    assert expand(prk, info, case["size_bytes"]) == okm


@given(st.binary(min_size=1, max_size=64), st.binary(max_size=64), st.integers(1, 8160))
@example(b"k", b"", 1)
@example(b"k", b"", 8160)
def test_expansion_agrees_with_the_librarys(key: bytes, info: bytes, length: int) -> None:
    assert expand(key, info, length) == HKDFExpand(hashes.SHA256(), length, info).derive(key)


@pytest.mark.parametrize("length", [-1, 0, 8161])
def test_an_expansion_to_an_impossible_length_is_refused(length: int) -> None:
    with pytest.raises(LocalMalformed):
        expand(bytes(32), b"", length)


def test_a_number_enters_as_four_bytes_or_not_at_all() -> None:
    assert u32(0) == bytes(4)
    assert u32(2**32 - 1) == b"\xff" * 4
    for number in (-1, 2**32, 2**53):
        with pytest.raises(LocalMalformed, match="2\\^32 - 1"):
            u32(number)
