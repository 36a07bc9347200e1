"""Transfers: what arrives is what was meant, in the one order that bounds memory."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.protocol.made_bodies import (
    A_PAGE,
    ALMOST_A_PAGE,
    LETTER,
    ONE_BLOCK,
    PREVIEW,
    THREE_PAGES,
    TWO_BLOCKS,
    TWO_PAGES,
    Body,
    body_of,
)

from qanat_protocol.bitmap import Bitmap
from qanat_protocol.errors import (
    BadRoot,
    IllegalSize,
    LocalMalformed,
    LocalUnexpectedFrame,
    RemoteError,
    TooLarge,
    UnexpectedFrame,
    UnknownVersion,
)
from qanat_protocol.frame_codec import PAGE_ROOTS
from qanat_protocol.frames import Block, Frame, HeaderFrame, Leaves
from qanat_protocol.limits import PAGE_LEAVES
from qanat_protocol.transfer import Intake, Outgoing, Verified

SIZES = [LETTER, ONE_BLOCK, TWO_BLOCKS, PREVIEW, ALMOST_A_PAGE, A_PAGE, TWO_PAGES, THREE_PAGES]

LAST = PAGE_LEAVES + 1
"""The last block of two pages."""


def given_out(body: Body, handle: int = 0, held: Iterable[int] = ()) -> Iterator[Frame]:
    """All frames of a transfer, as a giver makes them."""
    outgoing = Outgoing(handle, body.header, Bitmap.from_indices(held))
    yield from outgoing.start(body.page_roots)
    for index in outgoing.missing():
        page = outgoing.page_needed(index)
        if page is not None:
            yield outgoing.page(page, body.page(page))
        yield outgoing.block(index, body.block(index))


def take(intake: Intake, frame: Frame) -> Verified | None:
    match frame:
        case HeaderFrame():
            intake.open(frame)
        case Leaves():
            intake.leaves(frame)
        case Block():
            return intake.block(frame)
    return None


def taken(intake: Intake, said: Iterable[Frame]) -> list[Verified]:
    return [verified for frame in said if (verified := take(intake, frame)) is not None]


@pytest.mark.parametrize("size", SIZES)
def test_a_body_of_any_size_arrives_whole(size: int) -> None:
    body, intake = body_of(size), Intake()
    verified = taken(intake, given_out(body))
    assert [block.index for block in verified] == list(range(body.count))
    assert all(block.data == body.block(block.index) for block in verified)
    assert [block.leaf for block in verified] == body.leaves
    assert {block.header for block in verified} == {body.header}
    assert [block.complete for block in verified] == [False] * (body.count - 1) + [True]
    assert intake.open_handles == ()


@given(st.sampled_from([TWO_BLOCKS, PREVIEW, TWO_PAGES, THREE_PAGES]), st.data())
def test_what_is_held_is_left_out_and_the_rest_completes(size: int, data: st.DataObject) -> None:
    body, intake = body_of(size), Intake()
    indices = st.integers(0, body.count - 1)
    held = data.draw(st.sets(indices)) | set(range(data.draw(indices)))
    held.discard(data.draw(indices))
    said = given_out(body, held=held)
    intake.open(header_frame(next(said)))
    intake.leave_out(0, Bitmap.from_indices(held))
    verified = taken(intake, said)
    assert [block.index for block in verified] == sorted(set(range(body.count)) - held)
    assert verified[-1].complete
    assert intake.open_handles == ()


def header_frame(frame: Frame) -> HeaderFrame:
    assert isinstance(frame, HeaderFrame)
    return frame


def test_where_all_is_held_nothing_is_sent_and_the_transfer_closes() -> None:
    body, intake = body_of(PREVIEW), Intake()
    held = range(body.count)
    assert list(given_out(body, held=held)) == [HeaderFrame(0, body.header.encode())]
    intake.open(HeaderFrame(0, body.header.encode()))
    # A bit beyond the body counts for nothing.
    intake.leave_out(0, Bitmap.from_indices([*range(1, body.count + 1), 900]))
    assert intake.open_handles == (0,)
    intake = Intake()
    intake.open(HeaderFrame(0, body.header.encode()))
    intake.leave_out(0, Bitmap.from_indices(held))
    assert intake.open_handles == ()


def test_a_block_that_is_held_and_comes_all_the_same_changes_nothing() -> None:
    body, intake = body_of(TWO_BLOCKS), Intake()
    said = list(given_out(body))
    intake.open(header_frame(said[0]))
    intake.leave_out(0, Bitmap.from_indices([0]))
    first, second = taken(intake, said[1:])
    assert (first.complete, second.complete) == (False, True)


def test_what_is_held_is_told_before_the_first_block() -> None:
    body, intake = body_of(TWO_BLOCKS), Intake()
    with pytest.raises(LocalUnexpectedFrame):
        intake.leave_out(0, Bitmap())
    taken(intake, list(given_out(body))[:3])
    with pytest.raises(LocalUnexpectedFrame):
        intake.leave_out(0, Bitmap.from_indices([0]))


@given(st.lists(st.sampled_from([LETTER, TWO_BLOCKS, PREVIEW]), min_size=1, max_size=6), st.data())
def test_transfers_may_be_interleaved_in_any_way(sizes: list[int], data: st.DataObject) -> None:
    intake = Intake()
    bodies = [body_of(size, tag) for tag, size in enumerate(sizes)]
    streams = [given_out(body, handle) for handle, body in enumerate(bodies)]
    began: list[Iterator[Frame]] = []
    verified: list[Verified] = []
    while streams or began:
        if streams and (not began or data.draw(st.booleans())):
            began.append(streams.pop(0))
            stream = began[-1]
        else:
            stream = data.draw(st.sampled_from(began))
        frame = next(stream, None)
        if frame is None:
            began.remove(stream)
        elif (block := take(intake, frame)) is not None:
            verified.append(block)
    for handle, body in enumerate(bodies):
        assert [block.data for block in verified if block.handle == handle] == list(body.blocks())
    assert intake.open_handles == ()


def test_a_page_is_past_once_another_has_taken_its_place() -> None:
    body = body_of(THREE_PAGES)
    outgoing = Outgoing(0, body.header)
    outgoing.start(body.page_roots)
    assert not outgoing.is_past(0)
    outgoing.page(0, body.page(0))
    assert not outgoing.is_past(0), "it is open"
    outgoing.page(2, body.page(2))
    assert [outgoing.is_past(page) for page in range(3)] == [True, False, False]
    outgoing.page(1, body.page(1))
    assert [outgoing.is_past(page) for page in range(3)] == [True, False, True]


def test_blocks_of_a_page_may_come_in_any_order() -> None:
    body, intake = body_of(TWO_PAGES), Intake()
    outgoing = Outgoing(0, body.header)
    said = outgoing.start(body.page_roots)
    for page, indices in (
        (1, range(LAST, PAGE_LEAVES - 1, -1)),
        (0, range(PAGE_LEAVES - 1, -1, -1)),
    ):
        said.append(outgoing.page(page, body.page(page)))
        said += [outgoing.block(index, body.block(index)) for index in indices]
    assert len(taken(intake, said)) == LAST + 1
    assert intake.open_handles == ()


def test_an_open_transfer_keeps_one_page_and_drops_it_when_it_is_through() -> None:
    body, intake = body_of(THREE_PAGES), Intake()
    for frame in given_out(body):
        take(intake, frame)
        lists = [
            len(value)
            for incoming in intake._open.values()
            for value in (incoming.roots, incoming.leaves)
        ]
        assert sum(lists) <= 3 + PAGE_LEAVES
        if isinstance(frame, Block) and frame.index in (PAGE_LEAVES - 1, 2 * PAGE_LEAVES - 1):
            assert lists == [3, 0]


def altered(kind: type[Frame], number: int, change: Callable[[Frame], Frame]) -> Iterator[Frame]:
    """The frames of two pages, with one of them changed."""
    seen = 0
    for frame in given_out(body_of(TWO_PAGES)):
        if isinstance(frame, kind):
            yield change(frame) if seen == number else frame
            seen += 1
        else:
            yield frame


def with_hashes(change: Callable[[tuple[bytes, ...]], tuple[bytes, ...]]) -> Callable[..., Frame]:
    def changed(frame: Leaves) -> Frame:
        return replace(frame, hashes=change(frame.hashes))

    return changed


def with_data(change: Callable[[bytes], bytes]) -> Callable[..., Frame]:
    def changed(frame: Block) -> Frame:
        return replace(frame, data=change(frame.data))

    return changed


@pytest.mark.parametrize(
    ("kind", "number", "change", "blocks"),
    [
        (Leaves, 0, with_hashes(lambda roots: roots[::-1]), 0),
        (Leaves, 0, with_hashes(lambda roots: roots[:1]), 0),
        (Leaves, 0, with_hashes(lambda roots: (*roots, bytes(32))), 0),
        (Leaves, 1, with_hashes(lambda leaves: leaves[:-1]), 0),
        (Leaves, 1, with_hashes(lambda leaves: (bytes(32), *leaves[1:])), 0),
        (Leaves, 2, with_hashes(lambda leaves: (*leaves, bytes(32))), PAGE_LEAVES),
        (Block, 0, with_data(lambda data: b"\0" + data[1:]), 0),
        (Block, 5, with_data(lambda data: data[:-1]), 5),
        (Block, LAST, with_data(lambda data: data + b"x"), LAST),
    ],
)
def test_what_does_not_hash_to_the_header_closes_its_transfer_alone(
    kind: type[Frame], number: int, change: Callable[..., Frame], blocks: int
) -> None:
    intake, verified, failures = Intake(), 0, []
    for frame in altered(kind, number, change):
        try:
            verified += take(intake, frame) is not None
        except BadRoot as error:
            failures.append(error.handle)
    assert (verified, failures) == (blocks, [0])
    assert intake.open_handles == ()
    # What stands behind is another transfer's, and taken.
    assert len(taken(intake, given_out(body_of(PREVIEW), handle=1))) == 8


def test_a_shorter_block_is_not_taken_even_where_it_is_the_only_one() -> None:
    body, intake = body_of(LETTER), Intake()
    intake.open(HeaderFrame(0, body.header.encode()))
    with pytest.raises(BadRoot) as raised:
        intake.block(Block(0, 0, body.block(0)[:-1]))
    assert raised.value.handle == 0


def broken_order() -> dict[str, list[Frame]]:
    """Frames of which the last one breaks the order, by how it does."""
    one, two = list(given_out(body_of(LETTER))), list(given_out(body_of(TWO_BLOCKS)))
    many = list(given_out(body_of(TWO_PAGES)))
    header, roots, first_page, first_block = many[:4]
    second_page = next(frame for frame in many if isinstance(frame, Leaves) and frame.page == 1)
    return {
        "a block without a header": [two[2]],
        "a list without a header": [two[1]],
        "a handle that skips one": [replace(header_frame(two[0]), handle=1)],
        "a handle used twice": [two[0], two[0]],
        "a list for a body of one block": [one[0], Leaves(0, 0, (bytes(32),))],
        "page roots for a body of one page": [two[0], Leaves(0, PAGE_ROOTS, (bytes(32),))],
        "a page that the body lacks": [two[0], Leaves(0, 1, (bytes(32),))],
        "a page before the page roots": [header, first_page],
        "page roots twice": [header, roots, roots],
        "a page twice": [header, roots, first_page, first_page],
        "a page twice with one between": [header, roots, first_page, second_page, first_page],
        "a block before its page": [two[0], two[2]],
        "a block before the page roots": [header, first_block],
        "a block of the page before": [header, roots, first_page, second_page, first_block],
        "a block of the page behind": [header, roots, first_page, many[-1]],
        "a block twice": [*two[:3], two[2]],
        "a block that the body lacks": [two[0], two[1], Block(0, 2, b"x")],
        "a block far behind the body": [one[0], Block(0, 2**53 - 1, b"x")],
    }


@pytest.mark.parametrize("how", broken_order())
def test_what_breaks_the_order_ends_the_session(how: str) -> None:
    *before, last = broken_order()[how]
    intake = Intake()
    taken(intake, before)
    with pytest.raises(UnexpectedFrame):
        take(intake, last)


def test_a_block_of_a_page_that_is_through_is_refused_like_any_second_one() -> None:
    said = list(given_out(body_of(TWO_PAGES)))
    intake = Intake()
    taken(intake, said[: 3 + PAGE_LEAVES])
    with pytest.raises(UnexpectedFrame):
        take(intake, said[3])


def test_sixty_four_transfers_may_be_open_and_no_more() -> None:
    body, intake = body_of(TWO_BLOCKS), Intake()
    for handle in range(64):
        intake.open(HeaderFrame(handle, body.header.encode()))
    with pytest.raises(TooLarge):
        intake.open(HeaderFrame(64, body.header.encode()))
    intake.close(7)
    intake.close(7)
    intake.open(HeaderFrame(64, body.header.encode()))
    assert intake.open_handles == (*range(7), *range(8, 65))


def test_any_number_of_transfers_may_follow_each_other() -> None:
    intake = Intake()
    for handle in range(200):
        assert taken(intake, given_out(body_of(LETTER, handle), handle))[0].complete


def test_frames_behind_a_final_status_are_dropped_without_a_word() -> None:
    body, intake = body_of(TWO_BLOCKS), Intake()
    said = list(given_out(body))
    take(intake, said[0])
    intake.close(0)
    assert taken(intake, [*said[1:], *said[1:]]) == []


@pytest.mark.parametrize(
    ("header", "error"),
    [
        (b"\x02" + bytes(95), UnknownVersion),
        (b"\x01\x01\x02\x00" + bytes(92), IllegalSize),
    ],
)
def test_a_header_that_is_refused_closes_its_transfer_alone(
    header: bytes, error: type[RemoteError]
) -> None:
    intake = Intake()
    with pytest.raises(error):
        intake.open(HeaderFrame(0, header))
    assert intake.open_handles == ()
    assert intake.block(Block(0, 0, b"dropped")) is None
    assert len(taken(intake, given_out(body_of(LETTER), 1))) == 1


def test_a_giver_keeps_the_order_too() -> None:
    body = body_of(TWO_PAGES)
    outgoing = Outgoing(3, body.header)
    for early in (
        lambda: outgoing.page(0, body.page(0)),
        lambda: outgoing.block(0, body.block(0)),
    ):
        with pytest.raises(LocalUnexpectedFrame, match="before HEADER"):
            early()
    with pytest.raises(LocalMalformed):
        outgoing.start(body.page_roots[:1])
    outgoing.start(body.page_roots)
    with pytest.raises(LocalUnexpectedFrame):
        outgoing.start(body.page_roots)
    assert outgoing.page_needed(0) == 0
    assert outgoing.page_needed(LAST) == 1
    with pytest.raises(LocalUnexpectedFrame):
        outgoing.block(0, body.block(0))
    with pytest.raises(LocalMalformed):
        outgoing.page(1, body.page(0))
    outgoing.page(1, body.page(1))
    assert outgoing.page_needed(LAST) is None
    with pytest.raises(LocalMalformed):
        outgoing.block(LAST, body.block(LAST)[:-1])
    outgoing.block(LAST, body.block(LAST))
    for wrong in (
        lambda: outgoing.block(LAST, body.block(LAST)),
        lambda: outgoing.page(1, body.page(1)),
        lambda: outgoing.page(2, body.page(1)),
        lambda: outgoing.block(LAST + 1, b"x"),
    ):
        with pytest.raises(LocalUnexpectedFrame):
            wrong()


def test_a_body_of_one_page_needs_no_page_roots() -> None:
    body = body_of(PREVIEW)
    assert Outgoing(0, body.header).start() == [HeaderFrame(0, body.header.encode())]
    assert Outgoing(0, body_of(LETTER).header).page_needed(0) is None


headers = st.sampled_from(
    [body_of(size).header.encode() for size in (LETTER, TWO_BLOCKS, TWO_PAGES)] + [bytes(96)]
)
wild_frames: st.SearchStrategy[Frame] = st.one_of(
    st.builds(HeaderFrame, st.integers(0, 3), headers),
    st.builds(
        Leaves,
        st.integers(0, 3),
        st.sampled_from([0, 1, 2, PAGE_ROOTS - 1, PAGE_ROOTS]),
        st.sampled_from(
            [
                tuple(body_of(TWO_BLOCKS).leaves),
                tuple(body_of(TWO_PAGES).page_roots),
                tuple(body_of(TWO_PAGES).page(0)),
                tuple(body_of(TWO_PAGES).page(1)),
                (bytes(32),),
            ]
        ),
    ),
    st.builds(
        Block,
        st.integers(0, 3),
        st.sampled_from([0, 1, 2, PAGE_LEAVES - 1, PAGE_LEAVES, LAST, LAST + 1, 2**53 - 1]),
        st.sampled_from([body_of(LETTER).block(0), body_of(TWO_BLOCKS).block(1), bytes(16_384)]),
    ),
)


@given(st.lists(wild_frames, max_size=40))
def test_any_frames_give_true_blocks_once_or_a_remote_error(said: list[Frame]) -> None:
    intake = Intake()
    seen = set()
    bodies = {body_of(size).header: body_of(size) for size in (LETTER, TWO_BLOCKS, TWO_PAGES)}
    for frame in said:
        try:
            block = take(intake, frame)
        except (UnexpectedFrame, TooLarge):
            return
        except RemoteError:
            continue
        if block is not None:
            assert block.data == bodies[block.header].block(block.index)
            assert (block.handle, block.index) not in seen
            seen.add((block.handle, block.index))
