"""Streams over datagrams: what who has proved nothing gets, and what no honest side sends."""

import math
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.protocol.made_datagram_links import (
    WINDOW,
    Rough,
    first_flight,
    heard,
    piece,
    relay_stream,
    rough_pair,
    said,
)

from qanat_protocol.datagram import MAX_RANGES, Acks, Datagram
from qanat_protocol.datagram_incoming import Incoming, Room
from qanat_protocol.datagram_stream import DatagramStream
from qanat_protocol.errors import Malformed

# Who is not proven


@pytest.mark.parametrize("size", [17, 40, 120, 500, 1350])
def test_an_unproven_address_gets_at_most_three_times_what_came_from_it(size: int) -> None:
    stream = relay_stream()
    stream.write(said(1, 100_000))
    came = sent = 0
    now_s = 0.0
    for turn in range(200):
        # Each leaves a hole, so each is worth the longest acknowledgement.
        number = 2 * turn
        stream.receive(piece(number, turn, b"Q"), size, now_s)
        came += size
        for _ in range(20):
            sent += sum(map(len, stream.due(now_s)))
            assert sent <= 3 * came
            wake_s = stream.wake_s(now_s)
            assert wake_s > now_s
            now_s = min(wake_s, now_s + 0.2)
    assert not stream.is_proven
    # And it does use most of that.
    assert sent >= came


@pytest.mark.parametrize("answer", [1, 300, 700, 1200])
def test_a_short_answer_to_an_unproven_address_counts_also_when_it_goes_again(answer: int) -> None:
    for size in range(17, 1351, 31):
        stream = relay_stream()
        stream.write(said(1, answer))
        stream.receive(piece(1, 0, b"Q"), size, 0.0)
        now_s, sent = 0.0, 0
        while now_s < 30.0:
            sent += sum(map(len, stream.due(now_s)))
            assert sent <= 3 * size
            now_s = stream.wake_s(now_s)


@pytest.mark.parametrize(("size", "goes"), [(449, False), (450, True)])
def test_three_times_what_came_may_go_to_the_last_byte(size: int, goes: bool) -> None:
    stream = relay_stream()
    stream.write(bytes(2000))
    stream.receive(piece(1, 0, b"Q"), size, 0.0)
    assert any(each.data for each in heard(stream, 0.0)) == goes


def test_a_close_to_an_unproven_address_counts_as_well() -> None:
    stream = relay_stream()
    stream.receive(piece(1, 0, b"Q"), 17, 0.0)
    stream.close()
    assert stream.due(0.0) == []
    assert stream.is_closed


def test_an_acknowledgement_of_any_number_proves_an_address() -> None:
    stream = relay_stream()
    stream.receive(piece(1, 0, first_flight()), 1300, 0.0)
    assert [each.data for each in heard(stream, 0.0)] == [None]
    stream.receive(Datagram(b"connects", 2, Acks(((1000, 1000),), 0, WINDOW)), 40, 0.1)
    assert stream.is_proven


@pytest.mark.parametrize("acked", [(999, 1000), (1000, 1001), (0, 1000), (0, 999), (5000, 5000)])
def test_a_guess_proves_nothing(acked: tuple[int, int]) -> None:
    stream = relay_stream()
    stream.receive(piece(1, 0, first_flight()), 1300, 0.0)
    stream.due(0.0)
    with pytest.raises(Malformed):
        stream.receive(Datagram(b"connects", 2, Acks((acked,), 0, WINDOW)), 40, 0.1)
    assert not stream.is_proven


def test_a_client_proves_its_address_until_that_was_heard() -> None:
    # The relay's answer is lost until it may send no more; nothing of the client's is on its way.
    pair = rough_pair(1, least_s=0.1, most_s=0.1)
    pair.client.stream.write(first_flight())
    pair.run(0.25)
    assert pair.client.stream.on_way == 0
    back = pair.relay.carrier
    assert isinstance(back, Rough)
    back.away = (0.0, pair.network.now_s + 30.0)
    pair.relay.stream.write(said(2, 20_000))
    out = pair.client.carrier
    assert isinstance(out, Rough)
    out.away = (0.0, pair.network.now_s + 20.0)
    pair.run(30.0)
    assert bytes(pair.client.came) == b""
    assert pair.run(10.0, lambda: len(pair.client.came) == 20_000)


