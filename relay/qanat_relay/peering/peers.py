"""The relays that this one feeds and is fed by: their cards, as files the operator adds, what is
remembered of each, and which parcels are on their way from which.

Who is not here is no peer, whatever it can prove.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from qanat_protocol.errors import Malformed, ProtocolError
from qanat_protocol.relay_card import RelayCard, parse_relay_card
from qanat_protocol.relay_entry import MAX_RELAYS, RelayEntry
from qanat_relay.errors import DataError
from qanat_relay.events import Event
from qanat_relay.folders import make_folder
from qanat_relay.keys import write_whole
from qanat_relay.logs import tell
from qanat_relay.peering.record import PeerRecord, read_record, write_record
from qanat_relay.rights import words_of

FOLDER = "peers"

MAX_KNOWN_THERE = 65_536
"""Parcels of which we remember that a peer has them, so that it is not offered them: 16 bytes each.
What is forgotten costs an offer."""

MAX_CLAIMS = 65_536
"""Beyond these a parcel may come twice."""

CLAIM_S = 20.0
"""How long one peer may take to bring a parcel before another is asked for it too."""


class Session(Protocol):
    """What is to be known of a session with a peer."""

    @property
    def is_moving(self) -> bool:
        """Whether something was heard a moment ago."""

    def abort(self) -> None:
        """Give its connection up."""


@dataclass(slots=True)
class Peer:
    """One of them, while this process runs.

    What it is known to have is not offered to it. called_s: when it last called this relay
    (time.monotonic); None if it did not. told: how much of this relay's news was there when it
    was last given everything. deferred: whether it offered something that another was bringing.
    missed: the cursor behind which there was no room for something that it gave, empty for none,
    and when to ask from there again (time.monotonic).
    is_named: whether this relay's card is to name it.
    """

    card: RelayCard
    path: Path
    record: PeerRecord
    is_named: bool = False
    sessions: list[Session] = field(default_factory=list)
    called_s: float | None = None
    told: int = -1
    deferred: bool = False
    missed: bytes | None = None
    missed_again_s: float = 0.0
    _known_there: dict[bytes, None] = field(default_factory=dict)

    @property
    def is_talking(self) -> bool:
        """Whether a session with it goes on. One on a line that was lost may last for minutes."""
        return any(session.is_moving for session in self.sessions)

    @property
    def key(self) -> bytes:
        """Its signing key."""
        return self.card.signing_key

    def has(self, offer: bytes) -> bool:
        """Whether we know that it has, or had, a parcel."""
        return offer in self._known_there

    def note_there(self, offers: Iterable[bytes]) -> None:
        """It has, or had, these parcels."""
        for offer in offers:
            # The newest of what was said are kept longest.
            self._known_there.pop(offer, None)
            self._known_there[offer] = None
        while len(self._known_there) > MAX_KNOWN_THERE:
            del self._known_there[next(iter(self._known_there))]

    def keep(self, record: PeerRecord) -> None:
        """Remember it, also on the disk where that takes it: what is forgotten is asked again."""
        if record != self.record:
            self.record = record
            try:
                make_folder(self.path.parent)
                write_record(self.path, record)
            except OSError:
                tell(Event.PEER_NOT_REMEMBERED)


class Peers:
    """The cards in a folder. Read anew when it has changed, so that a relay need not be started
    again for one more peer."""

    def __init__(self, folder: Path | None = None, clock: Callable[[], float] = time.time) -> None:
        """Without a folder there are none."""
        self._folder = folder
        self._clock = clock
        self._changed_ns: int | None = None
        self._by_key: dict[bytes, Peer] = {}
        self._claims: dict[bytes, tuple[object, float]] = {}
        self.losses = 0
        """How often `ask_for_all` was called: a session that began before has not asked for it."""

    def list_peers(self, *, strict: bool = True) -> list[Peer]:
        """Every peer, by name. Raises DataError naming a file that is not a relay's card, unless
        others are to go on without it."""
        self._refresh(strict=strict)
        return sorted(self._by_key.values(), key=lambda peer: (peer.card.name, peer.key))

    def find(self, signing_key: bytes) -> Peer | None:
        """The peer with this key, None if it is none."""
        self._refresh()
        return self._by_key.get(signing_key)

    def now_s(self) -> int:
        """By the relay's clock."""
        return int(self._clock())

    def take(self, card: RelayCard) -> None:
        """Add a peer, or keep its card in place of an older one. Raises DataError for one without
        an address at which it, or from which we, could ever be reached, and for an older card."""
        known = self.find(card.signing_key)
        if known is not None and known.card.serial > card.serial:
            raise DataError("a newer card of this relay is here already")
        make_folder(self._card_path(card.signing_key).parent)
        write_whole(self._card_path(card.signing_key), card.envelope)
        self._changed_ns = None

    def remove(self, signing_key: bytes) -> None:
        """Be no peer of it any more, and forget how far it had come."""
        self._named_path(signing_key).unlink(missing_ok=True)
        self._card_path(signing_key).unlink()
        self._record_path(signing_key).unlink(missing_ok=True)
        self._changed_ns = None

    # Who is named in this relay's card

    def name(self, peer: Peer, *, named: bool) -> None:
        """Name a peer in this relay's card from now on, or no more.

        Raises DataError for one without an address, and for one more than a card takes.
        """
        path = self._named_path(peer.key)
        if not named:
            path.unlink(missing_ok=True)
        elif not peer.card.addresses:
            raise DataError("its card has no address, so nobody could reach it")
        elif not peer.is_named and len(self.named_entries()) >= MAX_RELAYS:
            raise DataError(f"a relay's card names {MAX_RELAYS} others at most")
        else:
            write_whole(path, b"")
        self._changed_ns = None

    def named_entries(self) -> tuple[RelayEntry, ...]:
        """Those that are named, as this relay's card says it."""
        named = [peer for peer in self.list_peers(strict=False) if peer.is_named]
        return tuple(peer.card.entry() for peer in named if peer.card.addresses)[:MAX_RELAYS]

    # What was lost

    def ask_for_all(self) -> None:
        """Something that was here is lost: the next session with each peer asks from the
        beginning."""
        self.losses += 1
        for peer in self.list_peers(strict=False):
            peer.keep(replace(peer.record, incarnation=b""))

    # What is on its way

    def claim(self, offer: bytes, session: object) -> bool:
        """Whether a session may bring a parcel: no other is bringing it, or it takes too long. Who
        says again that it has it gets no more time by that."""
        now_s = time.monotonic()
        claim = self._claims.get(offer)
        if claim is not None and (claim[0] is session or now_s - claim[1] < CLAIM_S):
            return claim[0] is session
        if claim is not None or len(self._claims) < MAX_CLAIMS:
            self._claims[offer] = session, now_s
        return True

    def release(self, session: object) -> None:
        """A session has ended: what it did not bring others may."""
        for offer in [offer for offer, (whose, _) in self._claims.items() if whose is session]:
            del self._claims[offer]

    def _card_path(self, signing_key: bytes) -> Path:
        assert self._folder is not None, "peers are added to a folder"
        return self._folder / f"{signing_key.hex()}.card"

    def _named_path(self, signing_key: bytes) -> Path:
        return self._card_path(signing_key).with_suffix(".named")

    def _record_path(self, signing_key: bytes) -> Path:
        # In a folder of their own: that of the cards changes with the cards alone.
        return self._card_path(signing_key).parent / "contact" / f"{signing_key.hex()}.json"

    def _refresh(self, *, strict: bool = False) -> None:
        try:
            changed_ns = None if self._folder is None else self._folder.stat().st_mtime_ns
        except FileNotFoundError:
            changed_ns = None
        except OSError:
            return
        if self._folder is None or changed_ns is None:
            self._by_key = {}
            return
        if changed_ns == self._changed_ns:
            return
        cards = list(self._read_cards(self._folder, strict=strict))
        before = self._by_key
        self._by_key = {}
        for card in cards:
            path = self._record_path(card.signing_key)
            peer = before.get(card.signing_key) or Peer(card, path, read_record(path))
            peer.card = card
            peer.is_named = self._named_path(card.signing_key).exists()
            self._by_key[card.signing_key] = peer
        self._changed_ns = changed_ns

    def _read_cards(self, folder: Path, *, strict: bool) -> Iterator[RelayCard]:
        for path in sorted(folder.glob("*.card")):
            try:
                yield read_relay_card(path)
            except DataError:
                if strict:
                    raise
                tell(Event.PEER_CARD_BROKEN)


def read_relay_card(path: Path) -> RelayCard:
    """A relay's card from a file. Raises DataError naming the file."""
    try:
        return parse_relay_card(path.read_bytes())
    except OSError as error:
        raise DataError(words_of(error)) from None
    except ProtocolError as error:
        why = str(error) if isinstance(error, Malformed) else type(error).__name__
        raise DataError(f"{path} is not a relay's card: {why}") from None
