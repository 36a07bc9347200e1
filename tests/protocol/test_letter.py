"""Letters (SPEC 5): what opens, and every way in which one does not."""

import hashlib
import random
import tracemalloc
import zlib
from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qanat_protocol.errors import (
    BadKey,
    BadLock,
    BadPadding,
    CannotOpen,
    LocalError,
    LocalIllegalFlags,
    LocalMalformed,
    LocalTooLarge,
    LocalUnknownKind,
    Malformed,
    RemoteError,
    TooLarge,
    UnknownKind,
)
from qanat_protocol.hashing import sha256
from qanat_protocol.labels import label
from qanat_protocol.letter import (
    LetterType,
    OpenLetter,
    Sealed,
    open_letter,
    seal_dummy,
    seal_letter,
)
from qanat_protocol.merkle import leaf_hash, root_of
from qanat_protocol.parcel import Header, Kind, parse_header
from qanat_protocol.sealing import ChunkedOpener, ChunkedSealer, SealingSecret, capacity, seal
from qanat_protocol.sizes import is_legal
from qanat_protocol.tombstone import lock_of

SECRET = SealingSecret(bytes(range(32)))
SIGNATURE = b"\x01" + bytes(range(64))
KEY = b"k" * 32


def sealed(
    content: bytes,
    *,
    kind: Kind = Kind.LETTER,
    urgent: bool = False,
    letter_type: LetterType = LetterType.REPORT,
    signature: bytes = SIGNATURE,
) -> Sealed:
    return seal_letter(
        kind=kind,
        urgent=urgent,
        tag=b"t" * 16,
        expiry_day=19_100,
        recipient=SECRET.public,
        letter_type=letter_type,
        content=content,
        sign=lambda _: signature,
    )


def forged(
    plain: bytes,
    *,
    body_size: int = 4096,
    lock: bytes | None = None,
    content_key: bytes = KEY,
    fill: bool = True,
) -> Sealed:
    """A letter that is honest in all but its plain: what a hostile sender can make."""
    header = Header(
        Kind.LETTER,
        urgent=False,
        expiry_day=19_100,
        body_size=body_size,
        tag=b"t" * 16,
        lock=lock_of(KEY) if lock is None else lock,
        root=bytes(32),
    )
    if fill:
        plain = plain.ljust(capacity(body_size - 1168), b"\x00")
    front = seal(SECRET.public, header.bind + sha256(SECRET.public), content_key)
    stream = ChunkedSealer(KEY, label("content") + header.bind)
    return Sealed(header, front + stream.update(plain) + stream.finish())


def plain_of(coded: bytes, *, letter_type: int = 1, coding: int = 0, n: int | None = None) -> bytes:
    claimed = len(coded) if n is None else n
    return bytes([letter_type, coding]) + claimed.to_bytes(4, "big") + SIGNATURE + coded


def deflated(content: bytes) -> bytes:
    compressor = zlib.compressobj(level=9, wbits=-15)
    return compressor.compress(content) + compressor.flush()


def coding_of(letter: Sealed) -> int:
    """The coding that its sealer chose, which no caller of `open_letter` is told."""
    stream = ChunkedOpener(opened(letter).content_key, label("content") + letter.header.bind)
    return (stream.update(letter.body[1168:]) + stream.finish())[1]


def opened(letter: Sealed) -> OpenLetter:
    return open_letter(letter.header, letter.body, SECRET)


def random_bytes(length: int) -> bytes:
    return random.Random(length).randbytes(length)


@pytest.mark.parametrize("letter_type", LetterType)
@pytest.mark.parametrize("kind", [Kind.LETTER, Kind.REPLY])
@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"x",
        "Площадь, 20:15. ".encode() * 400,
        random_bytes(5000),
        random_bytes(196_608),
        bytes(196_608),
    ],
    ids=["empty", "one", "text", "random", "largest", "largest text"],
)
def test_a_letter_opens_to_what_was_sealed(
    kind: Kind, letter_type: LetterType, content: bytes
) -> None:
    letter = sealed(content, kind=kind, letter_type=letter_type)
    found = opened(letter)
    assert found.letter_type is letter_type
    assert found.content == content
    assert found.signature == SIGNATURE
    assert lock_of(found.content_key) == letter.header.lock
    assert letter.header.kind is kind