def test_a_client_whose_address_is_known_to_be_proven_falls_silent() -> None:
    pair = rough_pair(1, least_s=0.1, most_s=0.1)
    pair.client.stream.write(first_flight())
    pair.run(30.0)
    assert pair.relay.stream.is_proven
    assert len(pair.client.sent) < 6
    sent = len(pair.client.sent)
    pair.run(600.0)
    assert len(pair.client.sent) == sent
    assert [end.stream.wake_s(pair.network.now_s) for end in pair.ends] == [math.inf, math.inf]


def test_a_close_by_who_has_not_heard_the_first_piece_is_passed_over() -> None:
    pair = rough_pair(1)
    stream = pair.client.stream
    stream.write(first_flight())
    pair.client.send_due(pair.network.now_s)
    connection = pair.connection
    stream.receive(Datagram(connection, 77, closes=True), 17, 100.0)
    assert not stream.is_closed
    # It is not acknowledged either, as the relay that is to come has another number.
    assert pair.run(5.0, lambda: bytes(pair.relay.came) == first_flight())
    assert pair.run(5.0, lambda: pair.client.stream.on_way == 0)
    assert pair.relay.refused == 0
    stream.receive(Datagram(connection, 78, closes=True), 17, pair.network.now_s)
    assert stream.is_closed


def test_a_relay_that_refuses_at_once_is_heard() -> None:
    stream = rough_pair(1).client.stream
    stream.write(first_flight())
    stream.due(100.0)
    refusal = Datagram(bytes(8), 77, Acks(((2000, 2000),), 0, WINDOW), closes=True)
    stream.receive(refusal, 40, 100.1)
    assert stream.is_closed


# What no honest side sends


def refused(stream: DatagramStream, datagram: Datagram, now_s: float = 1.0) -> None:
    """It raises, and nothing of it counts."""
    before = stream.moved_bytes, stream.on_way, stream.unsent_bytes, stream.is_proven
    with pytest.raises(Malformed):
        stream.receive(datagram, 1000, now_s)
    assert (stream.moved_bytes, stream.on_way, stream.unsent_bytes, stream.is_proven) == before
    assert stream.read() == b""


def test_a_datagram_of_another_connection_is_refused() -> None:
    refused(relay_stream(), Datagram(b"another.", 1, None, 0, b"data"))


def test_data_beyond_the_limit_is_refused_and_up_to_it_taken() -> None:
    stream = relay_stream()
    refused(stream, piece(1, WINDOW - 3, b"four"))
    refused(stream, piece(1, WINDOW, b"!"))
    stream.receive(piece(1, WINDOW - 4, b"four"), 30, 0.0)
    stream.receive(piece(2, WINDOW, b""), 30, 0.0)
    stream.receive(piece(3, WINDOW, b"", is_last=True), 30, 0.0)


def test_a_refused_piece_takes_its_acknowledgements_with_it() -> None:
    stream = relay_stream()
    stream.receive(piece(1, 0, first_flight()), 1300, 0.0)
    stream.write(b"answer")
    stream.due(0.0)
    acks = Acks(((1000, 1000),), 0, 5 * WINDOW)
    refused_piece = Datagram(b"connects", 2, acks, 3 * WINDOW, b"!")
    assert stream.read() == first_flight()
    refused(stream, refused_piece)
    assert stream.on_way == 1


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (piece(1, 0, b"four", is_last=True), piece(2, 0, b"three", is_last=True)),
        (piece(1, 0, b"four", is_last=True), piece(2, 0, b"two", is_last=True)),
        (piece(1, 0, b"four", is_last=True), piece(2, 4, b"!")),
        (piece(1, 0, b"four", is_last=True), piece(2, 9, b"")),
        (piece(1, 0, b"four"), piece(2, 0, b"two", is_last=True)),
        (piece(1, 6, b"four"), piece(2, 0, b"two", is_last=True)),
        (piece(1, 6, b"four"), piece(2, 9, b"", is_last=True)),
    ],
)
def test_a_stream_that_goes_on_behind_its_end_is_refused(first: Datagram, second: Datagram) -> None:
    stream = relay_stream()
    stream.receive(first, 40, 0.0)
    stream.read()
    refused(stream, second)


