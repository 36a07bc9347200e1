"""Parts (SPEC 6): streams in constant memory."""

import hashlib
import random
import tracemalloc
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.make_vectors.independent import chunked

from qanat_protocol.errors import (
    BadHash,
    BadLock,
    BadPadding,
    CannotOpen,
    LocalMalformed,
    LocalTooLarge,
    Malformed,
    RemoteError,
    UnknownKind,
)
from qanat_protocol.labels import label
from qanat_protocol.merkle import leaf_hash, root_of
from qanat_protocol.parcel import Header, Kind, Rank, parse_header, rank_of
from qanat_protocol.part import PartOpener, PartSealer, Rendition
from qanat_protocol.sealing import ChunkedSealer, capacity
from qanat_protocol.sizes import part_body_size
from qanat_protocol.tombstone import lock_of

KEY = b"k" * 32
MIB = 1 << 20


def sealer(length: int, rendition: Rendition = Rendition.ORIGINAL) -> PartSealer:
    return PartSealer(tag=b"t" * 16, expiry_day=19_100, length=length, rendition=rendition)


def pieces(data: bytes, piece_bytes: int) -> Iterator[bytes]:
    return (data[at : at + piece_bytes] for at in range(0, len(data), piece_bytes))


def sealed(
    data: bytes, piece_bytes: int = 100_000, rendition: Rendition = Rendition.ORIGINAL
) -> tuple[PartSealer, list[bytes]]:
    part = sealer(len(data), rendition)
    return part, [block.data for block in part.blocks(pieces(data, piece_bytes))]


def opener(part: PartSealer, length: int) -> PartOpener:
    return PartOpener(part.header, part.content_key, length, part.sha256)


def forged(plain: bytes, body_size: int = 16_384) -> tuple[Header, list[bytes]]:
    """A part that is honest in all but its plain: what a hostile sender can make."""
    header = Header(
        Kind.PART,
        urgent=False,
        expiry_day=19_100,
        body_size=body_size,
        tag=b"t" * 16,
        lock=lock_of(KEY),
        root=bytes(32),
    )
    stream = ChunkedSealer(KEY, label("content") + header.bind)
    body = stream.update(plain) + stream.finish()
    return header, list(pieces(body, 16_384))


def opened(header: Header, blocks: Iterable[bytes], length: int, sha256: bytes) -> bytes:
    return b"".join(PartOpener(header, KEY, length, sha256).data(blocks))


def random_bytes(length: int) -> bytes:
    return random.Random(length).randbytes(length)


CAPACITY = capacity(16_384)


@pytest.mark.parametrize(
    "length", [0, 1, 16_311, 16_312, 16_313, 16_384, 100_000, MIB - 1, MIB, MIB + 1, 3 * MIB + 7]
)
@pytest.mark.parametrize("piece_bytes", [5000, 65_536, 4 * MIB])
def test_a_part_opens_to_the_data_whatever_pieces_it_came_in(length: int, piece_bytes: int) -> None:
    data = random_bytes(length)
    part, blocks = sealed(data, piece_bytes)
    assert part.sha256 == hashlib.sha256(data).digest()
    assert b"".join(opener(part, length).data(blocks)) == data


@pytest.mark.parametrize("length", [0, 20_000, 2 * MIB])
def test_a_sealed_part_is_a_parcel_as_relays_take_it(length: int) -> None:
    part = sealer(length)
    blocks = list(part.blocks([random_bytes(length)]))
    assert parse_header(part.header.encode()) == part.header
    assert [block.index for block in blocks] == list(range(len(blocks)))
    assert {len(block.data) for block in blocks[:-1]} <= {16_384}
    assert sum(len(block.data) for block in blocks) == part.header.body_size
    assert [block.leaf for block in blocks] == [leaf_hash(block.data) for block in blocks]
    assert part.header.root == root_of([block.leaf for block in blocks])
    assert part.header.lock == lock_of(part.content_key)


def test_a_part_opens_by_the_second_implementation() -> None:
    data = random_bytes(50_000)
    part, blocks = sealed(data)
    plain = chunked.decrypt(part.content_key, label("content") + part.header.bind, b"".join(blocks))
    assert plain == data.ljust(len(plain), b"\x00")


@pytest.mark.parametrize(
    ("rendition", "most", "rank"),
    [
        (Rendition.THUMBNAIL, 15_360, Rank.THUMBNAIL),
        (Rendition.PREVIEW, 130_048, Rank.PREVIEW),
    ],
)
def test_pictures_of_any_size_look_alike(rendition: Rendition, most: int, rank: Rank) -> None:
    for length in (1, most):
        part, blocks = sealed(random_bytes(length), rendition=rendition)
        assert rank_of(part.header) is rank
        assert b"".join(opener(part, length).data(blocks)) == random_bytes(length)
    with pytest.raises(LocalTooLarge):
        sealer(most + 1, rendition)


