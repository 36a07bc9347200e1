"""The pace finds a line's rate and keeps to it. Lines are emulated in a time of their own, so the
same seed gives the same numbers on every machine."""

from collections import deque
from random import Random

import pytest
from benchmarks.bad_link import Line, Way
from tests.protocol.made_datagram_links import Narrow, Network, Pair, arrive, go

from qanat_protocol.datagram import MAX_DATAGRAM_BYTES
from qanat_protocol.datagram_pace import Pace, Sent

DISTANT = Line(rate_kbit=400, rtt_ms=600)


class Jittery(Narrow):
    """What comes out of a line waits up to so long for the radio's turn, and keeps its order."""

    most_s = 0.06

    def take(self, size_bytes: int, now_s: float) -> list[float]:
        """As Narrow.take."""
        came = [
            at_s + self.way.chance.uniform(0, self.most_s)
            for at_s in super().take(size_bytes, now_s)
        ]
        self.latest_s = max([getattr(self, "latest_s", 0.0), *came])
        return [self.latest_s] if came else []


def lines(line: Line, kind: type[Narrow] = Narrow, seed: int = 1) -> tuple[Narrow, Narrow]:
    """Both ways of a line."""
    return kind(Way(line, Random(seed))), kind(Way(line, Random(seed + 99)))


def filled(
    line: Line, for_s: float = 20.0, kind: type[Narrow] = Narrow, seed: int = 1
) -> tuple[float, Pair]:
    """What one way carries of the line's rate, if there is always more; and the pair."""
    pair = Pair(*lines(line, kind, seed))
    pair.client.stream.write(bytes(int(1.3 * line.bytes_per_s * for_s)))
    pair.run(for_s)
    return len(pair.relay.came) / (line.bytes_per_s * for_s), pair


def queue_s(pair: Pair, from_s: float) -> list[float]:
    """How long each datagram waited in the line's queue, sorted."""
    carrier = pair.client.carrier
    assert isinstance(carrier, Narrow)
    began_s = pair.network.began_s
    return sorted(waited_s for at_s, waited_s in carrier.waited_s if at_s > began_s + from_s)


def overflowed(pair: Pair) -> int:
    carrier = pair.client.carrier
    assert isinstance(carrier, Narrow)
    return carrier.way.tally.overflowed


# One alone


