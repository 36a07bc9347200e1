"""What the outbox shows of each report: how far it has come, in the words that are true.

Reads the queue, never changes it.
"""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from qanat_client.reporter.database import disk_errors
from qanat_client.reporter.home import Home
from qanat_client.reporter.outbox import Word
from qanat_client.reporter.relay_report import SMALLER
from qanat_client.terminal import Terminal, human_size
from qanat_protocol.days import iso
from qanat_protocol.limits import HEADER_BYTES
from qanat_protocol.parcel import Kind, parse_header

__all__ = ["Entry", "Parcel", "Relay", "describe", "entries", "facts", "show"]

_NEAR_DAYS = 14


@dataclass(frozen=True, slots=True)
class Relay:
    """A relay and its word on one parcel."""

    address: str
    country: str
    word: Word
    day: int
    is_own: bool = True
    """Whether a desk's card named it. A country that only relays tell is nobody's."""


@dataclass(frozen=True, slots=True)
class Parcel:
    """One parcel of a report, as it is shown."""

    id: bytes
    kind: Kind
    size_bytes: int
    opened_day: int | None
    relays: tuple[Relay, ...]

    largest_taken: int | None = None
    """The most that any relay takes which has said so, in bytes; None if none has."""

    stamp_effort: int = 0
    """What a stamp was made with, or what one was asked for; 0 for neither."""

    has_stamp: bool = False

    @property
    def is_too_large(self) -> bool:
        """Whether nobody has it and every relay that was asked takes only smaller ones."""
        return (
            self.opened_day is None
            and not self.takers
            and self.largest_taken is not None
            and self.size_bytes - HEADER_BYTES > self.largest_taken
        )

    @property
    def holders(self) -> tuple[Relay, ...]:
        """The relays that signed a receipt for it."""
        return tuple(relay for relay in self.relays if relay.word is Word.SIGNED)

    @property
    def takers(self) -> tuple[Relay, ...]:
        """The relays that have the whole of it, signed for or not."""
        return tuple(relay for relay in self.relays if relay.word >= Word.HOLDS)


@dataclass(frozen=True, slots=True)
class Entry:
    """One report in the outbox; `sealed_hour` counts unix hours."""

    number: int
    desk_id: bytes
    sealed_hour: int
    expiry_day: int
    files: int
    parcels: tuple[Parcel, ...]

    @property
    def size_bytes(self) -> int:
        return sum(parcel.size_bytes for parcel in self.parcels)

    @property
    def opened(self) -> bool:
        """Whether the desk has opened all of it."""
        return all(parcel.opened_day is not None for parcel in self.parcels)

    def state(self, home_country: str) -> str:
        """How far the letter has come: queued, handed over, held, abroad, opened."""
        letter = self.parcels[0]
        if letter.opened_day is not None:
            return "opened"
        if abroad_of(letter, home_country):
            return "abroad"
        if letter.holders:
            return "held"
        return "handed over" if letter.takers else "queued"

    def urgency(self, today: int) -> str:
        """`past`, `near` or nothing: how close the last day is while it is not yet opened."""
        if self.opened:
            return ""
        left = self.expiry_day - today
        return "past" if left < 0 else "near" if left <= _NEAR_DAYS else ""


def abroad_of(parcel: Parcel, home_country: str) -> tuple[Relay, ...]:
    """The relays outside that signed for it, by the countries that desks' cards name; empty where
    it is not known what is outside."""
    if not home_country:
        return ()
    outside = (r for r in parcel.holders if r.is_own and r.country)
    return tuple(relay for relay in outside if relay.country != home_country)


def entries(home: Home, connection: sqlite3.Connection) -> list[Entry]:
    """All reports, oldest first."""
    with disk_errors(home.database):
        relays: dict[int, list[Relay]] = {}
        for key, address, country, word, day, is_own in connection.execute(
            "SELECT parcel, coalesce(address, substr(lower(hex(relay)), 1, 8)),"
            " coalesce(country, ''), word, day, named_by IS NULL FROM custody"
            " LEFT JOIN relay ON relay = signing_key ORDER BY address"
        ):
            relays.setdefault(key, []).append(
                Relay(address, country, Word(word), day, bool(is_own))
            )
        parcels: dict[int, list[Parcel]] = {}
        largest_taken = connection.execute(
            "SELECT max(largest_body) FROM relay"
            " WHERE coalesce(named_by, signing_key) = signing_key"
        ).fetchone()[0]
        for key, item, parcel_id, data, opened_day, *stamp in connection.execute(
            "SELECT key, item, id, header, opened_day, effort, nonce IS NOT NULL FROM parcel"
            " LEFT JOIN stamp ON stamp.parcel = key WHERE item IS NOT NULL ORDER BY item, position"
        ):
            header = parse_header(data)
            parcels.setdefault(item, []).append(
                Parcel(
                    id=parcel_id,
                    kind=header.kind,
                    size_bytes=HEADER_BYTES + header.body_size,
                    opened_day=opened_day,
                    relays=tuple(relays.get(key, ())),
                    largest_taken=largest_taken,
                    stamp_effort=stamp[0] or 0,
                    has_stamp=bool(stamp[1]),
                )
            )
        rows = connection.execute(
            "SELECT number, desk, sealed_hour, expiry_day, files FROM item ORDER BY number"
        ).fetchall()
    # A report that is being dropped in another process may have no parcel left.
    return [
        Entry(number, desk_id, hour, expiry_day, files, tuple(parcels[number]))
        for number, desk_id, hour, expiry_day, files in rows
        if number in parcels
    ]