@pytest.mark.parametrize("chunks", [[], [b"abc"], [b"abc", b"de"], [b"abcdef"], [b"abcd", b"e"]])
def test_data_of_another_length_than_announced_is_not_sealed(chunks: list[bytes]) -> None:
    part = sealer(4)
    with pytest.raises(LocalMalformed):
        list(part.blocks(chunks))
    with pytest.raises(LocalMalformed):
        _ = part.header
    with pytest.raises(LocalMalformed):
        _ = part.sha256


def test_nothing_is_known_of_a_part_before_its_end() -> None:
    part = sealer(100_000)
    blocks = part.blocks([random_bytes(100_000)])
    next(blocks)
    with pytest.raises(LocalMalformed):
        _ = part.header
    list(blocks)
    assert part.header.kind is Kind.PART


def test_a_part_is_sealed_once() -> None:
    part, _ = sealed(b"x")
    with pytest.raises(LocalMalformed, match="once"):
        part.blocks([b"x"])


def test_two_parts_of_the_same_data_have_nothing_in_common() -> None:
    (one, one_blocks), (other, other_blocks) = sealed(b"same"), sealed(b"same")
    assert one.content_key != other.content_key
    assert one.header.lock != other.header.lock
    assert one_blocks != other_blocks


def test_a_key_that_does_not_match_the_lock_is_told_before_anything_comes_out() -> None:
    part, blocks = sealed(b"data")
    data = PartOpener(part.header, bytes(32), 4, part.sha256).data(blocks)
    with pytest.raises(BadLock):
        next(data)


@pytest.mark.parametrize("kind", [Kind.LETTER, Kind.REPLY, Kind.PUBLIC])
def test_what_is_no_part_is_not_opened_as_one(kind: Kind) -> None:
    part, blocks = sealed(b"data")
    header = replace(part.header, kind=kind)
    with pytest.raises(UnknownKind):
        list(PartOpener(header, part.content_key, 4, part.sha256).data(blocks))


@pytest.mark.parametrize(
    "fields", [{"expiry_day": 19_101}, {"tag": b"u" * 16}, {"body_size": 131_072}]
)
def test_a_part_under_another_header_does_not_open(fields: dict[str, object]) -> None:
    part, blocks = sealed(b"data")
    header = replace(part.header, **fields)  # type: ignore[arg-type]
    with pytest.raises(CannotOpen):
        list(PartOpener(header, part.content_key, 4, part.sha256).data(blocks))


@given(st.integers(0, 3), st.integers(0, 16_383), st.integers(1, 255))
@settings(max_examples=40)
def test_a_part_with_any_byte_changed_does_not_open(block: int, at: int, change: int) -> None:
    data = random_bytes(60_000)
    part, blocks = sealed(data)
    damaged = bytearray(blocks[block])
    damaged[at % len(damaged)] ^= change
    blocks[block] = bytes(damaged)
    with pytest.raises(CannotOpen):
        list(opener(part, len(data)).data(blocks))


@pytest.mark.parametrize("kept", range(4))
def test_a_part_without_its_last_blocks_does_not_open(kept: int) -> None:
    data = random_bytes(60_000)
    part, blocks = sealed(data)
    assert len(blocks) == 4
    with pytest.raises(CannotOpen):
        list(opener(part, len(data)).data(blocks[:kept]))


def test_a_part_with_something_behind_it_does_not_open() -> None:
    part, blocks = sealed(b"data")
    for more in (b"\x00", bytes(16_400), bytes(100_000)):
        with pytest.raises(CannotOpen):
            list(opener(part, 4).data([*blocks, more]))


def test_a_part_whose_blocks_stand_in_another_order_does_not_open() -> None:
    data = random_bytes(60_000)
    part, blocks = sealed(data)
    blocks[1], blocks[2] = blocks[2], blocks[1]
    with pytest.raises(CannotOpen):
        list(opener(part, len(data)).data(blocks))


def test_a_part_that_is_shorter_than_its_header_says_does_not_open() -> None:
    # Genuine chunks, but fewer of them than the body size that they are bound to.
    header, blocks = forged(bytes(CAPACITY), body_size=131_072)
    with pytest.raises(CannotOpen):
        opened(header, blocks, 0, hashlib.sha256().digest())


def test_a_forged_part_is_honest_but_for_what_each_test_changes() -> None:
    header, blocks = forged(b"data".ljust(CAPACITY, b"\x00"))
    assert opened(header, blocks, 4, hashlib.sha256(b"data").digest()) == b"data"


@pytest.mark.parametrize("at", [4, 5, CAPACITY - 1])
def test_whatever_stands_behind_the_data_is_bad_padding(at: int) -> None:
    plain = bytearray(b"data".ljust(CAPACITY, b"\x00"))
    plain[at] = 1
    header, blocks = forged(bytes(plain))
    with pytest.raises(BadPadding):
        opened(header, blocks, 4, hashlib.sha256(b"data").digest())


