"""Streams over datagrams: every byte once and in order, whatever the line does to datagrams."""

import math
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.protocol.made_datagram_links import (
    KEY,
    WINDOW,
    Pair,
    Rough,
    first_flight,
    heard,
    piece,
    relay_stream,
    rough_pair,
    said,
    write_all,
)

from qanat_protocol.datagram import Acks, Datagram, Mask
from qanat_protocol.datagram_stream import DatagramStream
from qanat_protocol.errors import LocalError


def check_both(pair: Pair, out: bytes, back: bytes, for_s: float = 600.0) -> None:
    """Both directions carry what was said, and both ends know it."""
    write_all(pair.client, out)
    write_all(pair.relay, back)
    assert pair.run(for_s, pair.is_done)
    assert bytes(pair.relay.came) == out
    assert bytes(pair.client.came) == back
    assert (pair.client.refused, pair.relay.refused) == (0, 0)


# What a line does


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 1 << 30),
    loss=st.sampled_from([0.0, 0.02, 0.1, 0.3, 0.5]),
    doubles=st.sampled_from([0.0, 0.1, 0.9]),
    spread_s=st.sampled_from([0.0, 0.005, 0.3]),
    sizes=st.tuples(st.integers(0, 60_000), st.integers(0, 60_000)),
)
def test_all_bytes_arrive_once_and_in_order_both_ways(
    seed: int, loss: float, doubles: float, spread_s: float, sizes: tuple[int, int]
) -> None:
    pair = rough_pair(seed, loss=loss, doubles=doubles, most_s=0.01 + spread_s)
    check_both(pair, said(seed, sizes[0]), said(seed + 1, sizes[1]), for_s=4000.0)


def test_a_line_without_faults_carries_each_byte_once() -> None:
    pair = rough_pair(1)
    check_both(pair, said(1, 300_000), said(2, 300_000))
    for end in pair.ends:
        assert end.stream.resent_bytes == 0
        assert sum(len(each.data or b"") for each in pair.datagrams(end)) == 300_000


def test_the_first_bytes_go_out_before_anything_was_heard() -> None:
    pair = rough_pair(1)
    pair.client.stream.write(b"QNT" + bytes(2000))
    assert len(pair.client.stream.due(pair.network.now_s)) == 1
    assert pair.client.stream.wake_s(pair.network.now_s) < pair.network.now_s + 0.02


@pytest.mark.parametrize("away_s", [12.0, 60.0])
def test_a_line_that_was_away_is_found_within_four_seconds(away_s: float) -> None:
    begins_s = 100.5
    pair = rough_pair(1, least_s=0.1, most_s=0.1)
    for end in pair.ends:
        assert isinstance(end.carrier, Rough)
        end.carrier.away = (begins_s, begins_s + away_s)
    write_all(pair.client, said(1, 400_000))
    write_all(pair.relay, b"")
    pair.run(begins_s + away_s - pair.network.now_s)
    before = len(pair.relay.came)
    times = [at_s for at_s, _ in pair.client.sent if at_s >= begins_s + 1.0]
    gaps = [second - first for first, second in pairwise(times)]
    assert max(gaps) <= 4.0 + 1e-6
    assert len(times) <= 3 + away_s / 4 + 2
    assert pair.run(4.2, lambda: len(pair.relay.came) > before)
    assert pair.run(60.0, pair.is_done)
    assert bytes(pair.relay.came) == said(1, 400_000)


def test_the_pauses_between_tries_double_up_to_four_seconds() -> None:
    pair = rough_pair(1, loss=1.0)
    pair.client.stream.write(b"into the dark")
    pair.run(40.0)
    times = [at_s - 100.0 for at_s, _ in pair.client.sent]
    assert times[:4] == pytest.approx([0.0, 1.025, 3.075, 7.075])
    assert [b - a for a, b in pairwise(times[3:])] == pytest.approx([4.0] * 8)
    assert {each.data for each in pair.datagrams(pair.client)} == {b"into the dark"}
    numbers = [each.number for each in pair.datagrams(pair.client)]
    assert numbers == sorted(set(numbers))