def _named(relays: tuple[Relay, ...]) -> str:
    return ", ".join(
        r.address
        + (f" ({r.country})" if r.country and r.is_own else "")
        + ("" if r.is_own else " - which no desk's card names")
        + (" - it says the desk has it" if r.word is Word.PURGED else "")
        for r in relays
    )


def describe(entry: Entry, home_country: str, today: int) -> str:
    """One line for a person."""
    letter, *parts = entry.parcels
    match entry.state(home_country):
        case "opened":
            state = f"opened by the desk (the desk signed it; known here since {iso(_day(letter))})"
        case "abroad":
            abroad = abroad_of(letter, home_country)
            state = f"left the country ({_named(abroad)}: says it holds it)"
        case "held":
            count = len(letter.holders)
            some = "1 relay" if count == 1 else f"{count} relays"
            said = "it says" if count == 1 else "they say"
            state = f"held by {some} ({said}: {_named(letter.holders)})"
        case "handed over":
            state = f"handed over (to {_named(letter.takers)})"
        case _ if letter.has_stamp:
            state = "queued, with the stamp that a relay under a flood asked for"
        case _ if letter.stamp_effort:
            state = "queued; a relay under a flood asks for a stamp, which a sync works on"
        case _:
            state = "queued"
    if parts:
        opened = sum(part.opened_day is not None for part in parts)
        there = sum(bool(part.takers) or part.opened_day is not None for part in parts)
        state += f"; of {len(parts)} attached parcels {there} handed over, {opened} opened"
    match entry.urgency(today):
        case "past":
            state += f"; its last day was {iso(entry.expiry_day)}: write it again"
        case "near":
            state += f"; MUST ARRIVE BY {iso(entry.expiry_day)}, soon"
        case _ if not entry.opened:
            state += f"; must arrive by {iso(entry.expiry_day)}"
    day, hour = divmod(entry.sealed_hour, 24)
    files = {0: "no file", 1: "1 file"}.get(entry.files, f"{entry.files} files")
    return (
        f"{entry.number:4d}  {iso(day)} {hour:02d}h UTC  {human_size(entry.size_bytes):>9}"
        f"  {files}: {state}"
    )


def show(found: Sequence[Entry], home_country: str, today: int, terminal: Terminal) -> None:
    """All of them, and the totals, for a person."""
    for entry in found:
        terminal.say(describe(entry, home_country, today))
        for parcel in entry.parcels:
            if parcel.is_too_large and parcel.largest_taken is not None:
                reason = (
                    f"{human_size(parcel.size_bytes)}, and the relays take at most"
                    f" {human_size(parcel.largest_taken)}"
                )
                terminal.say(
                    f"      NO RELAY TAKES ITS FILE: {reason}. {SMALLER[0].upper()}{SMALLER[1:]}."
                )
    if not found:
        terminal.say("the outbox is empty")
        return
    waiting = [p for entry in found for p in entry.parcels if p.opened_day is None]
    size = human_size(sum(parcel.size_bytes for parcel in waiting))
    opened = sum(entry.state(home_country) == "opened" for entry in found)
    reports = "1 report" if len(found) == 1 else f"{len(found)} reports"
    parcels = "1 parcel" if len(waiting) == 1 else f"{len(waiting)} parcels"
    left = f"{size} in {parcels} that nobody has opened yet" if waiting else "nothing waits"
    terminal.say(f"{reports}, {opened} opened by the desk; {left}")


def facts(found: Sequence[Entry], home_country: str, today: int) -> list[dict[str, Any]]:
    """The same for programs."""
    return [
        {
            "number": entry.number,
            "desk_id": entry.desk_id,
            "sealed_hour": entry.sealed_hour,
            "size_bytes": entry.size_bytes,
            "files": entry.files,
            "state": entry.state(home_country),
            "must_arrive_by": iso(entry.expiry_day),
            "urgency": entry.urgency(today),
            "parcels": [
                {
                    "id": parcel.id,
                    "kind": parcel.kind.name.lower(),
                    "size_bytes": parcel.size_bytes,
                    "opened": parcel.opened_day is not None,
                    "no_relay_takes_it": parcel.is_too_large,
                    "stamp_effort": parcel.stamp_effort,
                    "has_stamp": parcel.has_stamp,
                    "relays": [
                        {
                            "address": relay.address,
                            "country": relay.country,
                            "named_by_a_desk": relay.is_own,
                            "word": relay.word.name.lower(),
                            "day": iso(relay.day),
                        }
                        for relay in parcel.relays
                    ],
                }
                for parcel in entry.parcels
            ],
        }
        for entry in found
    ]


def _day(parcel: Parcel) -> int:
    assert parcel.opened_day is not None
    return parcel.opened_day
