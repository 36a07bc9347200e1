"""The bundle: everything that still stands in a damaged file is read, and nothing else."""

from collections.abc import Callable, Iterable, Iterator, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.protocol.made_bodies import (
    A_PAGE,
    LETTER,
    ONE_BLOCK,
    PREVIEW,
    TWO_BLOCKS,
    TWO_PAGES,
    Body,
    body_of,
)

from qanat_protocol import bundle
from qanat_protocol.bundle import Bundled, BundleFrame, BundleWriter, IndexEntry, iter_bundle
from qanat_protocol.errors import (
    Cut,
    LocalMalformed,
    LocalTooLarge,
    LocalUnexpectedFrame,
    Malformed,
    RemoteError,
    TooLarge,
    UnexpectedFrame,
    UnknownVersion,
)
from qanat_protocol.frame_codec import decode_frame, encode_frame
from qanat_protocol.frames import Block, End, Frame, HeaderFrame, Hello, Leaves, Purge, Stamp
from qanat_protocol.record import pack
from qanat_protocol.transfer import Intake

NOTES: list[bundle.Note] = [Purge(bytes(32), bytes(32)), Stamp(bytes(32), 2713, 7, bytes(16))]
SIZES = [LETTER, ONE_BLOCK, TWO_BLOCKS, PREVIEW, A_PAGE, TWO_PAGES]

Outcome = tuple[list[IndexEntry | BundleFrame], type[RemoteError] | None]


def bundled(body: Body) -> Bundled:
    return Bundled(body.header, body.page_roots, body.leaves, body.blocks())


def written(bodies: Sequence[Body], notes: Sequence[bundle.Note] = ()) -> bytes:
    return b"".join(bundle.write_bundle([bundled(body) for body in bodies], notes))


def outcome(chunks: Iterable[bytes]) -> Outcome:
    found: list[IndexEntry | BundleFrame] = []
    try:
        for item in iter_bundle(chunks):
            found.append(item)
    except RemoteError as error:
        return found, type(error)
    return found, None


def in_pieces(data: bytes, size: int) -> Iterator[bytes]:
    return (data[at : at + size] for at in range(0, len(data), size))


def framed(*said: Frame) -> bytes:
    records = [encode_frame(frame) for frame in said]
    return b"".join(len(record).to_bytes(2, "big") + record for record in records)


def front(count: int = 0) -> bytes:
    return b"QNTB\x01\0\0\0" + count.to_bytes(4, "big")


@pytest.mark.parametrize("sizes", [[], *([size] for size in SIZES), SIZES], ids=repr)
def test_parcels_are_read_as_they_were_written(sizes: list[int]) -> None:
    bodies = [body_of(size) for size in sizes]
    intake = Intake()
    blocks: list[tuple[int, int, bytes]] = []
    items = list(iter_bundle(in_pieces(written(bodies, NOTES), 100_000)))
    assert items[len(bodies) : len(bodies) + 2] == NOTES
    assert items[-1] == End()
    for item in items:
        match item:
            case HeaderFrame():
                assert intake.open(item) == bodies[item.handle].header
            case Leaves():
                intake.leaves(item)
            case Block():
                assert intake.block(item)
                blocks.append((item.handle, item.index, item.data))
            case _:
                pass
    assert intake.open_handles == ()
    assert blocks == [
        (handle, index, body.block(index))
        for handle, body in enumerate(bodies)
        for index in range(body.count)
    ]


@pytest.mark.parametrize("notes", [[], NOTES], ids=["bare", "with notes"])
def test_the_index_says_where_each_header_stands(notes: list[bundle.Note]) -> None:
    # Enough parcels, and enough blocks in one, for integers of every length.
    bodies = [body_of(LETTER, number) for number in range(130)]
    bodies += [body_of(size) for size in SIZES] + [body_of(LETTER, number) for number in range(140)]
    data = written(bodies, notes)
    entries = [item for item in iter_bundle([data]) if isinstance(item, IndexEntry)]
    assert len(entries) == len(bodies)
    for handle, (entry, body) in enumerate(zip(entries, bodies, strict=True)):
        header = body.header
        assert (entry.parcel_id, entry.kind) == (header.parcel_id, header.kind)
        assert entry.body_size == body.size
        n = int.from_bytes(data[entry.offset : entry.offset + 2], "big")
        frame = decode_frame(data[entry.offset + 2 : entry.offset + 2 + n])
        assert frame == HeaderFrame(handle, header.encode())


