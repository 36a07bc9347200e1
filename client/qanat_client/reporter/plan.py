"""What a sync would send, in which order and to whom. Looks at the disk; never at a network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from qanat_client.reporter.learned import MOST_CALLED, Learned
from qanat_client.reporter.outbox import StoredParcel
from qanat_client.reporter.relays import Target
from qanat_client.reporter.traffic import Traffic, due_for
from qanat_client.terminal import Terminal, human_size, printable_line
from qanat_protocol.kinds import Rank

__all__ = ["Plan", "make_plan"]

_MOST_SHOWN = 12
"""Reports that are listed; more are counted. What comes first is what matters."""

_NAMES = {
    Rank.THUMBNAIL: ("thumbnail", "thumbnails"),
    Rank.PREVIEW: ("preview or small file", "previews and small files"),
    Rank.ORIGINAL: ("file", "files"),
}


@dataclass(frozen=True, slots=True)
class _Waiting:
    """What of one report some relay is still to be offered."""

    number: int
    parcels: tuple[StoredParcel, ...]

    @property
    def place(self) -> tuple[int, int]:
        """Most urgent first, then the oldest."""
        return (min(parcel.rank for parcel in self.parcels), self.number)

    @property
    def is_urgent(self) -> bool:
        return any(parcel.rank is Rank.URGENT for parcel in self.parcels)

    @property
    def size_bytes(self) -> int:
        return sum(parcel.header.body_size for parcel in self.parcels)

    def line(self) -> str:
        """For the person."""
        said = []
        letters = [parcel for parcel in self.parcels if parcel.rank <= Rank.LETTER]
        if letters:
            said.append(f"letter {_size(letters)}")
        for rank, (one, many) in _NAMES.items():
            some = [parcel for parcel in self.parcels if parcel.rank is rank]
            if some:
                said.append(f"{len(some)} {one if len(some) == 1 else many} {_size(some)}")
        urgent = " (urgent)" if self.is_urgent else ""
        return f"  report {self.number}{urgent}: {', '.join(said)}"

    def facts(self) -> dict[str, Any]:
        """For programs."""
        return {
            "report": self.number,
            "urgent": self.is_urgent,
            "parcels": len(self.parcels),
            "size_bytes": self.size_bytes,
        }


@dataclass(frozen=True, slots=True)
class _Asked:
    """A relay of the cards. `due_bytes`: what it alone would be offered."""

    address: str
    country: str
    due_bytes: int


@dataclass(frozen=True, slots=True)
class Plan:
    """What would go now, if every relay is there and wants all that it is offered."""

    reports: tuple[_Waiting, ...]
    relays: tuple[_Asked, ...]
    named: tuple[str, ...]
    """Addresses given by hand: whose they are has to be asked first."""
    learned: tuple[tuple[str, str], ...]
    """The addresses of relays that no desk's card names, and of the relays whose cards do."""
    total_bytes: int

    def tell(self, terminal: Terminal) -> None:
        """Show it to the person."""
        count = len(self.relays) + len(self.named)
        to = "1 relay" if count == 1 else f"{count} relays"
        if self.reports:
            terminal.say("waiting to go, the most urgent first:")
            for waiting in self.reports[:_MOST_SHOWN]:
                terminal.say(waiting.line())
            if (more := len(self.reports) - _MOST_SHOWN) > 0:
                terminal.say(f"  and {more} more")
            terminal.say(f"in all {human_size(self.total_bytes)} at most, sealed, to {to}:")
        else:
            terminal.say(f"nothing waits to go; answers and bulletins are fetched from {to}:")
        for relay in self.relays:
            where = f" ({printable_line(relay.country)})" if relay.country else ""
            terminal.say(f"  {relay.address}{where}")
        for address in self.named:
            terminal.say(f"  {address} (no card names it: it is asked for its key first)")
        if self.learned:
            some = "" if len(self.learned) <= MOST_CALLED else f" at most {MOST_CALLED} of"
            terminal.say(f"and while none of a desk's own relays answers, to{some}:")
        for address, by in self.learned:
            terminal.say(f"  {address} (named by {by}, not by the desk)")

    def facts(self) -> dict[str, Any]:
        """For programs."""
        return {
            "waiting": [waiting.facts() for waiting in self.reports],
            "total_bytes": self.total_bytes,
            "to": [relay.address for relay in self.relays] + list(self.named),
            "or_learned": [address for address, _ in self.learned],
        }


def _size(parcels: Sequence[StoredParcel]) -> str:
    return human_size(sum(parcel.header.body_size for parcel in parcels))


def make_plan(
    parcels: Sequence[StoredParcel],
    found: Sequence[Target],
    named: Sequence[str],
    traffic: Traffic,
    learned: Sequence[Learned] = (),
) -> Plan:
    """The plan for these parcels (those that wait), these relays of cards, those by hand, and those
    that are gone to where none of the cards' answers."""
    due: dict[int, list[StoredParcel]] = {}
    due_bytes = dict.fromkeys((target.entry.signing_key for target in found), 0)
    total = 0
    for parcel in parcels:
        ours = [
            target
            for target in found
            if any(card.desk_id == parcel.desk_id for card in target.cards)
        ]
        keys = [one.entry.signing_key for one in ours]
        lacking = [key for key in keys if due_for(parcel, key, traffic.today)]
        for key in lacking:
            due_bytes[key] += parcel.header.body_size
        holders, count = len(ours) - len(lacking), len(lacking) + len(named)
        if parcel.rank is Rank.ORIGINAL:
            count = min(count, max(0, traffic.copies - holders))
        if count:
            due.setdefault(parcel.item, []).append(parcel)
            total += count * parcel.header.body_size
    reports = [_Waiting(number, tuple(some)) for number, some in due.items()]
    return Plan(
        reports=tuple(sorted(reports, key=lambda waiting: waiting.place)),
        relays=tuple(
            _Asked(entry.addresses[0], entry.country, due_bytes[entry.signing_key])
            for entry in (target.entry for target in found)
        ),
        named=tuple(named),
        learned=tuple(
            (one.target.entry.addresses[0], one.by.entry.addresses[0]) for one in learned
        ),
        total_bytes=total,
    )