def test_a_datagram_said_again_is_acknowledged_and_taken_once() -> None:
    stream = relay_stream()
    for _ in range(3):
        stream.receive(piece(1, 0, b"QNT"), 1300, 0.0)
        assert [each.acks and each.acks.ranges for each in heard(stream, 0.0)] == [((1, 1),)]
    assert stream.read() == b"QNT"
    stream.receive(piece(2, 0, b"QNT"), 1300, 0.0)
    assert stream.read() == b""


def test_pieces_that_overlap_give_each_byte_once_and_keep_no_more_than_a_window() -> None:
    stream = relay_stream()
    for number, (offset, data) in enumerate([(3, b"defg"), (2, b"c?"), (4, b"??"), (0, b"ab")]):
        stream.receive(piece(number, offset, data), 40, 0.0)
    assert stream.read() == b"abc???"
    stream.receive(piece(9, 6, b"on"), 40, 0.0)
    assert stream.read() == b"on"


def test_an_empty_piece_takes_no_place_of_another() -> None:
    stream = relay_stream()
    stream.receive(piece(1, 2, b""), 40, 0.0)
    stream.receive(piece(2, 2, b"cd"), 40, 0.0)
    stream.receive(piece(3, 0, b"ab"), 40, 0.0)
    assert stream.read() == b"abcd"


def test_another_piece_at_the_same_place_changes_nothing() -> None:
    stream = relay_stream()
    stream.receive(piece(1, 2, b"cd"), 40, 0.0)
    stream.receive(piece(2, 2, b"CDEF"), 40, 0.0)
    stream.receive(piece(3, 0, b"ab"), 40, 0.0)
    assert stream.read() == b"abcd"


def test_tiny_pieces_without_end_find_no_room_and_are_not_acknowledged() -> None:
    stream = relay_stream()
    for number in range(2000):
        stream.receive(piece(number, 2 * number + 2, b"!"), 1300, 0.0)
    acks = heard(stream, 0.0)[-1].acks
    assert acks is not None
    assert acks.ranges == ((0, 1023),)
    # The next in turn always has room.
    stream.receive(piece(2000, 0, b"ab"), 1300, 0.0)
    assert stream.read() == b"ab!"
    stream.receive(piece(2001, 2500, b"!"), 1300, 0.0)
    last = heard(stream, 1.0)[-1].acks
    assert last is not None
    assert last.ranges == ((2000, 2001), (0, 1023))


def test_streams_share_their_room_and_give_it_back() -> None:
    room = Room(300_000)
    first, second = relay_stream(room), relay_stream(room)
    for number in range(40):
        first.receive(piece(number, 1000 * number + 1000, bytes(1000)), 1300, 0.0)
    # The same again takes no more, nor does what is beyond a stream's own room.
    first.receive(piece(99, 1000, bytes(1000)), 1300, 0.0)
    assert room.held_bytes == 40_000
    for number in range(300):
        second.receive(piece(number, 1000 * number, bytes(1000)), 1300, 0.0)
    # No room for the next in turn, as long as nobody reads; a little for what is behind it.
    assert room.held_bytes == 339_000
    acks = heard(second, 0.0)[-1].acks
    assert acks is not None
    assert acks.ranges == ((261, 299), (0, 259))
    assert second.read() == bytes(260_000)
    second.forget()
    assert room.held_bytes == 40_000
    first.forget()
    assert room.held_bytes == 0


def test_each_stream_has_some_room_where_others_fill_it() -> None:
    room = Room(50_000)
    first, second = relay_stream(room), relay_stream(room)
    for number in range(200):
        first.receive(piece(number, 1000 * number + 1000, bytes(1000)), 1300, 0.0)
    assert room.held_bytes == 131_000
    for number in range(100):
        second.receive(piece(number, 1000 * number, bytes(1000)), 1300, 0.0)
    assert len(second.read()) == 66_000
    second.receive(piece(100, 66_000, bytes(1000)), 1300, 0.0)
    assert len(second.read()) == 34_000
    first.forget()
    assert room.held_bytes == 0