@pytest.mark.parametrize("count", [1, 127, 128, 129, 256, 257, 65_535, 65_536, 65_537, 70_000])
def test_the_room_for_integers_is_what_they_take(count: int) -> None:
    assert bundle._uint_sizes(count) == sum(map(bundle._uint_size, range(count)))
    assert bundle._uint_size(count) == len(pack([count])) - 1
    assert bundle._bin_size(count % 65_536) == len(pack([bytes(count % 65_536)])) - 1


def test_an_entry_has_the_layout_of_the_specification() -> None:
    body = body_of(LETTER)
    data = written([body], NOTES[:1])
    offset = 12 + 56 + len(framed(NOTES[0]))
    assert data[:12] == front(1)
    assert data[12:68] == (
        body.header.parcel_id
        + b"\x01"
        + bytes(7)
        + (4096).to_bytes(8, "big")
        + offset.to_bytes(8, "big")
    )
    assert data[68:] == framed(
        NOTES[0],
        HeaderFrame(0, body.header.encode()),
        Block(0, 0, body.block(0)),
        End(),
    )


WHOLE = written([body_of(LETTER), body_of(LETTER, 1)], NOTES)


def test_a_file_that_was_cut_at_any_byte_gives_what_it_still_holds() -> None:
    items, _ = outcome([WHOLE])
    ends = [12 + 56, 12 + 2 * 56]
    for item in items[2:]:
        assert not isinstance(item, IndexEntry)
        ends.append(ends[-1] + len(framed(item)))
    for cut in range(len(WHOLE)):
        assert outcome([WHOLE[:cut]]) == (items[: sum(end <= cut for end in ends)], Cut)
    assert outcome([WHOLE]) == (items, None)


@pytest.mark.parametrize("size", [1, 2, 7, 4096, len(WHOLE)])
def test_the_pieces_in_which_a_file_is_read_make_no_difference(size: int) -> None:
    assert outcome(in_pieces(WHOLE, size)) == outcome([WHOLE])
    assert outcome([b"", *in_pieces(WHOLE, size), b""]) == outcome([WHOLE])
    cut = WHOLE[:-3]
    assert outcome(in_pieces(cut, size)) == outcome([cut])


def test_an_index_that_lies_takes_nothing_away() -> None:
    body = body_of(LETTER)
    frames: list[Frame] = [HeaderFrame(0, body.header.encode()), Block(0, 0, body.block(0)), End()]
    for entries in (bytes(56), b"\xff" * 56, b"\xff" * 112):
        data = front(len(entries) // 56) + entries + framed(*frames)
        items, error = outcome([data])
        assert error is None
        assert items[len(entries) // 56 :] == frames


def test_what_is_read_is_given_before_more_is_asked_for() -> None:
    asked = []

    def chunks() -> Iterator[bytes]:
        for number, piece in enumerate(in_pieces(WHOLE, 64)):
            asked.append(number)
            yield piece

    assert isinstance(next(iter_bundle(chunks())), IndexEntry)
    assert asked == [0, 1]


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"", Cut),
        (b"QNT", Cut),
        (b"PK\x03\x04", Malformed),
        (b"QNTB\x02", UnknownVersion),
        (b"QNTB\x01\0\0\x01", Malformed),
        (b"QNTB\x01\0\0\0\0\x01\0\x01", TooLarge),
        (front(65_536), Cut),
        (front() + b"\0\0", Malformed),
        (front() + b"\0\x02\x91", Cut),
        (front() + b"\0\x02\x91\x7f", UnexpectedFrame),
        (front() + framed(Hello((1,))), UnexpectedFrame),
        (front() + b"\xff\xff" + bytes(65_535), TooLarge),
        (front() + framed(End()) + b"\0", Malformed),
        (front(), Cut),
    ],
)
def test_what_is_no_bundle_is_refused(data: bytes, error: type[RemoteError]) -> None:
    assert outcome([data]) == ([], error) or outcome([data]) == ([End()], error)
    assert outcome(in_pieces(data, 1)) == outcome([data])