@pytest.mark.parametrize(
    ("line", "least"),
    [
        (DISTANT, 0.9),
        (Line(rate_kbit=400, rtt_ms=600, loss=0.05), 0.75),
        (Line(rate_kbit=400, rtt_ms=600, loss=0.2), 0.6),
        (Line(rate_kbit=400, rtt_ms=600, queue_ms=100), 0.85),
        (Line(rate_kbit=64, rtt_ms=300), 0.9),
        (Line(rate_kbit=64, rtt_ms=300, loss=0.05, queue_ms=200), 0.75),
        (Line(rate_kbit=1000, rtt_ms=150, loss=0.05, queue_ms=50), 0.8),
        (Line(rate_kbit=1000, rtt_ms=40, queue_ms=30), 0.9),
    ],
)
def test_a_stream_fills_a_line(line: Line, least: float) -> None:
    share, pair = filled(line)
    assert least <= share <= 1.0
    # Half of it waits in the queue for no longer than half a round trip and some datagrams' time.
    waits = queue_s(pair, 5.0)
    assert waits[len(waits) // 2] <= line.rtt_ms / 2000 + 2 * MAX_DATAGRAM_BYTES / line.bytes_per_s


@pytest.mark.parametrize("seed", range(1, 3))
def test_most_of_a_lossy_line_is_filled_whatever_is_lost(seed: int) -> None:
    share, _ = filled(Line(rate_kbit=400, rtt_ms=600, loss=0.05), seed=seed)
    assert share >= 0.7


@pytest.mark.parametrize("rate_kbit", [64, 400, 1000])
def test_the_rate_is_found_within_a_few_rounds(rate_kbit: float) -> None:
    line = Line(rate_kbit=rate_kbit, rtt_ms=200)
    _, pair = filled(line, for_s=2.0)
    payload = MAX_DATAGRAM_BYTES / (MAX_DATAGRAM_BYTES + 28)
    rate = pair.client.stream.pace._rate
    assert 0.9 <= rate / (payload * line.bytes_per_s) <= 1.15


def test_a_jittery_line_does_not_look_slower_with_every_round() -> None:
    for loss in (0.0, 0.02):
        share, _ = filled(Line(rate_kbit=1000, rtt_ms=40, loss=loss, queue_ms=300), 10.0, Jittery)
        assert share >= 0.75


def test_a_short_queue_overflows_little_behind_the_start() -> None:
    line = Line(rate_kbit=1000, rtt_ms=100, queue_ms=50)
    _, pair = filled(line, for_s=5.0)
    at_start = overflowed(pair)
    pair.run(10.0)
    assert overflowed(pair) - at_start <= 0.03 * len(pair.client.sent)


def test_a_line_that_becomes_slower_is_followed() -> None:
    there, back = lines(Line(rate_kbit=1000, rtt_ms=200))
    pair = Pair(there, back)
    pair.client.stream.write(bytes(5_000_000))
    pair.run(10.0)
    there.way.line = Line(rate_kbit=200, rtt_ms=200)
    pair.run(10.0)
    lost, came = overflowed(pair), len(pair.relay.came)
    pair.run(10.0)
    assert len(pair.relay.came) - came >= 0.85 * 25_000 * 10
    assert overflowed(pair) - lost <= 0.05 * 250_000 / MAX_DATAGRAM_BYTES
    there.way.line = Line(rate_kbit=1000, rtt_ms=200)
    pair.run(10.0)
    came = len(pair.relay.came)
    pair.run(5.0)
    assert len(pair.relay.came) - came >= 0.75 * 125_000 * 5


def test_both_ways_at_once_are_filled() -> None:
    pair = Pair(*lines(DISTANT))
    for end in pair.ends:
        end.stream.write(bytes(1_300_000))
    pair.run(20.0)
    for end in pair.ends:
        assert len(end.came) >= 0.8 * 1_000_000


@pytest.mark.parametrize(("size", "pause_s"), [(100, 0.2), (4000, 0.5), (2600, 0.06)])
def test_little_words_now_and_then_do_not_make_a_fast_line_look_slow(
    size: int, pause_s: float
) -> None:
    pair = Pair(*lines(Line(rate_kbit=1000, rtt_ms=100)))
    pair.client.stream.write(bytes(250_000))
    pair.run(5.0)
    before = pair.client.stream.pace._rate
    for _ in range(60):
        pair.client.stream.write(bytes(size))
        pair.run(pause_s)
    assert pair.client.stream.pace._rate >= 0.9 * before
    assert pair.client.stream.pace.window_bytes >= 0.9 * before * 0.1


@pytest.mark.parametrize("pauses_s", [(0.7,), (0.1, 0.1), (0.3, 0.9, 0.3), (2.0, 2.0), (0.02,) * 9])
def test_little_words_at_first_tell_nothing_of_the_line(pauses_s: tuple[float, ...]) -> None:
    pair = Pair(*lines(DISTANT))
    said = 0
    for pause_s in (*pauses_s, 5.0):
        pair.client.stream.write(bytes(300))
        said += 300
        pair.run(pause_s)
    assert len(pair.relay.came) == said
    pair.client.stream.write(bytes(16_000))
    assert pair.network.run(1.5, lambda: len(pair.relay.came) == said + 16_000)


@pytest.mark.parametrize("rtt_ms", [0.3, 5, 12, 14, 30])
def test_over_a_short_way_the_first_rate_is_left_behind(rtt_ms: float) -> None:
    line = Line(rate_kbit=20_000, rtt_ms=rtt_ms, queue_ms=50)
    pair = Pair(*lines(line))
    for _ in range(3):
        pair.client.stream.write(bytes(500))
        pair.run(0.2)
    pair.client.stream.write(bytes(int(2 * line.bytes_per_s)))
    pair.run(2.0)
    assert len(pair.relay.came) >= 0.7 * 2 * line.bytes_per_s


# Two on one line


@pytest.mark.parametrize(
    "line",
    [
        DISTANT,
        Line(rate_kbit=400, rtt_ms=600, loss=0.05),
        Line(rate_kbit=1000, rtt_ms=150, queue_ms=150),
    ],
)
@pytest.mark.parametrize("later_s", [0.1, 5.0])
def test_neither_of_two_on_a_line_keeps_the_other_out(line: Line, later_s: float) -> None:
    network = Network()
    ways = lines(line)
    pairs = []
    for _ in range(2):
        pairs.append(Pair(*ways, network))
        pairs[-1].client.stream.write(bytes(int(50 * line.bytes_per_s)))
        network.run(later_s)
    network.run(5.0)
    before = [len(pair.relay.came) for pair in pairs]
    network.run(20.0)
    shares = [
        (len(pair.relay.came) - came) / (20.0 * line.bytes_per_s)
        for pair, came in zip(pairs, before, strict=True)
    ]
    assert min(shares) >= 0.15
    assert max(shares) <= 4 * min(shares)
    assert sum(shares) >= 0.8


# The arithmetic


def test_before_anything_was_heard_a_first_flight_goes_at_a_modest_rate() -> None:
    pace = Pace(5.0)
    assert pace.retry_s == 1.0
    assert pace.rate == 100_000.0
    now_s, sent = 5.0, 0
    while pace.is_open(1350):
        now_s += pace.wait_s(now_s)
        go(pace, now_s)
        sent += 1
    assert sent == 16
    # Half of it, then what a narrow line has room for by then.
    assert now_s == pytest.approx(5.0 + 7 * 0.0135 + 8 * 0.054, abs=0.0001)
    assert not pace.is_open(1)


def test_the_rest_of_a_first_flight_is_not_held_back_once_something_was_heard() -> None:
    pace = Pace(5.0)
    now_s, sent = 5.0, []
    while pace.is_open(1350):
        now_s += pace.wait_s(now_s)
        sent.append(go(pace, now_s))
    assert pace.rate == 25_000.0
    arrive(pace, sent[0], now_s + 0.3)
    assert pace.rate == 100_000.0


def test_time_that_was_not_used_is_caught_up_with_a_little_only() -> None:
    pace = Pace(0.0)
    go(pace, 10.0)
    assert pace.wait_s(10.0) == pytest.approx(0.0035)
    go(pace, 10.0)
    assert pace.wait_s(10.0) == pytest.approx(0.017)
    assert pace.wait_s(11.0) == 0.0


def test_round_trips_are_averaged_without_what_the_other_side_waited() -> None:
    pace = Pace(0.0)
    pace.measured(0.2, 0.0, 0.2)
    assert (pace.rtt_s, pace.least_rtt_s) == (0.2, 0.2)
    assert pace.retry_s == pytest.approx(0.6)
    pace.measured(0.5, 0.1, 0.5)
    assert pace.least_rtt_s == 0.2
    assert pace.rtt_s == pytest.approx(0.2 + 0.2 / 8)
    assert pace.retry_s == pytest.approx(pace.rtt_s + 4 * (0.1 + (0.2 - 0.1) / 4))
    # A wait that would make it less than the least is not believed.
    pace.measured(0.25, 0.1, 0.6)
    assert pace.rtt_s == pytest.approx(0.225 + (0.25 - 0.225) / 8)
    # One that makes it the least is.
    pace = Pace(0.0)
    pace.measured(0.5, 0.0, 0.5)
    pace.measured(0.75, 0.25, 1.0)
    assert pace.rtt_s == 0.5


def test_a_first_round_trip_of_seconds_is_the_least_as_well() -> None:
    pace = Pace(0.0)
    assert pace.least_rtt_s == 0.0
    pace.measured(2.5, 0.0, 2.5)
    assert pace.least_rtt_s == 2.5


def test_a_steady_round_trip_waits_ten_milliseconds_longer_at_least() -> None:
    pace = Pace(0.0)
    for turn in range(60):
        pace.measured(0.1, 0.0, turn / 10)
    assert pace.retry_s == pytest.approx(0.11)


def test_a_shortest_round_trip_counts_for_half_a_minute() -> None:
    pace = Pace(0.0)
    pace.measured(0.1, 0.0, 0.0)
    pace.measured(0.3, 0.0, 30.0)
    assert pace.least_rtt_s == 0.1
    pace.measured(0.3, 0.0, 30.1)
    assert pace.least_rtt_s == 0.3
    pace.measured(0.3, 0.0, 59.0)
    pace.measured(0.4, 0.0, 61.0)
    assert pace.least_rtt_s == 0.3, "the same again is as good as a new one"


def test_what_is_on_its_way_is_counted_until_it_came_or_was_lost() -> None:
    pace = Pace(0.0)
    first, second = go(pace, 0.0), go(pace, 0.0)
    assert pace.on_way_bytes == 2700
    pace.lost(first)
    assert (pace.on_way_bytes, pace.delivered_bytes) == (1350, 0)
    arrive(pace, second, 0.1)
    assert (pace.on_way_bytes, pace.delivered_bytes) == (0, 1350)


def test_the_first_flight_tells_the_rate_by_how_far_apart_it_arrives() -> None:
    pace = Pace(0.0)
    flight: deque[Sent] = deque()
    for number in range(16):
        flight.append(go(pace, number * 0.0135))
    for number in range(9):
        assert pace._rate == 0.0
        arrive(pace, flight.popleft(), 0.5 + number * 0.027)
    assert pace._rate == pytest.approx(1350 / 0.027)


def test_of_a_slow_line_a_fifth_of_a_second_is_enough_to_tell() -> None:
    pace = Pace(0.0)
    flight = [go(pace, number * 0.0135) for number in range(4)]
    for number in range(2):
        arrive(pace, flight[number], 0.5 + number * 0.15)
    assert pace._rate == 0.0
    arrive(pace, flight[2], 0.8)
    assert pace._rate == pytest.approx(1350 / 0.15)