def test_after_an_answer_the_pauses_begin_anew() -> None:
    pair = rough_pair(1, least_s=0.05, most_s=0.05)
    carrier = pair.client.carrier
    assert isinstance(carrier, Rough)
    carrier.away = (100.0, 105.0)
    pair.client.stream.write(b"first")
    assert pair.run(20.0, lambda: pair.client.stream.on_way == 0)
    carrier.away = (0.0, math.inf)
    pair.client.stream.write(b"second")
    began_s, sent = pair.network.now_s, len(pair.client.sent)
    pair.run(1.5)
    times = [at_s - began_s for at_s, _ in pair.client.sent[sent:]]
    assert len(times) >= 3
    assert times[1] < 0.4


def test_what_goes_again_is_counted() -> None:
    pair = rough_pair(1, loss=0.2)
    pair.client.stream.write(bytes(100_000))
    pair.run(60.0)
    carried = sum(len(each.data or b"") for each in pair.datagrams(pair.client))
    assert pair.client.stream.resent_bytes == carried - 100_000 > 5000


def three_sent(size: int = 20_000) -> DatagramStream:
    """Numbers 1000, 1001 and 1002 are on their way since second 0 of so many bytes."""
    stream = relay_stream()
    stream.is_proven = True
    stream.write(said(1, size))
    for turn in range(3):
        assert [each.number for each in heard(stream, turn / 50)] == [1000 + turn]
    return stream


def numbered(stream: DatagramStream, now_s: float) -> list[tuple[int, int]]:
    """Number and offset of each piece that goes now."""
    return [(each.number, each.offset) for each in heard(stream, now_s)]


def came(number: int, now_s: float, stream: DatagramStream, delay_ms: int = 0) -> None:
    """The other side says that this one has come."""
    acks = Acks(((number, number),), delay_ms, WINDOW)
    stream.receive(Datagram(b"connects", number, acks), 40, now_s)


def test_what_three_later_ones_overtook_is_lost_and_what_two_did_is_not() -> None:
    stream = three_sent()
    (third, offset) = numbered(stream, 0.06)[0]
    assert third == 1003
    came(1002, 0.4, stream)
    assert stream.on_way == 3
    came(1003, 0.401, stream)
    assert stream.on_way == 1
    assert numbered(stream, 0.401)[0][1] == 0
    assert 0 < stream.resent_bytes == offset // 3


def test_what_went_a_round_trip_and_an_eighth_ago_is_lost_once_a_later_one_came() -> None:
    stream = three_sent()
    came(1001, 0.18, stream)
    assert stream.on_way == 2, "160 ms, and the other one went 180 ms ago: that is not long enough"
    came(1002, 0.2, stream)
    assert stream.on_way == 0
    assert numbered(stream, 0.2)[0][1] == 0


def test_what_the_other_side_waited_is_no_part_of_a_round_trip() -> None:
    stream = three_sent()
    came(1000, 0.2, stream)
    came(1001, 0.52, stream, delay_ms=250)
    assert stream.pace.rtt_s == pytest.approx(0.2 + (0.25 - 0.2) / 8)


def test_the_piece_that_is_waited_for_first_is_the_one_that_is_tried_again() -> None:
    stream = three_sent(3000)
    assert stream.unsent_bytes == 0
    now_s = 0.04
    for number in (1003, 1004, 1005):
        now_s = stream.wake_s(now_s)
        assert numbered(stream, now_s) == [(number, 0)]


def test_only_what_has_nothing_behind_it_is_taken_for_the_last_word() -> None:
    stream = three_sent()
    came(1000, 0.2, stream)
    now_s = 0.2
    while stream.unsent_bytes:
        now_s = stream.wake_s(now_s)
        stream.due(now_s)
    # Until one has come, nothing tells of the line.
    idle = [sent.is_idle for sent in stream._on_way.values()]
    assert idle == [True, True, *[False] * (len(idle) - 3), True]


def test_a_lost_piece_goes_again_as_soon_as_later_ones_have_come() -> None:
    pair = rough_pair(1, least_s=0.05, most_s=0.05)
    carrier = pair.client.carrier
    assert isinstance(carrier, Rough)
    pair.client.stream.write(said(1, 1294 * 4))
    pair.run(0.0)
    carrier.away = (0.0, 100.02)
    pair.run(0.0201)
    carrier.away = (math.inf, math.inf)
    pair.client.stream.write(said(2, 1294 * 8))
    pair.run(0.3)
    assert bytes(pair.relay.came) == said(1, 1294 * 4) + said(2, 1294 * 8)