def test_in_a_full_room_a_stream_has_exactly_its_own_bytes() -> None:
    def takes(ahead: int, more: int) -> bool:
        incoming = Incoming(Room(0))
        assert incoming.take(1, bytes(ahead), is_last=False)
        return incoming.take(200_000, bytes(more), is_last=False)

    assert takes(131_071, 1)
    assert not takes(131_072, 1)

    def goes_on(unread: int) -> bool:
        incoming = Incoming(Room(0))
        assert incoming.take(0, bytes(unread), is_last=False)
        return incoming.take(unread, b"!", is_last=False)

    assert goes_on(65_535)
    assert not goes_on(65_536)


def test_what_was_forgotten_leaves_all_of_its_room() -> None:
    room = Room(0)
    incoming = Incoming(room)
    assert incoming.take(1, bytes(131_072), is_last=False)
    incoming.forget()
    assert room.held_bytes == 0
    assert incoming.take(1, bytes(131_072), is_last=False)


def test_what_found_no_room_goes_again_and_all_arrives() -> None:
    """Also where nobody is left to acknowledge anything that is on its way."""
    pair = rough_pair(1, loss=0.3)
    pair.relay.stream._incoming._room = Room(0)
    pair.client.stream.write(bytes(400_000))
    pair.client.stream.finish()
    pair.run(60.0)
    assert len(pair.relay.came) == 400_000


def test_an_end_for_which_there_is_no_room_is_not_taken() -> None:
    stream = relay_stream()
    for number in range(1024):
        stream.receive(piece(number, 2 * number + 2, b"!"), 1300, 0.0)
    stream.receive(piece(5000, 9000, b"", is_last=True), 40, 0.0)
    stream.receive(piece(5001, 0, b"ab"), 40, 0.0)
    stream.receive(piece(5002, 9500, b"!"), 40, 0.0)


def test_ranges_that_name_all_but_what_is_on_its_way_change_nothing() -> None:
    pair = rough_pair(1, loss=1.0)
    stream = pair.client.stream
    # Every second datagram is a bare acknowledgement, which is not on its way.
    for turn in range(16):
        stream.receive(Datagram(pair.connection, 7, None, 0, b"!"), 1300, 100.0 + turn)
        pair.client.send_due(100.0 + turn)
        stream.write(b"x")
        pair.client.send_due(100.0 + turn)
    sent = pair.datagrams(pair.client)
    bare = [each.number for each in sent if each.data is None]
    assert len(bare) >= MAX_RANGES
    on_way, moved = stream.on_way, stream.moved_bytes
    singles = tuple((n, n) for n in sorted(bare, reverse=True))
    apart = tuple(n for n in singles if n[0] + 1 not in bare)[:MAX_RANGES]
    stream.receive(Datagram(pair.connection, 8, Acks(apart, 0, WINDOW)), 130, pair.network.now_s)
    assert stream.on_way == on_way
    assert stream.moved_bytes == moved + 130


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 1 << 30),
    datagrams=st.lists(
        st.builds(
            lambda number, acks, offset, data, last, closes: Datagram(
                bytes(8), number, acks, offset, data, last, closes
            ),
            st.integers(0, 40) | st.integers(0, (1 << 32) - 1),
            st.none()
            | st.builds(
                lambda first, length, limit: Acks(((first, first + length),), 0, limit),
                st.integers(1995, 2040),
                st.integers(0, 9),
                st.integers(0, 1 << 48),
            ),
            st.integers(0, 40) | st.integers(0, 1 << 48),
            st.binary(max_size=12),
            st.booleans(),
            st.just(value=False),
        ),
        max_size=60,
    ),
)
def test_whatever_comes_is_refused_or_fine(seed: int, datagrams: list[Datagram]) -> None:
    pair = rough_pair(seed, loss=1.0)
    pair.client.stream.write(said(seed, 30_000))
    for datagram in datagrams:
        with suppress(Malformed):
            pair.client.stream.receive(datagram, 60, pair.network.now_s)
        pair.run(0.1)
    assert len(pair.client.came) <= 12 * len(datagrams)
