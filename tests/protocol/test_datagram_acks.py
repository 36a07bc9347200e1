"""Streams over datagrams: what has come is told, and so is the room that there is."""

import math

import pytest
from tests.protocol.made_datagram_links import (
    WINDOW,
    Rough,
    heard,
    piece,
    relay_stream,
    rough_pair,
    said,
    write_all,
)

from qanat_protocol.datagram import MAX_DATAGRAM_BYTES, MAX_RANGES, Acks, Datagram

# Acknowledgements


def test_the_second_piece_is_acknowledged_at_once_and_one_alone_within_25_ms() -> None:
    stream = relay_stream()
    stream.receive(piece(1, 0, b"QNT"), 1300, 0.0)
    assert len(heard(stream, 0.0)) == 1, "the first of all is acknowledged at once"
    stream.receive(piece(2, 3, b"!"), 1300, 1.0)
    assert heard(stream, 1.0) == []
    assert stream.wake_s(1.0) == 1.025
    told = heard(stream, 1.025)
    assert [each.acks and each.acks.ranges for each in told] == [((1, 2),)]
    assert told[0].acks is not None
    assert told[0].acks.delay_ms in (24, 25)
    stream.receive(piece(3, 4, b"!"), 1300, 2.0)
    stream.receive(piece(4, 5, b"!"), 1300, 2.0)
    assert [each.acks for each in heard(stream, 2.0)] == [Acks(((1, 4),), 0, WINDOW)]
    assert stream.wake_s(2.0) == math.inf


def test_a_hole_is_told_at_once_and_so_is_what_fills_it() -> None:
    stream = relay_stream()
    stream.receive(piece(1, 0, b"QNT"), 1300, 0.0)
    stream.due(0.0)
    stream.receive(piece(3, 4, b"!"), 1300, 1.0)
    assert [each.acks and each.acks.ranges for each in heard(stream, 1.0)] == [((3, 3), (1, 1))]
    stream.receive(piece(2, 3, b"!"), 1300, 1.5)
    # The highest, of which the delay is told, has waited since it came.
    assert [each.acks for each in heard(stream, 1.5)] == [Acks(((1, 3),), 500, WINDOW)]


def test_the_delay_is_since_the_highest_came_for_the_first_time() -> None:
    stream = relay_stream()
    stream.receive(piece(1, 0, b"QNT"), 1300, 2.0)
    stream.due(2.0)
    stream.receive(piece(1, 0, b"QNT"), 1300, 12.0)
    assert [each.acks for each in heard(stream, 12.0)] == [Acks(((1, 1),), 10_000, WINDOW)]


def test_a_datagram_without_data_is_not_acknowledged_by_itself() -> None:
    stream = relay_stream()
    stream.receive(piece(1, 0, b"QNT"), 1300, 0.0)
    stream.due(0.0)
    for number in range(2, 50, 2):
        stream.receive(Datagram(b"connects", number), 1300, 1.0)
        assert stream.due(1.0) == []
        assert stream.wake_s(1.0) == math.inf


def test_an_acknowledgement_rides_with_a_piece_that_goes_soon() -> None:
    pair = rough_pair(1, least_s=0.2, most_s=0.2)
    write_all(pair.client, said(1, 200_000))
    write_all(pair.relay, said(2, 200_000))
    assert pair.run(60.0, pair.is_done)
    for end in pair.ends:
        datagrams = pair.datagrams(end)
        bare = sum(each.data is None for each in datagrams)
        riding = sum(each.data is not None and each.acks is not None for each in datagrams)
        assert bare < 0.5 * riding
        assert all(
            len(each.acks.ranges) <= 4
            for each in datagrams
            if each.acks is not None and each.data is not None
        )
    assert max(len(data) for end in pair.ends for _, data in end.sent) <= MAX_DATAGRAM_BYTES


def test_who_is_sent_nothing_has_nothing_to_acknowledge() -> None:
    pair = rough_pair(1)
    pair.client.stream.write(said(1, 50_000))
    pair.run(5.0)
    assert len(pair.relay.came) == 50_000
    assert {each.acks for each in pair.datagrams(pair.client) if each.data} == {None}


@pytest.mark.parametrize(("rtt_s", "rides"), [(0.2, True), (0.01, False)])
def test_an_acknowledgement_waits_a_quarter_of_a_round_trip_for_a_piece(
    rtt_s: float, rides: bool
) -> None:
    stream = relay_stream()
    stream.is_proven = True
    stream.write(bytes(20_000))
    assert len(stream.due(0.0)) == 1
    stream.receive(told(((1000, 1000),), WINDOW), 60, rtt_s)
    now_s = rtt_s
    for _ in range(2):
        now_s = stream.wake_s(now_s)
        assert len(stream.due(now_s)) == 1
    for number in (6, 7):
        stream.receive(piece(number, number - 6, b"!"), 40, now_s)
    # The next piece's turn is 13 ms away.
    next_s = stream.wake_s(now_s)
    assert (next_s > now_s + 0.01) == rides
    (which,) = heard(stream, next_s)
    assert which.acks is not None
    assert (which.data is not None) == rides