# Ends


def test_an_empty_stream_has_an_end_too() -> None:
    check_both(rough_pair(1), b"", b"")


def test_an_end_that_is_told_late_is_heard_by_itself() -> None:
    pair = rough_pair(1)
    pair.client.stream.write(b"all there is")
    pair.run(1.0)
    assert bytes(pair.relay.came) == b"all there is"
    assert not pair.relay.stream.is_over
    assert not pair.client.stream.is_delivered
    pair.client.stream.finish()
    assert not pair.client.stream.is_delivered
    pair.run(1.0)
    assert pair.relay.stream.is_over
    assert pair.client.stream.is_delivered
    assert pair.datagrams(pair.client)[-2].is_last or pair.datagrams(pair.client)[-1].is_last


def test_a_stream_is_over_once_it_was_read() -> None:
    pair = rough_pair(1)
    pair.relay.is_reading = False
    write_all(pair.client, first_flight())
    pair.run(1.0)
    assert pair.client.stream.is_delivered
    assert not pair.relay.stream.is_over
    assert pair.relay.stream.read() == first_flight()
    assert pair.relay.stream.is_over


def test_nothing_is_written_behind_the_end() -> None:
    stream = rough_pair(1).client.stream
    stream.finish()
    stream.finish()
    with pytest.raises(LocalError):
        stream.write(b"more")


def test_what_is_delivered_is_known_only_when_it_is() -> None:
    pair = rough_pair(1, least_s=0.5, most_s=0.5)
    write_all(pair.client, first_flight())
    assert [end.stream.is_delivered for end in pair.ends] == [False, False]
    pair.run(0.9)
    assert not pair.client.stream.is_delivered
    assert pair.client.stream.on_way == 1
    pair.run(0.3)
    assert pair.client.stream.is_delivered
    assert pair.client.stream.on_way == 0


def test_a_close_is_said_once_and_ends_both() -> None:
    pair = rough_pair(1)
    pair.client.stream.write(b"QNT")
    pair.run(0.5)
    pair.client.stream.write(b"never sent")
    sent = len(pair.client.sent)
    assert [end.stream.is_closed for end in pair.ends] == [False, False]
    pair.client.stream.close()
    pair.run(5.0)
    assert [each.closes for each in pair.datagrams(pair.client)[sent:]] == [True]
    assert pair.datagrams(pair.client)[-1].data is None
    for end in pair.ends:
        assert end.stream.is_closed
        assert end.stream.wake_s(pair.network.now_s) == math.inf
        end.stream.write(b"more")
        assert end.stream.due(pair.network.now_s + 10.0) == []


def test_moved_bytes_are_what_came_and_what_arrived() -> None:
    pair = rough_pair(1)
    assert pair.client.stream.moved_bytes == 0
    pair.client.stream.write(first_flight())
    pair.run(0.015)
    assert pair.client.stream.moved_bytes == 0
    assert pair.relay.stream.moved_bytes == len(pair.client.sent[0][1])
    pair.run(0.01)
    sizes = [len(each.sent[0][1]) for each in pair.ends]
    assert pair.client.stream.moved_bytes == sum(sizes)


def test_a_close_says_what_has_come() -> None:
    stream = relay_stream()
    stream.receive(piece(1, 0, first_flight()), 1300, 0.0)
    stream.close()
    (last,) = heard(stream, 0.5)
    assert last.closes
    assert last.acks == Acks(((1, 1),), 500, WINDOW)


# Numbers


def test_a_connection_closes_before_its_numbers_are_used_up() -> None:
    mask = Mask(KEY, to_relay=True)
    first = (1 << 32) - (1 << 20) - 1
    stream = DatagramStream(b"connects", first, 0.0, mask=mask, is_proven=True)
    stream.write(said(1, 5000))
    now_s, out = 0.0, []
    while (wake_s := stream.wake_s(now_s)) < math.inf:
        now_s = max(wake_s, now_s)
        out += [mask.read(data) for data in stream.due(now_s)]
    assert [each.number for each in out] == [first, first + 1, first + 2]
    assert [each.closes for each in out] == [False, False, True]
    assert stream.is_closed
    assert stream.due(now_s) == []