def test_reserved_frames_are_ignored() -> None:
    later = pack([130, "later"])
    data = front() + len(later).to_bytes(2, "big") + later + framed(NOTES[0], End())
    assert outcome([data]) == ([NOTES[0], End()], None)


@given(st.binary(max_size=300), st.integers(1, 40))
def test_any_bytes_are_a_bundle_or_a_remote_error(data: bytes, size: int) -> None:
    for stream in (data, front() + data, WHOLE[:200] + data):
        assert outcome(in_pieces(stream, size)) == outcome([stream])


@given(st.data())
def test_a_damaged_file_gives_what_stood_before_the_damage(data: st.DataObject) -> None:
    stream = bytearray(WHOLE)
    at = data.draw(st.integers(12 + 2 * 56, len(stream) - 1))
    stream[at] ^= data.draw(st.integers(1, 255))
    items, _ = outcome([bytes(stream)])
    whole, _ = outcome([WHOLE])
    before = 0
    end = 12 + 2 * 56
    for item in whole[2:]:
        assert not isinstance(item, IndexEntry)
        end += len(framed(item))
        before += end <= at
    assert items[: 2 + before] == whole[: 2 + before]
    assert outcome(in_pieces(bytes(stream), 5)) == outcome([bytes(stream)])


def test_how_long_a_bundle_will_be_is_known_before_it_is_made() -> None:
    bodies = [body_of(LETTER), body_of(TWO_BLOCKS)]
    writer = BundleWriter([body.header for body in bodies])
    assert writer.planned_bytes == len(written(bodies))


def test_a_writer_keeps_to_its_plan() -> None:
    letter, pair = body_of(LETTER), body_of(TWO_BLOCKS)
    writer = BundleWriter([letter.header, pair.header])
    writer.plan()
    early: list[Callable[[], bytes]] = [
        lambda: writer.page([]),
        lambda: writer.block(b"x"),
        writer.end,
    ]
    for call in early:
        with pytest.raises(LocalUnexpectedFrame):
            call()
    writer.parcel()
    amid: list[Callable[[], bytes]] = [
        writer.parcel,
        writer.end,
        lambda: writer.page([bytes(32)]),
    ]
    for call in amid:
        with pytest.raises(LocalUnexpectedFrame):
            call()
    with pytest.raises(LocalMalformed):
        writer.block(b"short")
    writer.block(letter.block(0))
    with pytest.raises(LocalUnexpectedFrame):
        writer.block(letter.block(0))
    with pytest.raises(LocalUnexpectedFrame):
        writer.end()
    writer.parcel()
    with pytest.raises(LocalUnexpectedFrame):
        writer.block(pair.block(0))
    writer.page(pair.leaves)
    writer.block(pair.block(0))
    writer.block(pair.block(1))
    with pytest.raises(LocalUnexpectedFrame):
        writer.parcel()
    assert writer.end() == framed(End())


def test_a_bundle_holds_no_more_parcels_than_a_reader_takes() -> None:
    header = body_of(LETTER).header
    assert len(BundleWriter([header] * 65_536).plan()) == 12 + 56 * 65_536
    with pytest.raises(LocalTooLarge):
        BundleWriter([header] * 65_537)


def test_a_parcel_that_lacks_a_block_is_not_taken_for_whole() -> None:
    body = body_of(TWO_BLOCKS)
    short = Bundled(body.header, (), body.leaves, [body.block(0)])
    with pytest.raises(LocalUnexpectedFrame):
        list(bundle.write_bundle([short]))
