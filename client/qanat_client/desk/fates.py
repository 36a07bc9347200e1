"""What became of something that the desk sent, as far as the vault knows: in the queue, with relays
by their word, refused, or carried no longer. Whether anybody has read it nobody tells.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any

from qanat_client.desk.desk import Desk
from qanat_client.desk.outgoing import STATUS_HELD, Outbox
from qanat_client.desk.words import counted, verdict_name
from qanat_protocol.days import iso
from qanat_protocol.verdicts import Verdict

__all__ = ["Fate", "FateState", "fate_json", "fate_of"]


class FateState(Enum):
    """How far it has come."""

    QUEUED = "queued"
    HANDED_OVER = "handed over"
    REFUSED = "refused"
    OVER = "over"


@dataclass(frozen=True, slots=True)
class Fate:
    """`held`: the relays that say to have it, with the day on which they said so (ISO)."""

    state: FateState
    words: str
    held: tuple[tuple[str, str], ...] = ()


def fate_of(desk: Desk, parcel_id: bytes) -> Fate:
    """What became of one parcel."""
    expiry_day = desk.vault.value("SELECT expiry_day FROM outgoing WHERE id = ?", parcel_id)
    if expiry_day is None:
        return Fate(FateState.OVER, "its time is over: no relay carries it any more")
    held, refused = [], []
    for relay, status, verdict, day in Outbox(desk.vault).handed(parcel_id):
        name = desk.relay_name(relay)
        if status == STATUS_HELD:
            held.append((name, iso(day)))
        else:
            refused.append(f"{name} {_why(verdict)}")
    until = f"until {iso(expiry_day)}"
    if held:
        relays = counted(max(len(held), len(desk.card.relays)), "relay")
        says = "says that it has" if len(held) == 1 else "say that they have"
        words = "; ".join([f"{len(held)} of {relays} {says} it, to be fetched {until}", *refused])
        return Fate(FateState.HANDED_OVER, words, tuple(held))
    if refused:
        return Fate(FateState.REFUSED, f"{'; '.join(refused)}; they are asked again {until}")
    return Fate(FateState.QUEUED, f"it waits here for a relay, at most {until}")


def _why(verdict: int | None) -> str:
    if verdict == Verdict.REFUSED_DESK:
        return (
            "does not carry what this desk publishes: send its operator the card"
            " (`qanat-desk card -o FILE`), and it goes there by itself once that was added"
        )
    return f"refused it: {verdict_name(verdict)}"


def fate_json(fate: Fate) -> dict[str, Any]:
    """The same for programs."""
    return {
        "state": fate.state.value,
        "words": fate.words,
        "relays": [{"name": name, "day": day} for name, day in fate.held],
    }
