"""Kinds of lines by name: rates, round trips and loss. Presets, not measurements."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

__all__ = ["PRESETS", "Preset", "preset"]


@dataclass(frozen=True, slots=True)
class Preset:
    """Rates in bytes a second before any overhead; rtt_s: the line's part of a round trip; loss:
    the share of packets that is lost, each way."""

    down_bytes_s: float
    up_bytes_s: float
    rtt_s: float
    loss: float


def preset(down_kbit_s: float, up_kbit_s: float, rtt_ms: float, loss_percent: float = 0) -> Preset:
    """One in the units that people use."""
    return Preset(down_kbit_s * 125, up_kbit_s * 125, rtt_ms / 1000, loss_percent / 100)


PRESETS: Final = {
    # Those that the documented shutdowns are simulated with.
    "gprs": preset(50, 20, 500),
    "2g": preset(250, 50, 300),
    "good-2g": preset(450, 150, 150),
    "3g": preset(750, 250, 100),
    # Where a shutdown is not: our own, on the slow side.
    "dsl": preset(8_000, 1_000, 40),
    "wifi": preset(20_000, 5_000, 40),
    "server": preset(100_000, 100_000, 30),
}
