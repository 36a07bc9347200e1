"""Legal sizes (SPEC 3)."""

from math import floor, log2

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qanat_protocol.errors import LocalIllegalSize, LocalMalformed, LocalTooLarge
from qanat_protocol.kinds import Kind, Rendition
from qanat_protocol.sealing import capacity, chunked_possible
from qanat_protocol.sizes import (
    is_legal,
    letter_body_size,
    padme,
    part_body_size,
    public_body_size,
)

SMALL = {4096, 8192, 16_384}
FRONT = {Kind.LETTER: 1168, Kind.REPLY: 1168, Kind.PART: 0}


def all_legal(kind: Kind, most: int) -> list[int]:
    """The rule as SPEC 3 words it, over every size."""
    found = []
    for n in range(1, most + 1):
        if n <= 16_384:
            legal = n in (SMALL if kind is not Kind.PART else {16_384})
        else:
            legal = padme_as_written(n) == n
            if kind in FRONT:
                legal = legal and possible_as_written(n - FRONT[kind])
        if legal:
            found.append(n)
    return found


def padme_as_written(n: int) -> int:
    e = floor(log2(n))
    s = floor(log2(e)) + 1
    m: int = 2 ** (e - s) - 1
    return (n + m) & ~m


def possible_as_written(c: int) -> bool:
    return c >= 72 and (c - 56) % 16_400 >= 16


@given(st.integers(2, 2**34))
def test_padme_is_what_the_specification_says(n: int) -> None:
    assert padme(n) == padme_as_written(n)
    assert padme(padme(n)) == padme(n)
    assert n <= padme(n) <= n * 1.12 + 1


@pytest.mark.parametrize("size", [-1, 0, 1])
def test_padme_begins_at_two_bytes(size: int) -> None:
    with pytest.raises(LocalIllegalSize):
        padme(size)


@pytest.mark.parametrize("kind", Kind)
def test_the_legal_sizes_are_those_of_the_specification(kind: Kind) -> None:
    legal = all_legal(kind, 300_000)
    most = {Kind.LETTER: 262_144, Kind.REPLY: 262_144}.get(kind, 300_000)
    assert [n for n in range(300_001) if is_legal(kind, n)] == [n for n in legal if n <= most]


@pytest.mark.parametrize(
    ("kind", "largest"),
    [
        (Kind.LETTER, 262_144),
        (Kind.REPLY, 262_144),
        (Kind.PART, 2**30),
        (Kind.PUBLIC, 1_048_576),
    ],
)
def test_each_kind_has_a_largest_body(kind: Kind, largest: int) -> None:
    assert is_legal(kind, largest)
    above = padme(largest + 1)
    while kind in FRONT and not chunked_possible(above - FRONT[kind]):
        above = padme(above + 1)
    assert not is_legal(kind, above)
    assert not is_legal(kind, 2**64 - 1)


def test_a_sealer_takes_the_smallest_letter_that_holds_its_content() -> None:
    sizes = all_legal(Kind.LETTER, 262_144)
    for body, below in zip(sizes[1:], sizes, strict=False):
        fits = capacity(body - 1168) - 71
        assert letter_body_size(fits) == body
        assert letter_body_size(capacity(below - 1168) - 71 + 1) == body
    assert letter_body_size(0) == 4096
    with pytest.raises(LocalTooLarge):
        letter_body_size(capacity(262_144 - 1168) - 71 + 1)


def test_a_sealer_takes_the_smallest_part_that_holds_its_data() -> None:
    sizes = all_legal(Kind.PART, 300_000)
    for body, below in zip(sizes[1:], sizes, strict=False):
        assert part_body_size(capacity(body), Rendition.ORIGINAL) == body
        assert part_body_size(capacity(below) + 1, Rendition.ORIGINAL) == body
    assert part_body_size(0, Rendition.ORIGINAL) == 16_384
    assert part_body_size(capacity(2**30), Rendition.ORIGINAL) == 2**30
    with pytest.raises(LocalTooLarge):
        part_body_size(capacity(2**30) + 1, Rendition.ORIGINAL)


def test_a_size_that_chunked_encryption_cannot_have_is_skipped() -> None:
    # 64 MiB is a size of Padme's, but leaves 15 bytes or fewer for the last chunk and its tag.
    assert padme(2**26) == 2**26
    assert not is_legal(Kind.PART, 2**26)
    below, above = 2**26 - 2**20, 2**26 + 2**21
    assert is_legal(Kind.PART, below)
    assert part_body_size(capacity(below), Rendition.ORIGINAL) == below
    assert part_body_size(capacity(below) + 1, Rendition.ORIGINAL) == above


@given(st.integers(0, 2**30 - 2**23))
def test_every_part_has_a_legal_body_that_holds_it(length: int) -> None:
    body = part_body_size(length, Rendition.ORIGINAL)
    assert is_legal(Kind.PART, body)
    assert capacity(body) >= length


@pytest.mark.parametrize(
    ("rendition", "body", "most"),
    [(Rendition.THUMBNAIL, 16_384, 15_360), (Rendition.PREVIEW, 131_072, 130_048)],
)
def test_pictures_have_one_size(rendition: Rendition, body: int, most: int) -> None:
    assert part_body_size(0, rendition) == part_body_size(most, rendition) == body
    assert capacity(body) >= most
    with pytest.raises(LocalTooLarge):
        part_body_size(most + 1, rendition)


@pytest.mark.parametrize("rendition", Rendition)
def test_a_part_has_no_negative_length(rendition: Rendition) -> None:
    with pytest.raises(LocalMalformed):
        part_body_size(-1, rendition)


@given(st.integers(0, 1_048_572))
def test_every_public_document_has_a_legal_body_that_holds_it(envelope_bytes: int) -> None:
    body = public_body_size(envelope_bytes)
    assert is_legal(Kind.PUBLIC, body)
    assert body >= envelope_bytes + 4


def test_a_public_document_has_a_largest_size() -> None:
    assert public_body_size(1_048_572) == 1_048_576
    with pytest.raises(LocalTooLarge):
        public_body_size(1_048_573)
