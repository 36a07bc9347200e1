"""What came of one relay in one sync, in numbers and in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from qanat_client.terminal import human_size, printable_line

__all__ = ["SMALLER", "RelayReport", "exit_code", "too_large"]

SMALLER = (
    "cut the file into smaller ones and send those, or ask the desk for a relay that takes more"
)

MAX_NEWS = 64
"""More is told as that: a relay can make up as much as it likes."""


@dataclass(slots=True)
class RelayReport:
    """Filled while the session runs; `reached` once the relay has proven its key."""

    address: str
    country: str
    reached: bool = False
    taken: int = 0
    had: int = 0
    signed: int = 0
    sent_bytes: int = 0
    half_sent: int = 0
    opened: int = 0
    replies: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    refused_keys: set[int] = field(default_factory=set)
    """The parcels behind these numbers, by their keys in the outbox."""
    stuck: int = 0
    """How many of them no relay has."""
    news: list[str] = field(default_factory=list)
    advice: list[str] = field(default_factory=list)
    problem: str = ""
    named_by: str = ""
    """The address of the relay whose card names this one, where no desk's card does."""
    says_no: bool = False
    went_on: bool = False
    """Whether it confirmed anything, if only blocks of a file."""
    stamps_wanted: int = 0
    """Parcels that it would have taken with a stamp."""
    no_room: bool = False
    """Whether it refused anything for a reason that passes: it may have room in a while."""
    has_more: bool = False
    """The session went on and was ended for its length: there may be more to send or to take."""

    def refuse(self, key: int, reason: str) -> None:
        """A parcel, by its key in the outbox, was refused."""
        self.refused[reason] += 1
        self.refused_keys.add(key)

    def tell(self, text: str) -> None:
        """Something for the person, a line each."""
        if len(self.news) < MAX_NEWS:
            self.news.append(text)
        elif len(self.news) == MAX_NEWS:
            self.news.append("and more that is not told")

    def lines(self) -> list[str]:
        """For the person."""
        place = self.address + (f" ({self.country})" if self.country else "")
        if self.named_by:
            place += f", named by {self.named_by}"
        # It may hold the relay's own words.
        problem = printable_line(self.problem)
        if not self.reached:
            problem = problem.removeprefix(f"{self.address} ")
            return [f"{place}: {problem or 'not reached'}"]
        said = []
        if self.taken:
            said.append(f"took {_parcels(self.taken)}, {human_size(self.sent_bytes)}")
        if self.had:
            said.append(f"had {_parcels(self.had)} already")
        if self.signed:
            said.append(f"signed for {_parcels(self.signed)}")
        if self.half_sent:
            said.append(f"{_parcels(self.half_sent)} half there: the rest goes next time")
        if self.opened:
            said.append(f"brought the desk's word that it opened {_parcels(self.opened)}")
        if self.replies:
            replies = (
                "1 answer to somebody, perhaps to you"
                if self.replies == 1
                else f"{self.replies} answers, perhaps some to you"
            )
            said.append(f"gave {replies}; only your code opens yours: `qanat inbox`")
        for reason, count in self.refused.items():
            said.append(f"refused {_parcels(count)} ({printable_line(reason)})")
        if problem:
            said.append(f"then: {problem}")
        lines = [f"{place}: {'; '.join(said) or 'nothing to do'}"]
        if self.stuck:
            them = "it" if self.stuck == 1 else "them"
            lines.append(f"  {_parcels(self.stuck)} of those refused: no other relay has {them}")
        lines += [f"  {printable_line(text)}" for text in [*self.news, *self.advice]]
        return lines

    def facts(self) -> dict[str, Any]:
        """For programs."""
        return {
            "relay": self.address,
            "country": self.country,
            "reached": self.reached,
            "named_by": self.named_by or None,
            "taken": self.taken,
            "had": self.had,
            "signed": self.signed,
            "sent_bytes": self.sent_bytes,
            "half_sent": self.half_sent,
            "opened": self.opened,
            "replies": self.replies,
            "refused": dict(self.refused),
            "refused_and_nowhere_else": self.stuck,
            "stamps_wanted": self.stamps_wanted,
            "news": self.news,
            "problem": self.problem,
        }


def too_large(size_bytes: int, most_bytes: int) -> str:
    """Why a relay does not take a parcel of this size."""
    return f"{human_size(size_bytes)}, it takes at most {human_size(most_bytes)}"


def _parcels(count: int) -> str:
    return "1 parcel" if count == 1 else f"{count} parcels"


def exit_code(reports: Sequence[RelayReport]) -> int:
    """0 if all went well, 4 if something was refused that nobody has, 3 if no relay was reached."""
    if any(report.reached for report in reports):
        return 4 if any(report.stuck for report in reports) else 0
    return 4 if any(report.says_no for report in reports) else 3
