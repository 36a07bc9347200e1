"""How contact with each peer went, for people and for programs."""

from __future__ import annotations

from collections.abc import Sequence

from qanat_protocol.statement import fingerprint
from qanat_relay.peering.peers import Peer


def peer_words(peer: Peer, now_s: int) -> str:
    """A line for a person."""
    named = "; named in this relay's card" if peer.is_named else ""
    return f"{peer_name(peer)}: {_contact(peer, now_s)}{named}"


def peer_name(peer: Peer) -> str:
    """What a peer is called."""
    return peer.card.name or fingerprint(peer.key)[:11]


def peers_json(peers: Sequence[Peer]) -> list[dict[str, object]]:
    """The same for a program; times are unix seconds, or None."""
    return [
        {
            "name": peer.card.name,
            "key": fingerprint(peer.key),
            "named": peer.is_named,
            "last_contact": peer.record.contact_s or None,
            "given_all": peer.record.given_s or None,
            "taken_all": peer.record.taken_s or None,
            "failing_since": peer.record.failing_s or None,
            "failure": peer.record.failure or None,
            "given": peer.record.given,
            "taken": peer.record.taken,
        }
        for peer in peers
    ]


def _contact(peer: Peer, now_s: int) -> str:
    record = peer.record
    counts = f"{record.given:,} given, {record.taken:,} taken"
    if not record.contact_s:
        words = f"{record.failure}, since {_ago(record.failing_s, now_s)}" if record.failure else ""
        return words or "not heard of yet"
    both_s = min(record.given_s, record.taken_s)
    lag = f"all exchanged {_ago(both_s, now_s)} ago" if both_s else "not all exchanged yet"
    if record.failure:
        since, last = _ago(record.failing_s, now_s), _ago(record.contact_s, now_s)
        return f"{record.failure}, since {since}; last contact {last} ago; {lag}; {counts}"
    return f"last contact {_ago(record.contact_s, now_s)} ago; {lag}; {counts}"


def _ago(at_s: int, now_s: int) -> str:
    seconds = max(0, now_s - at_s)
    for size_s, name in ((86_400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= size_s:
            count = seconds // size_s
            return f"{count:,} {name}{'s' if count > 1 else ''}"
    return "less than a minute"