def test_only_the_sixteen_highest_ranges_are_kept_and_told() -> None:
    stream = relay_stream()
    for number in range(0, 80, 2):
        stream.receive(piece(number, number, b"!"), 1300, 0.0)
    acks = heard(stream, 0.0)[-1].acks
    assert acks is not None
    assert acks.ranges == tuple((n, n) for n in range(78, 46, -2))
    assert len(acks.ranges) == MAX_RANGES


# Room


def test_a_reader_that_does_not_read_is_sent_no_more_than_a_window() -> None:
    pair = rough_pair(1)
    pair.relay.is_reading = False
    data = said(1, WINDOW + 300_000)
    write_all(pair.client, data)
    pair.run(60.0)
    assert pair.client.stream.unsent_bytes == 300_000
    sent = len(pair.client.sent)
    pair.run(60.0)
    # It asks for room now and then, with nothing in it.
    asked = pair.datagrams(pair.client)[sent:]
    assert 14 <= len(asked) <= 16
    assert {each.data for each in asked} == {b""}
    pair.relay.is_reading = True
    assert pair.run(60.0, lambda: pair.relay.stream.is_over)
    assert bytes(pair.relay.came) == data


def test_room_is_asked_for_a_single_byte() -> None:
    pair = rough_pair(1)
    pair.relay.is_reading = False
    pair.client.stream.write(bytes(WINDOW + 1))
    pair.run(60.0)
    assert pair.client.stream.unsent_bytes == 1
    back = pair.relay.carrier
    assert isinstance(back, Rough)
    back.away = (0.0, pair.network.now_s + 0.5)
    pair.relay.is_reading = True
    assert pair.run(10.0, lambda: len(pair.relay.came) == WINDOW + 1)


def test_room_is_asked_for_where_word_of_it_was_lost() -> None:
    pair = rough_pair(1)
    pair.relay.is_reading = False
    pair.client.stream.write(said(1, WINDOW))
    pair.run(60.0)
    assert pair.client.stream.unsent_bytes == 0
    back = pair.relay.carrier
    assert isinstance(back, Rough)
    back.away = (0.0, pair.network.now_s + 1.0)
    pair.relay.is_reading = True
    pair.run(2.0)
    # Only now is there something that has no room, as far as the client knows.
    pair.client.stream.write(b"behind the window")
    assert pair.run(10.0, lambda: len(pair.relay.came) == WINDOW + 17)


def test_room_is_told_of_while_data_goes_the_other_way() -> None:
    pair = rough_pair(1, least_s=0.1, most_s=0.1)
    pair.relay.is_reading = False
    pair.client.stream.write(said(1, 2 * WINDOW))
    pair.relay.stream.write(said(2, 8 * WINDOW))
    pair.run(20.0, lambda: pair.client.stream.unsent_bytes == WINDOW)
    assert pair.client.stream.unsent_bytes == WINDOW
    pair.run(1.0)
    pair.relay.is_reading = True
    pair.run(0.5)
    assert pair.client.stream.unsent_bytes < WINDOW


@pytest.mark.parametrize(("came", "tells"), [(WINDOW // 2 - 1, False), (WINDOW // 2, True)])
def test_room_is_told_of_once_half_of_it_was_used_and_read(came: int, tells: bool) -> None:
    stream = relay_stream()
    stream.receive(piece(1, 0, said(1, came)), came, 0.0)
    assert [each.acks and each.acks.limit for each in heard(stream, 0.0)] == [WINDOW]
    assert heard(stream, 1.0) == []
    assert len(stream.read()) == came
    told = [each.acks and each.acks.limit for each in heard(stream, 1.0)]
    assert told == ([WINDOW + came] if tells else [])
    assert stream.read() == b""
    assert heard(stream, 2.0) == []


def test_a_lost_question_for_room_is_not_repeated_once_there_was_room() -> None:
    stream = relay_stream()
    stream.is_proven = True
    assert not stream.was_written
    stream.write(bytes(WINDOW + 10))
    stream.finish()
    assert stream.was_written
    now_s, last = 0.0, 999
    while (now_s := now_s + 0.01) and stream.unsent_bytes > 10:
        for each in heard(stream, now_s):
            last = each.number
        stream.receive(told(((1000, last),), WINDOW), 60, now_s + 0.005)
    # All has arrived that there is room for: it asks for more.
    (question,) = heard(stream, now_s + 10.0)
    assert question.data == b""
    stream.receive(told(((1000, last),), WINDOW + 10), 60, now_s + 10.001)
    (rest,) = heard(stream, now_s + 10.001)
    assert rest.data == bytes(10)
    # The question itself was lost, and nothing is left that it could be asked for.
    stream.receive(told(((rest.number, rest.number), (1000, last)), WINDOW), 60, now_s + 10.004)
    assert heard(stream, now_s + 20.0) == []
    assert stream.wake_s(now_s + 20.0) == math.inf


def told(ranges: tuple[tuple[int, int], ...], limit: int) -> Datagram:
    """What says which have come, and nothing else."""
    return Datagram(b"connects", 5, Acks(ranges, 0, limit))