@given(st.binary(max_size=3000), st.booleans())
@settings(max_examples=30)
def test_a_sealed_letter_is_a_parcel_as_relays_take_it(content: bytes, urgent: bool) -> None:
    letter = sealed(content, urgent=urgent)
    assert parse_header(letter.header.encode()) == letter.header
    assert letter.header.urgent is urgent
    assert len(letter.body) == letter.header.body_size
    assert is_legal(Kind.LETTER, len(letter.body))


def test_the_root_in_the_header_is_that_of_the_bodys_blocks() -> None:
    letter = sealed(random_bytes(100_000))
    blocks = [letter.body[at : at + 16_384] for at in range(0, len(letter.body), 16_384)]
    assert letter.header.root == root_of([leaf_hash(block) for block in blocks])


def test_the_signer_is_given_the_bind_of_the_header_that_comes_out() -> None:
    binds: list[bytes] = []

    def sign(bind: bytes) -> bytes:
        binds.append(bind)
        return hashlib.shake_256(bind).digest(65)

    letter = seal_letter(
        kind=Kind.REPLY,
        urgent=True,
        tag=b"t" * 16,
        expiry_day=19_100,
        recipient=SECRET.public,
        letter_type=LetterType.REPLY,
        content=b"content",
        sign=sign,
    )
    assert binds == [letter.header.bind]
    assert opened(letter).signature == hashlib.shake_256(letter.header.bind).digest(65)


def test_text_is_deflated_and_what_does_not_shrink_is_not() -> None:
    assert len(sealed(b"a" * 150_000).body) == 4096
    assert len(sealed(random_bytes(2600)).body) == 4096


def test_what_fits_the_smallest_body_is_sealed_as_it_is() -> None:
    fits = capacity(4096 - 1168) - 71
    for length, coding in [(0, 0), (fits, 0), (fits + 1, 1)]:
        letter = sealed(b"a" * length)
        assert len(letter.body) == 4096
        assert coding_of(letter) == coding
        assert opened(letter).content == b"a" * length


def test_two_letters_of_one_content_have_nothing_in_common() -> None:
    one, other = sealed(b"same"), sealed(b"same")
    assert one.header.lock != other.header.lock
    assert one.header.parcel_id != other.header.parcel_id
    assert opened(one).content_key != opened(other).content_key


def test_a_letter_opens_for_its_recipient_alone() -> None:
    letter = sealed(b"x")
    with pytest.raises(CannotOpen):
        open_letter(letter.header, letter.body, SealingSecret.generate())


@pytest.mark.parametrize(
    "fields",
    [
        {"kind": Kind.REPLY},
        {"urgent": True},
        {"expiry_day": 19_101},
        {"tag": b"u" * 16},
        {"lock": b"l" * 32},
    ],
    ids=lambda fields: next(iter(fields)),
)
def test_a_body_under_another_header_does_not_open(fields: dict[str, object]) -> None:
    letter = sealed(b"x")
    with pytest.raises(CannotOpen):
        open_letter(replace(letter.header, **fields), letter.body, SECRET)  # type: ignore[arg-type]


@given(st.integers(0, 4095), st.integers(1, 255))
@settings(max_examples=60)
def test_a_body_with_any_byte_changed_does_not_open(at: int, change: int) -> None:
    letter = sealed(b"x")
    body = bytearray(letter.body)
    body[at] ^= change
    with pytest.raises(CannotOpen):
        open_letter(letter.header, bytes(body), SECRET)


@pytest.mark.parametrize("length", [0, 1167, 1168, 4095])
def test_a_body_that_was_cut_does_not_open(length: int) -> None:
    letter = sealed(b"x")
    with pytest.raises(CannotOpen):
        open_letter(letter.header, letter.body[:length], SECRET)


