"""What waits to be let in, within bounds, and which of it goes where that is too much.

Lets nothing in; knows neither time nor room.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from qanat_relay.admission.ticket import Holder, Ticket

LOBBY_BYTES = 16 * 2**20
"""What all that wait may weigh."""

TICKET_BYTES = 2048
"""What a parcel weighs beside what is here of its body: its header, its transfer and its place in
the lobby, as objects."""

UNPAID_SHARE = 1 / 4
"""Of the lobby, what those without a stamp keep however many show one: the free lane always has
somebody to draw."""

HELD_BYTES = 262_144
"""What of a session is kept while it waits: the largest letter, or sixty of the least. A film that
comes faster than the free lane draws it is refused beyond that, and has to bring a stamp: were its
session not read until then, the letters behind it would wait too. What was let in of it stays."""

HOLDER_TICKETS_MAX = 64
"""Parcels of one session that wait: as many as it may have open."""

Pick = Callable[[int], int]
T = TypeVar("T")


class Lobby:
    """One gate's. `refuse` is called with a parcel that makes way for another; it has to `leave`.
    `pick(n)` draws a number below n."""

    def __init__(self, pick: Pick, refuse: Callable[[Ticket], None]) -> None:
        self.pick = pick
        self._refuse = refuse
        self._holders: dict[Holder, None] = {}
        """Sessions of which something waits."""
        self._paid: dict[Ticket, None] = {}
        self._paid_bytes = self._unpaid_bytes = 0
        self.held_bytes = 0
        """What of all bodies is in memory."""

    def enter(self, ticket: Ticket) -> bool:
        """Let it wait; False, and nothing is done, where there is no place for it."""
        holder = ticket.holder
        if len(holder.tickets) >= HOLDER_TICKETS_MAX or not self._make(ticket, TICKET_BYTES):
            return False
        holder.tickets.add(ticket)
        self._holders[holder] = None
        if ticket.is_paid:
            self._paid[ticket] = None
        self._weigh(ticket, TICKET_BYTES)
        return True

    def hold(self, ticket: Ticket, size_bytes: int) -> bool:
        """Keep so much more of its body; False, and nothing is done, if that is too much."""
        holder = ticket.holder
        if holder.held_bytes + size_bytes > HELD_BYTES or not self._make(ticket, size_bytes):
            return False
        ticket.held_bytes += size_bytes
        holder.held_bytes += size_bytes
        self.held_bytes += size_bytes
        self._weigh(ticket, size_bytes)
        return True

    def note_paid(self, ticket: Ticket) -> None:
        """Enough was shown for one that waits."""
        weight_bytes = TICKET_BYTES + ticket.held_bytes
        self._weigh(ticket, -weight_bytes)
        ticket.is_paid = True
        self._weigh(ticket, weight_bytes)
        self._paid[ticket] = None

    def leave(self, ticket: Ticket) -> None:
        """It waits no more."""
        holder = ticket.holder
        self._weigh(ticket, -TICKET_BYTES - ticket.held_bytes)
        self._paid.pop(ticket, None)
        holder.tickets.discard(ticket)
        if not holder.tickets:
            self._holders.pop(holder, None)
        holder.held_bytes -= ticket.held_bytes
        self.held_bytes -= ticket.held_bytes
        ticket.held_bytes = 0

    def _weigh(self, ticket: Ticket, size_bytes: int) -> None:
        if ticket.is_paid:
            self._paid_bytes += size_bytes
        else:
            self._unpaid_bytes += size_bytes
            ticket.holder.weight_bytes += size_bytes

    def _make(self, ticket: Ticket, size_bytes: int) -> bool:
        """Make room for so much more of this one, if others have to go for it."""
        while self._paid_bytes + self._unpaid_bytes + size_bytes > LOBBY_BYTES:
            other = self._other(ticket, size_bytes)
            if other is None:
                return False
            self._refuse(other)
        return True

    def _other(self, ticket: Ticket, size_bytes: int) -> Ticket | None:
        """Which one goes for it: without a stamp that of a session which weighs the most, with
        more than this one would; of those with a stamp that which shows the least."""
        share_bytes = LOBBY_BYTES * UNPAID_SHARE
        if ticket.is_paid:
            if self._unpaid_bytes > share_bytes:
                return self._of_the_greediest(0)
            least = self._least(ticket)
            return least if least is not None and least.effort < ticket.effort else None
        if self._unpaid_bytes + size_bytes <= share_bytes:
            return self._least(ticket)
        return self._of_the_greediest(ticket.holder.weight_bytes + size_bytes)

    def _least(self, besides: Ticket) -> Ticket | None:
        others = (ticket for ticket in self._paid if ticket is not besides)
        return min(others, key=lambda one: one.effort, default=None)

    def _of_the_greediest(self, above_bytes: int) -> Ticket | None:
        most = max((holder.weight_bytes for holder in self._holders), default=0)
        if most <= above_bytes:
            return None
        holder = self.choice([one for one in self._holders if one.weight_bytes == most])
        return self.choice([one for one in holder.tickets if not one.is_paid])

    def choice(self, some: Sequence[T]) -> T:
        """One of these by lot."""
        return some[self.pick(len(some))]
