"""Lets parcels in: all while there is room, then by what was paid, and always some for nothing.

Keeps what waits, within bounds; reads no clock, stores nothing and knows no address.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from qanat_protocol.stamp import FIRST_EFFORT, weight_of
from qanat_protocol.verdicts import Verdict
from qanat_relay.admission.bucket import Bucket
from qanat_relay.admission.effort import PERIOD_S, Period, next_effort
from qanat_relay.admission.lobby import HELD_BYTES, Lobby, Pick
from qanat_relay.admission.ticket import Holder, Lane, Ticket
from qanat_relay.store.costs import LEAST_BODY_BYTES, ROW_BYTES, cost_of

RESERVE_SHARE = 1 / 2
"""Of a lane's burst, what only stamps may take: who pays finds room also behind a flood."""

FREE_SHARE = 1 / 8
"""Of a lane's rate, what the free lane has in any case."""

FREE_LEAST_BYTES_S = 10_240.0
"""The free lane's rate at least, two of the least letters in a second, as long as it would take
more than FREE_DRAIN_S to fill the lane's room with it."""

FREE_DRAIN_S = 21_600.0
"""With less room than that it gets slower, so that it never ends."""

FREE_MOST_BYTES_S = 2.0**20
"""And at most: what a slow card takes beside all else."""

FREE_BURST_BYTES = 262_144
"""What the free lane may let in at once, and owe at most: the largest letter."""

WAIT_S = 10.0
"""How long a parcel waits to be let in, from what came last of it. A client whose line is silent
for 15 s gives up."""

WAIT_MOST_S = 60.0
"""And while more of it comes on a slow line: a letter of 16 KiB at 2 kbit/s."""

READY_BYTES = HELD_BYTES // 2
"""What is here of a body before the free lane draws it, where that is not all of it."""

SHOWN_MAX = 8192
"""Stamps that are known again, those that were shown last. Were they forgotten after each period,
one that was worked on once and is said again and again would be paid each time: the effort would
rise to what it shows, and stay there."""

FREE_EACH_BYTES = 2**20
"""What one session is let in with for nothing before all others that wait."""

MAX_QUEUED_BYTES = 96 * 2**20
"""What may be on its way to any disk before more waits to be let in: beside it there are what
arrives and what is given."""


@dataclass(frozen=True, slots=True)
class Load:
    """How a relay stands. kept_free_bytes: room for what is never dropped; free_bytes: for parts,
    with what makes way for them; queued_bytes: on its way to the disk; queue_bytes: how much may be
    before others wait; many_halves: whether more than half of the quota of what is not whole is
    used."""

    kept_free_bytes: int
    free_bytes: int
    queued_bytes: int = 0
    queue_bytes: int = MAX_QUEUED_BYTES
    many_halves: bool = False

    def free_for(self, lane: Lane) -> int:
        """The room of which a lane has its share."""
        return self.free_bytes if lane is Lane.PARTS else self.kept_free_bytes


class _LaneState:
    """A lane's room, what waits for it and what a place in it costs."""

    def __init__(self, lane: Lane, free_bytes: int, now_s: float) -> None:
        self.bucket = Bucket(lane.share, free_bytes, now_s)
        self.tickets: dict[Ticket, None] = {}
        """In the order in which they came, so that those who wait the longest are the first."""
        self.paid_for: dict[Ticket, None] = {}
        """Those of them with a stamp."""
        self.ready: dict[Ticket, None] = {}
        """Those of which so much is here that the free lane may draw them."""
        self.shown: dict[bytes, int] = {}
        """What was paid for which parcels: whoever shows a stamp in several sessions, or again
        later, has paid once."""
        self.free_bytes = 0.0
        """What the free lane may let in now."""
        self.effort = 0
        self.is_held = False
        """Whether it lets nothing in for its room's sake."""
        self.pressed = False
        self.paid = 0

    @property
    def is_open(self) -> bool:
        """Whether there is room for whoever comes."""
        return not self.tickets and self.has_room and not self.is_held

    @property
    def is_full(self) -> bool:
        """Whether its share of the room does not bear the smallest letter."""
        return self.bucket.room_bytes < cost_of(LEAST_BODY_BYTES)

    @property
    def has_room(self) -> bool:
        """Whether there is more than only stamps may take."""
        return self.bucket.level_bytes > self.bucket.burst_bytes * RESERVE_SHARE

    @property
    def asked_effort(self) -> int:
        """What whoever comes now is asked for: the least, as soon as the first one waits."""
        waits = bool(self.tickets) and not self.is_full
        return max(self.effort, FIRST_EFFORT if waits else 0)

    def is_enough(self, effort: int) -> bool:
        """Whether a stamp shows enough: half of what is asked for by now was, when it was worked
        on."""
        return 2 * effort >= max(self.effort, FIRST_EFFORT)

    def note_paid(self, ticket: Ticket) -> None:
        """Count the work that its stamp shows, as far as it was not counted."""
        paid = ticket.effort * weight_of(ticket.size_bytes)
        before = self.shown.pop(ticket.parcel_id, 0)
        self.paid += max(0, paid - before)
        self.shown[ticket.parcel_id] = max(paid, before)
        if len(self.shown) > SHOWN_MAX:
            del self.shown[next(iter(self.shown))]

    @property
    def free_rate_bytes_s(self) -> float:
        """What comes into the free lane; nothing where there is no room at all."""
        least_bytes_s = min(FREE_LEAST_BYTES_S, self.bucket.room_bytes / FREE_DRAIN_S)
        return min(max(self.bucket.rate_bytes_s * FREE_SHARE, least_bytes_s), FREE_MOST_BYTES_S)