def test_a_body_with_something_behind_it_does_not_open() -> None:
    letter = sealed(b"x")
    with pytest.raises(CannotOpen):
        open_letter(letter.header, letter.body + b"\x00", SECRET)


@pytest.mark.parametrize("kind", [Kind.PART, Kind.PUBLIC])
def test_what_is_no_letter_is_not_opened_or_sealed_as_one(kind: Kind) -> None:
    letter = sealed(random_bytes(9000))
    header = replace(letter.header, kind=kind, body_size=16_384)
    with pytest.raises(UnknownKind):
        open_letter(header, letter.body, SECRET)
    with pytest.raises(LocalUnknownKind):
        sealed(b"x", kind=kind)


def test_a_content_key_that_does_not_match_the_lock_is_told() -> None:
    with pytest.raises(BadLock):
        opened(forged(plain_of(b""), lock=bytes(32)))


@pytest.mark.parametrize("length", [31, 33])
def test_a_content_key_of_another_length_is_refused(length: int) -> None:
    # The sealed key is then a byte too short or too long, and so is what is taken for it.
    letter = forged(plain_of(b""), content_key=bytes(length))
    body = letter.body[:4096].ljust(4096, b"\x00")
    with pytest.raises(CannotOpen):
        open_letter(letter.header, body, SECRET)


def test_forged_letters_are_honest_but_for_what_each_test_changes() -> None:
    assert opened(forged(plain_of(b"content"))).content == b"content"
    assert opened(forged(plain_of(deflated(b"content"), coding=1))).content == b"content"


CAPACITY = capacity(4096 - 1168)


def test_a_letter_may_fill_its_body_and_claim_no_more() -> None:
    full = random_bytes(CAPACITY - 71)
    assert opened(forged(plain_of(full))).content == full
    for n in (CAPACITY - 71 + 1, 2**31, 2**32 - 1):
        with pytest.raises(Malformed):
            opened(forged(plain_of(b"", n=n)))


@pytest.mark.parametrize("at", [71 + 5, 71 + 6, CAPACITY - 1])
def test_whatever_stands_behind_the_content_is_bad_padding(at: int) -> None:
    plain = bytearray(plain_of(b"12345").ljust(CAPACITY, b"\x00"))
    plain[at] = 1
    with pytest.raises(BadPadding):
        opened(forged(bytes(plain)))


@pytest.mark.parametrize("letter_type", [0, 4, 255])
def test_a_type_that_is_not_known_is_named(letter_type: int) -> None:
    with pytest.raises(UnknownKind, match=f"type {letter_type}"):
        opened(forged(plain_of(b"x", letter_type=letter_type)))


@pytest.mark.parametrize(
    ("coding", "coded"),
    [
        (2, b"x"),
        (255, b"x"),
        (1, b""),
        (1, b"\xff\xff\xff"),
        (1, deflated(b"some content")[:-1]),
        (1, deflated(b"some content") + b"\x00"),
        (1, zlib.compress(b"some content")),
        (1, deflated(bytes(196_608)) + b"\x00"),
    ],
    ids=["2", "255", "nothing", "noise", "cut", "more behind", "zlib", "more behind the largest"],
)
def test_a_coding_that_does_not_end_exactly_is_malformed(coding: int, coded: bytes) -> None:
    with pytest.raises(Malformed):
        opened(forged(plain_of(coded, coding=coding)))


def test_a_deflate_bomb_is_too_large_and_is_not_inflated() -> None:
    bomb = deflated(bytes(100 << 20))
    letter = forged(plain_of(bomb, coding=1), body_size=262_144)
    tracemalloc.start()
    try:
        with pytest.raises(TooLarge):
            opened(letter)
        assert tracemalloc.get_traced_memory()[1] < 2 << 20
    finally:
        tracemalloc.stop()


