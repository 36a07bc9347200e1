"""The pace's phases: a start that doubles, a drain, then a cycle that looks for more. Each arrival
is said to it, at times that are exact in binary."""

from collections import deque

import pytest
from tests.protocol.made_datagram_links import arrive, go

from qanat_protocol.datagram_pace import Pace, Sent

SPACING_S = 1 / 32
WAY_S = 0.5


class Clocked:
    """A pace whose first flight goes at a line's own rate: sixteen datagrams are half a second."""

    def __init__(self) -> None:
        self.pace = Pace(0.0)
        self.flight: deque[Sent] = deque(go(self.pace, n * SPACING_S) for n in range(16))
        self.now_s = 0.0

    def arrives(self, count: int, goes: int = 1) -> None:
        """So many arrive, half a second after they went, and others go for each."""
        for _ in range(count):
            sent = self.flight.popleft()
            self.now_s = sent.at_s + WAY_S
            arrive(self.pace, sent, self.now_s)
            for turn in range(goes):
                self.flight.append(go(self.pace, self.now_s + turn * SPACING_S / goes))

    def sees_queue(self) -> None:
        """A round trip takes far longer than the least of them."""
        self.pace.measured(4.0, 0.0, self.now_s)

    @property
    def gain(self) -> float:
        """How many times the line's rate goes out."""
        return self.pace.rate / self.pace._rate


def drained() -> Clocked:
    """Behind the start, with all of its queue drained at this moment."""
    clocked = Clocked()
    clocked.arrives(40)
    clocked.sees_queue()
    clocked.pace.turn(clocked.now_s)
    clocked.arrives(1, goes=0)
    assert clocked.gain == 1.0
    return clocked


# The start


def test_the_start_ends_with_the_second_round_that_brings_no_more() -> None:
    clocked = Clocked()
    clocked.arrives(62)
    assert clocked.gain == 2.0
    clocked.arrives(1, goes=0)
    assert clocked.gain < 2.0


def test_the_start_ends_within_a_round_where_a_queue_grows_and_the_rate_does_not() -> None:
    clocked = Clocked()
    clocked.arrives(40)
    for _ in range(8):
        clocked.flight.append(go(clocked.pace, clocked.now_s))
    clocked.pace.turn(clocked.now_s)
    assert clocked.gain == 2.0
    clocked.sees_queue()
    clocked.pace.turn(clocked.now_s)
    assert clocked.gain == 0.5


def test_a_queue_does_not_end_the_start_before_a_rate_is_known() -> None:
    pace = Pace(0.0)
    flight = [go(pace, 0.0) for _ in range(3)]
    arrive(pace, flight[0], 0.125)
    pace.measured(4.0, 0.0, 0.125)
    arrive(pace, flight[1], 0.25)
    assert pace._rate == 0.0
    arrive(pace, flight[2], 0.375)
    assert pace.rate == 2 * pace._rate > 0.0


@pytest.mark.parametrize(
    ("queues", "loses", "ends"),
    [(True, True, True), (True, False, False), (False, True, False), (False, False, False)],
)
def test_a_queue_that_overflows_ends_the_start_while_the_rate_grows(
    queues: bool, loses: bool, ends: bool
) -> None:
    clocked = Clocked()
    clocked.arrives(32)
    clocked.arrives(16, goes=2)
    clocked.arrives(13)
    if queues:
        clocked.sees_queue()
    if loses:
        clocked.pace.lost(clocked.flight.popleft())
    gains = []
    for _ in range(17):
        clocked.arrives(1)
        gains.append(clocked.gain)
    # It ends with the round, when no queue is left.
    assert gains[:12] == [2.0] * 12
    assert (0.5 in gains) == ends
    assert (gains[-1] == 2.0) != ends


def test_little_words_do_not_end_the_start() -> None:
    clocked = Clocked()
    clocked.arrives(16)
    clocked.arrives(16, goes=0)
    rate = clocked.pace.rate
    for _ in range(10):
        clocked.now_s += 1.0
        arrive(clocked.pace, go(clocked.pace, clocked.now_s), clocked.now_s + WAY_S)
    assert clocked.pace.rate == rate


# The drain and the cycle


def test_what_the_start_put_into_the_queue_is_drained_before_anything_else() -> None:
    clocked = Clocked()
    clocked.arrives(40)
    for _ in range(8):
        clocked.flight.append(go(clocked.pace, clocked.now_s))
    clocked.sees_queue()
    clocked.pace.turn(clocked.now_s)
    left = []
    while clocked.gain == 0.5:
        left.append(len(clocked.flight))
        clocked.arrives(1, goes=0)
    # The line itself holds sixteen.
    assert left == [24, 23, 22, 21, 20, 19, 18, 17]
    assert clocked.gain == 1.0


@pytest.mark.parametrize(("more", "gives_back"), [(0, 1), (8, 4)])
def test_one_round_trip_of_eight_looks_for_more_and_the_next_gives_it_back(
    more: int, gives_back: int
) -> None:
    clocked = drained()
    pace, began_s = clocked.pace, clocked.now_s
    for _ in range(more):
        go(pace, began_s)
    gains = []
    for quarter in range(1, 65):
        pace.turn(began_s + quarter * WAY_S / 4)
        gains.append(clocked.gain)
    # It gives back for as long as more is on its way than the line holds, a round trip at most.
    cycle = [1.0] * 24 + [1.25] * 4 + [0.75] * gives_back
    assert gains == [*cycle[1:], *cycle, *cycle][:64]


# What tells of the line


def test_without_a_measured_round_trip_only_the_spare_is_on_its_way() -> None:
    pace = Pace(0.0)
    flight = deque(go(pace, 0.0) for _ in range(16))
    for number in range(80):
        now_s = WAY_S + number * SPACING_S
        pace.arrived(flight.popleft(), now_s)
        pace.turn(now_s)
        flight.append(go(pace, now_s))
    assert pace.rate < 2 * pace._rate
    assert pace.window_bytes == 2 * 1350


def test_what_has_nothing_behind_it_tells_nothing_until_it_came() -> None:
    pace = Pace(0.0)
    first = go(pace, 0.0, is_idle=True)
    second = go(pace, 0.0)
    arrive(pace, first, WAY_S)
    third = go(pace, WAY_S)
    assert [sent.is_idle for sent in (first, second, third)] == [True, True, False]


def test_what_comes_within_one_tick_of_the_clock_tells_nothing() -> None:
    clocked = Clocked()
    clocked.arrives(16)
    clocked.arrives(16, goes=0)
    rate, pace = clocked.pace._rate, clocked.pace
    # Of rounds of little words nothing is left that another rate could be compared with.
    for _ in range(6):
        clocked.now_s += 1.0
        arrive(pace, go(pace, clocked.now_s), clocked.now_s + WAY_S)
    now_s = clocked.now_s + 1.0
    first, second = go(pace, now_s), go(pace, now_s)
    arrive(pace, first, now_s)
    third = go(pace, now_s)
    assert not third.is_idle
    for sent in (second, third):
        arrive(pace, sent, now_s)
    assert pace._rate == rate