class Gate:
    """One relay's. `pick(n)` draws a number below n. The caller tells the time, in seconds from
    anywhere, and the load."""

    def __init__(
        self,
        load: Load,
        now_s: float,
        pick: Pick,
        *,
        least: int = 0,
        stir: Callable[[], None] = lambda: None,
    ) -> None:
        """`least`: the effort to tell even without need; `stir` is called when something waits."""
        self._lanes = {lane: _LaneState(lane, load.free_for(lane), now_s) for lane in Lane}
        self._stir = stir
        self._lobby = Lobby(pick, self._refuse)
        self.asks = True
        """Whether anything ever waits: not where nobody tells the time or the operator so wants."""
        self.least = least
        self._now_s = self._period_s = now_s
        self._queued_bytes = load.queued_bytes
        self._queue_bytes = load.queue_bytes

    @property
    def effort(self) -> int:
        """What a stamp should show for each 128 KiB of a body; 0 while none is needed."""
        return max(self.least, *(state.asked_effort for state in self._lanes.values()))

    @property
    def waiting(self) -> int:
        """How many parcels wait."""
        return sum(len(state.tickets) for state in self._lanes.values())

    @property
    def held_bytes(self) -> int:
        """What of them is in memory."""
        return self._lobby.held_bytes

    # What comes

    def lets_in(self, lane: Lane, *, goes_on: bool = False) -> bool:
        """Whether what comes of a parcel is let in without waiting. `goes_on`: some is here."""
        state = self._lanes[lane]
        if not self.asks or not lane.asks:
            return True
        # How fast what has begun goes on its custody sees to.
        if state.has_room if goes_on else state.is_open and not self._is_crowded:
            return True
        state.pressed = True
        return False

    def take(self, lane: Lane, size_bytes: int) -> None:
        """Count what goes on its way to the disk."""
        self._queued_bytes += size_bytes
        self._lanes[lane].bucket.take(size_bytes)

    def give_back(self, lane: Lane, size_bytes: int) -> None:
        """So much of what was taken was not kept: it takes none of the room."""
        self._lanes[lane].bucket.give_back(size_bytes)

    def refusal(self, lane: Lane) -> Verdict:
        """Why what is not let in is refused: where there is no room at all no stamp makes any."""
        is_full = self._lanes[lane].is_full
        return Verdict.REFUSED_FULL if is_full else Verdict.STAMP_WANTED

    def dry_s(self, lane: Lane, most_s: float) -> float:
        """How long it takes until there is room again where more was taken than there was: whoever
        brings it is to wait so long."""
        bucket = self._lanes[lane].bucket
        if not self.asks or bucket.level_bytes >= 0:
            return 0.0
        return min(-bucket.level_bytes / max(bucket.rate_bytes_s, 1.0), most_s)

    def wait(self, ticket: Ticket) -> bool:
        """Let it wait; False, and nothing is done, where its session has its share of what waits,
        or others have a better claim to what memory there is."""
        state = self._lanes[ticket.lane]
        ticket.is_paid = state.is_enough(ticket.effort)
        if not self._lobby.enter(ticket):
            return False
        ticket.since_s, ticket.until_s = self._now_s, self._now_s + WAIT_S
        state.tickets[ticket] = None
        state.pressed = True
        if ticket.is_paid:
            state.paid_for[ticket] = None
            state.note_paid(ticket)
        self._stir()
        return True

    def hold(self, ticket: Ticket, size_bytes: int, *, is_all: bool) -> bool:
        """Keep so much more of it in memory, or let it in; False, and it is refused, if that is
        too much. `is_all`: nothing more is to come."""
        state = self._lanes[ticket.lane]
        if not self._lobby.hold(ticket, size_bytes):
            # Whoever is fast brings that between two ticks, and has the same claim.
            self._let_in(state)
            if is_refused := ticket in state.tickets:
                self._refuse(ticket)
            return not is_refused
        ticket.until_s = min(self._now_s + WAIT_S, ticket.since_s + WAIT_MOST_S)
        del state.tickets[ticket]
        state.tickets[ticket] = None
        if is_all or ticket.held_bytes >= READY_BYTES:
            state.ready[ticket] = None
        return True

    def note_stamp(self, ticket: Ticket) -> None:
        """A stamp was shown for one that waits, which is let in at once where there is room."""
        state = self._lanes[ticket.lane]
        if state.is_enough(ticket.effort):
            if not ticket.is_paid:
                self._lobby.note_paid(ticket)
                state.paid_for[ticket] = None
            state.note_paid(ticket)
            self._let_in_those_who_paid(state)

    def withdraw(self, holder: Holder) -> None:
        """A session is over, and what it had waiting."""
        for ticket in tuple(holder.tickets):
            self._drop(ticket)

    # What the time brings

    def tick(self, now_s: float, load: Load) -> None:
        """Let in what there is room for by now, and refuse what has waited for too long."""
        past_s, self._now_s = now_s - self._now_s, now_s
        self._queued_bytes, self._queue_bytes = load.queued_bytes, load.queue_bytes
        # One sender of beginnings leaves half of their quota to who shows a stamp or waits.
        self._lanes[Lane.PARTS].is_held = load.many_halves
        for lane, state in self._lanes.items():
            state.bucket.fill(load.free_for(lane), now_s)
            came_bytes = state.free_rate_bytes_s * past_s
            state.free_bytes = min(state.free_bytes + came_bytes, FREE_BURST_BYTES)
            self._let_in(state)
            while (first := next(iter(state.tickets), None)) and first.until_s <= now_s:
                self._refuse(first)
        if now_s - self._period_s >= PERIOD_S:
            self._end_period(now_s - self._period_s)
            self._period_s = now_s

    def _let_in(self, state: _LaneState) -> None:
        self._let_in_those_who_paid(state)
        self._let_in_for_nothing(state)

    def _let_in_those_who_paid(self, state: _LaneState) -> None:
        if not state.paid_for or state.bucket.level_bytes <= 0 or self._is_crowded:
            return
        for ticket in sorted(state.paid_for, key=lambda one: one.effort, reverse=True):
            if not state.is_enough(ticket.effort) or state.bucket.level_bytes <= 0:
                return
            self._settle(ticket, None)
            if self._is_crowded:
                return

    def _let_in_for_nothing(self, state: _LaneState) -> None:
        if state.ready and (state.free_bytes > 0 or self._has_spare(state)):
            self._draw(state)
        # What comes of the others is asked about again when it comes.
        for ticket in tuple(state.tickets):
            if not self._has_spare(state):
                return
            self._settle(ticket, None)

    def _draw(self, state: _LaneState) -> None:
        """By lot among those of whose body enough is here: what was only claimed costs its sender
        nothing, and takes part in nothing."""
        by_holder: dict[Holder, list[Ticket]] = {}
        for ticket in state.ready:
            by_holder.setdefault(ticket.holder, []).append(ticket)
        holders = list(by_holder)
        fresh = [holder for holder in holders if holder.free_bytes < FREE_EACH_BYTES]
        while some := fresh or holders:
            spare = self._has_spare(state)
            if not spare and state.free_bytes <= 0:
                return
            holder = self._lobby.choice(some)
            tickets = by_holder[holder]
            ticket = tickets.pop(self._lobby.pick(len(tickets)))
            cost_bytes = ticket.held_bytes + ROW_BYTES
            if not spare:
                state.free_bytes = max(state.free_bytes - cost_bytes, -FREE_BURST_BYTES)
            holder.free_bytes += cost_bytes
            if not tickets or holder.free_bytes >= FREE_EACH_BYTES:
                if holder in fresh:
                    fresh.remove(holder)
                if not tickets:
                    holders.remove(holder)
            self._settle(ticket, None)

    def _has_spare(self, state: _LaneState) -> bool:
        return state.has_room and not state.is_held and not self._is_crowded

    @property
    def _is_crowded(self) -> bool:
        return self._queued_bytes >= self._queue_bytes

    def _end_period(self, past_s: float) -> None:
        for state in self._lanes.values():
            room_bytes = state.bucket.rate_bytes_s * past_s
            places = int(room_bytes / cost_of(LEAST_BODY_BYTES))
            # Of a lane that is full nobody gets anything for more work.
            pressed = state.pressed and not state.is_full
            state.effort = next_effort(state.effort, Period(pressed, state.paid, places))
            state.pressed = bool(state.tickets)
            state.paid = 0

    def _refuse(self, ticket: Ticket) -> None:
        self._settle(ticket, self.refusal(ticket.lane))

    def _settle(self, ticket: Ticket, verdict: Verdict | None) -> None:
        self._drop(ticket)
        ticket.settle(verdict)

    def _drop(self, ticket: Ticket) -> None:
        state = self._lanes[ticket.lane]
        state.tickets.pop(ticket, None)
        state.paid_for.pop(ticket, None)
        state.ready.pop(ticket, None)
        self._lobby.leave(ticket)