def test_content_may_be_of_the_largest_size_and_no_larger() -> None:
    largest = bytes(196_608)
    assert opened(forged(plain_of(deflated(largest), coding=1))).content == largest
    for coding, coded in [(1, deflated(largest + b"\x00")), (0, largest + b"\x00")]:
        with pytest.raises(TooLarge):
            opened(forged(plain_of(coded, coding=coding), body_size=262_144))
    with pytest.raises(LocalTooLarge):
        sealed(largest + b"\x00")


def test_what_is_wrong_is_told_in_the_order_of_the_specification() -> None:
    # Content cut short, padding, coding, type: each is told before the next.
    wrong = plain_of(b"x", letter_type=9, coding=9, n=5000) + b"\x01"
    with pytest.raises(Malformed, match="more content than fits"):
        opened(forged(wrong))
    with pytest.raises(BadPadding):
        opened(forged(plain_of(b"x", letter_type=9, coding=9) + b"\x01"))
    with pytest.raises(Malformed, match="coding 9"):
        opened(forged(plain_of(b"x", letter_type=9, coding=9)))


@given(st.binary(max_size=CAPACITY))
@settings(max_examples=150)
def test_any_plain_opens_or_is_refused(plain: bytes) -> None:
    letter = forged(plain)
    with suppress(RemoteError):
        found = opened(letter)
        assert found.letter_type == plain[0]


@given(st.binary(max_size=300))
@settings(max_examples=150)
def test_any_deflated_content_opens_or_is_refused(coded: bytes) -> None:
    with suppress(RemoteError):
        assert len(opened(forged(plain_of(coded, coding=1))).content) <= 196_608


@given(st.binary(max_size=5000))
@settings(max_examples=40)
def test_any_body_cannot_be_opened(body: bytes) -> None:
    header = sealed(b"x").header
    for candidate in (body, body[:4096].ljust(4096, b"\x00")):
        with pytest.raises(CannotOpen):
            open_letter(header, candidate, SECRET)


@pytest.mark.parametrize("length", [0, 64, 66])
def test_a_signature_of_another_length_is_not_sealed(length: int) -> None:
    with pytest.raises(LocalMalformed):
        sealed(b"x", signature=bytes(length))


def test_a_letter_is_not_sealed_to_a_bad_key() -> None:
    with pytest.raises(BadKey):
        seal_letter(
            kind=Kind.LETTER,
            urgent=False,
            tag=bytes(16),
            expiry_day=1,
            recipient=bytes(1216)[:-1],
            letter_type=LetterType.NOTE,
            content=b"",
            sign=lambda _: SIGNATURE,
        )


def test_a_dummy_is_a_reply_that_tells_nothing() -> None:
    dummy, other = seal_dummy(today=19_000), seal_dummy(today=19_000)
    assert dummy.header.kind is Kind.REPLY
    assert not dummy.header.urgent
    assert dummy.header.body_size == len(dummy.body) == 4096
    # Day 19,000 is a Saturday; the week ends on the next day.
    assert dummy.header.expiry_day == 19_001 + 30
    assert dummy.header.tag != other.header.tag
    with pytest.raises(CannotOpen):
        open_letter(dummy.header, dummy.body, SECRET)


def test_a_dummy_is_as_large_as_the_reply_beside_it() -> None:
    for size in (4096, 8192, 16_384, 17_408):
        dummy = seal_dummy(today=19_000, body_size=size)
        assert dummy.header.body_size == len(dummy.body) == size
    with pytest.raises(LocalError):
        seal_dummy(today=19_000, body_size=5000)


def test_a_dummy_sealed_to_a_known_key_opens_as_an_empty_note() -> None:
    letter = sealed(b"", kind=Kind.REPLY, letter_type=LetterType.NOTE, signature=bytes(65))
    found = opened(letter)
    assert (found.letter_type, found.content, found.signature) == (LetterType.NOTE, b"", bytes(65))


def test_only_a_letter_can_be_urgent() -> None:
    with pytest.raises(LocalIllegalFlags):
        replace(sealed(random_bytes(9000)).header, kind=Kind.PUBLIC, urgent=True)
