"""Who is let in: everybody while there is room, then who pays, and always somebody for nothing."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

from qanat_protocol.frames import Stamp
from qanat_protocol.stamp import FIRST_EFFORT
from qanat_protocol.verdicts import Verdict
from qanat_relay.admission.gate import (
    FREE_BURST_BYTES,
    FREE_EACH_BYTES,
    FREE_LEAST_BYTES_S,
    READY_BYTES,
    WAIT_MOST_S,
    WAIT_S,
    Gate,
    Load,
)
from qanat_relay.admission.lobby import (
    HELD_BYTES,
    HOLDER_TICKETS_MAX,
)
from qanat_relay.admission.ticket import Holder, Lane, Ticket
from qanat_relay.store.costs import ROW_BYTES

LETTER = 4096
MIB = 2**20


@dataclass
class Scene:
    """A gate, its clock and what became of each ticket."""

    capacity: int = 640 * MIB
    now_s: float = 0.0
    used: int = 0
    queued: int = 0
    numbers: int = 0
    said: dict[Ticket, Verdict | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.gate = Gate(self.load, self.now_s, Random(7).randrange)
        self.tick(0)

    @property
    def load(self) -> Load:
        free = self.capacity - self.used
        return Load(free, free, self.queued, 16 * MIB)

    def tick(self, seconds: float = 0.05) -> None:
        self.now_s += seconds
        self.gate.tick(self.now_s, self.load)

    def spend(self, lane: Lane = Lane.LETTERS) -> int:
        """Bring letters for nothing until one has to wait; how many got in."""
        count = 0
        while self.gate.lets_in(lane):
            self.gate.take(lane, LETTER + ROW_BYTES)
            self.used += LETTER + ROW_BYTES
            self.queued = 0
            count += 1
            if count % 100 == 0:
                self.tick(0)
        return count

    def ticket(
        self, holder: Holder, *, size: int = LETTER, effort: int = 0, lane: Lane = Lane.LETTERS
    ) -> Ticket:
        self.numbers += 1
        name = self.numbers.to_bytes(32, "big")
        made: Ticket = Ticket(lane, holder, name, size, lambda verdict: self._said(made, verdict))
        if effort:
            made.show(Stamp(bytes(32), 0, effort, bytes(16)))
        return made

    def bring(self, ticket: Ticket) -> bool:
        """Its header, and all of its body; whether it waits."""
        return self.gate.wait(ticket) and self.gate.hold(ticket, ticket.size_bytes, is_all=True)

    def _said(self, ticket: Ticket, verdict: Verdict | None) -> None:
        assert ticket not in self.said
        self.said[ticket] = verdict
        if verdict is None:
            self.gate.take(ticket.lane, ticket.size_bytes + ROW_BYTES)
            self.used += ticket.size_bytes + ROW_BYTES


def test_all_are_let_in_while_there_is_room() -> None:
    scene = Scene()
    count = scene.spend()
    # Half of a quarter of three eighths of the room, with what each takes away from the rest.
    burst = 640 * MIB * 3 / 8 / 4 / 2 / (LETTER + ROW_BYTES)
    assert 0.8 * burst < count < 1.1 * burst
    assert scene.gate.effort == 0


def test_one_lane_that_is_full_leaves_the_others_their_room() -> None:
    scene = Scene()
    scene.spend(Lane.PARTS)
    assert scene.gate.lets_in(Lane.LETTERS)
    scene.spend(Lane.LETTERS)
    assert scene.gate.lets_in(Lane.PEERS)
    assert scene.gate.lets_in(Lane.DESKS)


def test_a_stamp_that_is_said_again_is_not_paid_again() -> None:
    scene = Scene()
    scene.spend()
    ticket = scene.ticket(Holder(), effort=1 << 24)
    assert scene.gate.wait(ticket)
    lane = scene.gate._lanes[Lane.LETTERS]
    paid = lane.paid
    assert paid >= 1 << 24
    for _ in range(3):
        scene.gate.note_stamp(ticket)
    assert lane.paid == paid
    # Nor in another session.
    again = scene.ticket(Holder(), effort=1 << 24)
    again.parcel_id = ticket.parcel_id
    assert scene.gate.wait(again)
    assert lane.paid == paid
    again.show(Stamp(bytes(32), 0, 1 << 25, bytes(16)))
    scene.gate.note_stamp(again)
    assert lane.paid == paid + (1 << 24)


def test_who_comes_behind_the_first_that_waits_is_told_what_a_stamp_has_to_show() -> None:
    scene = Scene()
    scene.spend()
    assert scene.gate.effort == 0
    assert scene.gate.wait(scene.ticket(Holder()))
    assert scene.gate.effort == FIRST_EFFORT


def test_one_stamp_said_again_and_again_raises_no_effort() -> None:
    """Nor where it is what the lane is asked for, at all times: one that was worked on once would
    else set what everybody pays for as long as it counts."""
    scene = Scene()
    scene.spend()
    for _ in range(60):
        again = scene.ticket(Holder(), effort=1 << 26)
        again.parcel_id = bytes(32)
        assert scene.gate.wait(again)
        for _ in range(10):
            scene.tick(1.0)
    assert scene.gate.effort == FIRST_EFFORT


def test_where_there_is_no_room_at_all_nobody_is_told_to_work_for_some() -> None:
    scene = Scene()
    scene.used = scene.capacity
    scene.tick()
    tickets = [scene.ticket(Holder()), scene.ticket(Holder(), effort=1 << 30)]
    for ticket in tickets:
        assert scene.bring(ticket)
    for _ in range(10):
        scene.tick(WAIT_S)
    assert scene.said == dict.fromkeys(tickets, Verdict.REFUSED_FULL)
    assert scene.gate.effort == 0


def test_what_is_half_here_is_let_in_no_further_than_there_is_room() -> None:
    scene = Scene(capacity=32 * MIB)
    scene.spend()
    half = HELD_BYTES // 2 - 1
    for _ in range(60):
        ticket = scene.ticket(Holder(), size=half)
        assert scene.gate.wait(ticket)
        assert scene.gate.hold(ticket, half, is_all=False)
    scene.capacity += 4 * MIB
    scene.tick()
    lane = scene.gate._lanes[Lane.LETTERS]
    assert scene.said
    assert lane.bucket.level_bytes > 0


def test_a_stamp_that_shows_next_to_nothing_buys_nothing() -> None:
    scene = Scene()
    scene.spend()
    assert scene.gate.effort == 0
    cheap, enough = scene.ticket(Holder(), effort=1), scene.ticket(Holder(), effort=FIRST_EFFORT)
    for ticket in (cheap, enough):
        assert scene.gate.wait(ticket)
    scene.tick()
    assert scene.said == {enough: None}
    assert scene.gate._lanes[Lane.LETTERS].paid == FIRST_EFFORT


def test_what_was_not_kept_is_given_back() -> None:
    scene = Scene()
    scene.spend()
    bucket = scene.gate._lanes[Lane.LETTERS].bucket
    before = bucket.level_bytes
    scene.gate.take(Lane.LETTERS, 640 * MIB)
    assert bucket.level_bytes < 0
    scene.gate.give_back(Lane.LETTERS, 640 * MIB)
    assert bucket.level_bytes == before
    scene.gate.give_back(Lane.LETTERS, 640 * MIB)
    assert bucket.level_bytes == bucket.burst_bytes


def test_more_room_is_a_larger_burst_at_once() -> None:
    scene = Scene(capacity=16 * MIB)
    scene.spend()
    scene.gate.take(Lane.LETTERS, MIB)
    assert not scene.gate.lets_in(Lane.LETTERS)
    scene.capacity = 640 * MIB
    scene.tick()
    assert scene.gate.lets_in(Lane.LETTERS)
    scene.capacity = 16 * MIB
    scene.tick()
    assert not scene.gate.lets_in(Lane.LETTERS)


def test_who_is_known_is_made_slower_and_never_refused() -> None:
    scene = Scene()
    assert scene.gate.dry_s(Lane.PEERS, 5.0) == 0
    scene.gate.take(Lane.PEERS, 100 * MIB)
    assert scene.gate.lets_in(Lane.PEERS)
    assert scene.gate.dry_s(Lane.PEERS, 5.0) == 5.0


def test_who_shows_a_stamp_is_let_in_before_all_who_show_none() -> None:
    scene = Scene()
    scene.spend()
    flood = [scene.ticket(Holder()) for _ in range(500)]
    assert all(scene.bring(ticket) for ticket in flood)
    honest = scene.ticket(Holder(), effort=FIRST_EFFORT)
    scene.bring(honest)
    scene.tick()
    assert scene.said[honest] is None
    assert sum(ticket in scene.said for ticket in flood) < 20


def test_the_greatest_effort_comes_first_and_a_larger_body_pays_more() -> None:
    scene = Scene()
    scene.spend()
    # Nothing is left of what stamps may take but what comes in by itself.
    scene.gate.take(Lane.LETTERS, 640 * MIB)
    scene.now_s += 1.0
    small, large = scene.ticket(Holder(), effort=100_000), scene.ticket(Holder(), effort=900_000)
    film = scene.ticket(Holder(), effort=900_000, size=10 * 131_072)
    assert [one.effort for one in (small, large, film)] == [100_000, 900_000, 90_000]
    for one in (film, small, large):
        assert scene.gate.wait(one)
    scene.gate.give_back(Lane.LETTERS, 640 * MIB)
    scene.tick()
    assert list(scene.said) == [large, small, film]
    assert all(verdict is None for verdict in scene.said.values())


def test_the_free_lane_goes_on_however_much_is_paid_beside_it() -> None:
    scene = Scene()
    scene.spend()
    free = [scene.ticket(Holder()) for _ in range(40)]
    for ticket in free:
        scene.bring(ticket)
    for _ in range(100):
        for _ in range(30):
            scene.bring(scene.ticket(Holder(), effort=10**9))
        scene.tick()
    passed = sum(scene.said.get(ticket, Verdict.BUSY) is None for ticket in free)
    # Five seconds of its rate, at least.
    assert passed >= 5 * FREE_LEAST_BYTES_S / (LETTER + ROW_BYTES) * 0.8


def test_the_free_lane_draws_sessions_and_not_parcels() -> None:
    """One letter of somebody who has one has the chance of a session that brings sixty."""
    scene = Scene()
    scene.spend()
    passed = 0
    for _ in range(30):
        floods = [Holder() for _ in range(9)]
        for holder in floods:
            for _ in range(HOLDER_TICKETS_MAX):
                scene.bring(scene.ticket(holder))
        one = scene.ticket(Holder())
        scene.bring(one)
        for _ in range(60):
            scene.tick()
        # A burst of fifty letters at first, then two a second; ten sessions wait.
        passed += scene.said.get(one, Verdict.BUSY) is None
        for holder in [*floods, one.holder]:
            scene.gate.withdraw(holder)
    assert passed >= 10


def test_who_had_much_for_nothing_comes_behind_who_had_little() -> None:
    scene = Scene()
    scene.spend()
    greedy, modest = Holder(free_bytes=FREE_EACH_BYTES), Holder()
    for _ in range(60):
        scene.bring(scene.ticket(greedy))
    one = scene.ticket(modest)
    scene.bring(one)
    while one not in scene.said:
        scene.tick()
    assert next(iter(scene.said)) is one
    assert scene.said[one] is None


def test_what_waits_for_too_long_is_told_to_bring_a_stamp() -> None:
    scene = Scene()
    scene.spend()
    many = [scene.ticket(Holder()) for _ in range(1000)]
    for ticket in many:
        scene.bring(ticket)
    while scene.gate.waiting:
        scene.tick(0.5)
    assert scene.now_s <= WAIT_S + 1
    assert set(scene.said.values()) == {None, Verdict.STAMP_WANTED}
    assert len(scene.said) == 1000


def test_what_is_only_claimed_has_no_part_in_the_free_lane() -> None:
    scene = Scene()
    scene.spend()
    lane = scene.gate._lanes[Lane.LETTERS]
    for _ in range(200):
        assert scene.gate.wait(scene.ticket(Holder(), size=HELD_BYTES))
    one = scene.ticket(Holder())
    assert scene.bring(one)
    lane.free_bytes = LETTER
    scene.gate.tick(scene.now_s, scene.load)
    assert scene.said == {one: None}
    assert lane.free_bytes == -ROW_BYTES


def test_a_film_is_charged_what_has_come_of_it() -> None:
    scene = Scene()
    scene.spend(Lane.PARTS)
    lane = scene.gate._lanes[Lane.PARTS]
    film = scene.ticket(Holder(), size=10 * MIB, lane=Lane.PARTS)
    assert scene.gate.wait(film)
    assert scene.gate.hold(film, READY_BYTES - 1, is_all=False)
    scene.tick()
    assert scene.said == {}
    assert scene.gate.hold(film, 1, is_all=False)
    scene.gate.tick(scene.now_s, scene.load)
    assert scene.said == {film: None}
    assert lane.free_bytes >= -FREE_BURST_BYTES
    # The next one is not kept out for long.
    scene.tick(2 * FREE_BURST_BYTES / FREE_LEAST_BYTES_S)
    assert lane.free_bytes > 0


def test_a_film_that_is_more_than_is_kept_before_the_next_tick_has_the_same_claim() -> None:
    scene = Scene()
    scene.spend(Lane.PARTS)
    lane = scene.gate._lanes[Lane.PARTS]
    lane.free_bytes = 1
    drawn, late = (scene.ticket(Holder(), size=10 * MIB, lane=Lane.PARTS) for _ in range(2))
    paid = scene.ticket(Holder(), size=10 * MIB, effort=1 << 24, lane=Lane.PARTS)
    said: dict[Ticket, Verdict | None] = {}
    for film, verdict in ((drawn, None), (late, Verdict.STAMP_WANTED), (paid, None)):
        assert scene.gate.wait(film)
        assert scene.gate.hold(film, HELD_BYTES, is_all=False)
        assert scene.said == said
        assert scene.gate.hold(film, 16_384, is_all=False) is (verdict is None)
        said[film] = verdict
        assert scene.said == said
    assert scene.gate.waiting == scene.gate.held_bytes == 0


def test_what_goes_on_coming_is_waited_for() -> None:
    """A letter of four blocks on a line that takes five seconds for each."""
    scene = Scene()
    scene.spend()
    scene.gate.take(Lane.LETTERS, 640 * MIB)
    scene.gate._lanes[Lane.LETTERS].free_bytes = 1
    slow, silent = scene.ticket(Holder(), size=4 * 16_384), scene.ticket(Holder(), size=16_384)
    endless = scene.ticket(Holder(), size=HELD_BYTES)
    for ticket in (slow, silent, endless):
        assert scene.gate.wait(ticket)
    for block in range(4):
        scene.tick(5.0)
        assert scene.gate.hold(slow, 16_384, is_all=block == 3)
        scene.gate.hold(endless, 1, is_all=False)
    scene.tick()
    assert scene.said == {silent: Verdict.STAMP_WANTED, slow: None}
    while endless not in scene.said:
        scene.gate.hold(endless, 1, is_all=False)
        scene.tick(5.0)
    assert scene.said[endless] is Verdict.STAMP_WANTED
    assert scene.now_s <= WAIT_MOST_S + 15


def test_a_session_that_ends_leaves_nothing() -> None:
    scene = Scene()
    scene.spend()
    holder = Holder()
    for _ in range(3):
        assert scene.bring(scene.ticket(holder))
    scene.gate.withdraw(holder)
    assert (scene.gate.waiting, scene.gate.held_bytes, holder.held_bytes) == (0, 0, 0)
    scene.tick(60)
    assert scene.said == {}


def test_a_disk_that_is_behind_lets_nothing_more_in_but_the_free_lane() -> None:
    scene = Scene(queued=17 * MIB)
    assert not scene.gate.lets_in(Lane.LETTERS)
    paid, free = scene.ticket(Holder(), effort=10**6), scene.ticket(Holder())
    scene.bring(paid)
    scene.bring(free)
    scene.tick(1.0)
    assert scene.said.get(free, scene.said.get(paid, Verdict.BUSY)) is None
    scene.queued = 0
    scene.tick()
    assert scene.said == {paid: None, free: None}


def test_a_flood_never_gets_all_of_the_room() -> None:
    """Two days in which as much is brought as is let in, all of it paid for."""
    scene = Scene(capacity=1024 * MIB)
    for _ in range(2 * 24 * 12):
        scene.tick(300)
        for _ in range(40):
            ticket = scene.ticket(Holder(), size=HELD_BYTES, effort=10**6)
            scene.bring(ticket)
    assert scene.used < scene.capacity
    fresh = scene.ticket(Holder())
    scene.bring(fresh)
    for _ in range(40):
        scene.tick(1.0)
    assert fresh in scene.said


def test_the_effort_rises_with_pressure_and_goes_with_it() -> None:
    scene = Scene()
    scene.spend()
    for _ in range(30):
        for _ in range(20):
            scene.bring(scene.ticket(Holder(), effort=10**7))
        scene.tick(1.0)
    assert scene.gate.effort > FIRST_EFFORT
    high = scene.gate.effort
    scene.used = 0
    for _ in range(3000):
        scene.tick(10.0)
    assert 0 == scene.gate.effort < high
    assert scene.gate.lets_in(Lane.LETTERS)