def test_padding_is_checked_in_every_chunk() -> None:
    for at in (20_000, 50_000, 99_999):
        plain = bytearray(capacity(131_072))
        plain[at] = 1
        header, blocks = forged(bytes(plain), body_size=131_072)
        with pytest.raises(BadPadding):
            opened(header, blocks, 10, hashlib.sha256(bytes(10)).digest())


def test_a_length_that_the_body_cannot_hold_is_malformed() -> None:
    header, blocks = forged(bytes(CAPACITY))
    for length in (CAPACITY + 1, 2**32, 2**53 - 1):
        with pytest.raises(Malformed):
            opened(header, blocks, length, hashlib.sha256(bytes(CAPACITY)).digest())


def test_data_that_its_letter_does_not_name_is_told() -> None:
    part, blocks = sealed(b"data")
    with pytest.raises(BadHash):
        list(PartOpener(part.header, part.content_key, 4, bytes(32)).data(blocks))
    zeros, zero_blocks = sealed(bytes(10))
    with pytest.raises(BadHash):
        list(opener(zeros, 9).data(zero_blocks))


def test_damage_at_the_end_is_told_before_padding_and_hash() -> None:
    plain = bytearray(capacity(131_072))
    plain[20_000] = 1
    header, blocks = forged(bytes(plain), body_size=131_072)
    blocks[-1] = blocks[-1][:-1] + bytes([blocks[-1][-1] ^ 1])
    with pytest.raises(CannotOpen):
        opened(header, blocks, 10, bytes(32))


@given(st.binary(max_size=CAPACITY), st.integers(0, CAPACITY + 9), st.binary(max_size=40))
@settings(max_examples=60)
def test_any_plain_opens_to_what_the_letter_names_or_is_refused(
    plain: bytes, length: int, sha256: bytes
) -> None:
    padded = plain.ljust(CAPACITY, b"\x00")
    header, blocks = forged(padded)
    for digest in (sha256, hashlib.sha256(padded[:length]).digest()):
        with suppress(RemoteError):
            assert opened(header, blocks, length, digest) == padded[:length]


@given(st.lists(st.binary(max_size=17_000), max_size=3))
@settings(max_examples=40)
def test_any_blocks_cannot_be_opened(blocks: list[bytes]) -> None:
    header, _ = forged(bytes(CAPACITY))
    with pytest.raises(CannotOpen):
        opened(header, blocks, 0, hashlib.sha256().digest())


def seal_in_bounded_memory(length_mib: int) -> None:
    piece = random_bytes(MIB)
    part = sealer(length_mib * MIB)
    tracemalloc.start()
    try:
        size_bytes = sum(len(block.data) for block in part.blocks(piece for _ in range(length_mib)))
        assert tracemalloc.get_traced_memory()[1] < 6 * MIB
    finally:
        tracemalloc.stop()
    assert size_bytes == part.header.body_size


def open_in_bounded_memory(length_mib: int) -> None:
    piece = random_bytes(MIB)
    length = length_mib * MIB
    body_size = part_body_size(length, Rendition.ORIGINAL)
    header, _ = forged(b"", body_size=body_size)
    digest = hashlib.sha256()
    for _ in range(length_mib):
        digest.update(piece)
    tracemalloc.start()
    try:
        blocks = streamed(header, piece, length_mib)
        data = PartOpener(header, KEY, length, digest.digest()).data(blocks)
        assert sum(len(piece) for piece in data) == length
        assert tracemalloc.get_traced_memory()[1] < 6 * MIB
    finally:
        tracemalloc.stop()


def streamed(header: Header, piece: bytes, length_mib: int) -> Iterator[bytes]:
    """A part under a known key whose body is made while it is read, as if from a disk."""
    stream = ChunkedSealer(KEY, label("content") + header.bind)
    for _ in range(length_mib):
        yield stream.update(piece)
    padding = capacity(header.body_size) - length_mib * MIB
    for at in range(0, padding, MIB):
        yield stream.update(bytes(min(MIB, padding - at)))
    yield stream.finish()


def test_memory_does_not_grow_with_a_part() -> None:
    seal_in_bounded_memory(64)
    open_in_bounded_memory(64)


def test_memory_does_not_grow_with_the_pieces_that_a_part_comes_in() -> None:
    whole = bytes(32 * MIB)
    part = sealer(len(whole))
    tracemalloc.start()
    try:
        count = sum(1 for _ in part.blocks([whole]))
        assert tracemalloc.get_traced_memory()[1] < 6 * MIB
    finally:
        tracemalloc.stop()
    assert count * 16_384 >= len(whole)


@pytest.mark.soak
@pytest.mark.timeout(0)
def test_memory_does_not_grow_with_a_film() -> None:
    seal_in_bounded_memory(1024)
    open_in_bounded_memory(1024)
