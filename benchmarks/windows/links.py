"""The links that are measured, and what is to be reached on them."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.bad_link import Line

__all__ = ["LINKS", "WINDOW_S", "Link", "slow_line"]

WINDOW_S = 20.0


@dataclass(frozen=True, slots=True)
class Link:
    """aim: the share of rate by time that is to arrive durably within one cold window."""

    name: str
    rate_kbit: float
    rtt_ms: float
    loss: float
    aim: float

    def window(self) -> Line:
        """It, for one window from the clock's start."""
        return Line(self.rate_kbit, self.rtt_ms, self.loss, open_s=((0.0, WINDOW_S),))


LINKS = (
    Link("400 kbit/s, 600 ms, no loss", 400, 600, 0.0, 0.80),
    Link("400 kbit/s, 600 ms, 2%", 400, 600, 0.02, 0.80),
    Link("400 kbit/s, 600 ms, 5%", 400, 600, 0.05, 0.77),
    Link("50 kbit/s, 500 ms, 2%", 50, 500, 0.02, 0.76),
    Link("5 Mbit/s, 150 ms, 1%", 5000, 150, 0.01, 0.88),
)


def slow_line(loss: float, *, opens: bool) -> Line:
    """400 kbit/s and 600 ms: open from the clock's start on, or always."""
    if opens:
        return Line(400, 600, loss, open_s=((0.0, float("inf")),))
    return Line(400, 600, loss)
