"""Adding and removing peers, as an operator asks for it."""

from __future__ import annotations

from pathlib import Path

from qanat_client.errors import ClientError
from qanat_protocol.address import check_address
from qanat_protocol.errors import Malformed, ProtocolError
from qanat_protocol.relay_card import RelayCard, parse_relay_card
from qanat_protocol.statement import fingerprint
from qanat_relay.errors import DataError
from qanat_relay.peering.peers import Peer, Peers, read_relay_card
from qanat_relay.peering.words import peer_name

PATIENCE_S = 30.0


async def card_at(where: str) -> RelayCard:
    """A relay's card, from a file or from the relay itself. Raises DataError."""
    if not where.startswith(("http://", "https://")):
        return read_relay_card(Path(where))
    from qanat_client.carriers.http import CARD_PATH, fetch_card
    from qanat_client.carriers.settings import CarrierSettings

    address = where.rstrip("/").removesuffix(CARD_PATH)
    try:
        check_address(address)
        return parse_relay_card(await fetch_card(address, CarrierSettings(stall_s=PATIENCE_S)))
    except Malformed as error:
        raise DataError(f"{where}: {error}") from None
    except ClientError as error:
        raise DataError(f"{error}; try again, or hand over its card as a file") from None
    except ProtocolError as error:
        raise DataError(f"{where} gives no relay's card: {type(error).__name__}") from None


def peer_named(peers: Peers, named: str) -> Peer:
    """The only peer that is called so, or whose key begins so. Raises DataError."""
    key = named.replace(" ", "")
    found = [
        peer
        for peer in peers.list_peers()
        if peer.card.name == named
        or (len(key) >= 5 and fingerprint(peer.key).replace(" ", "").startswith(key))
    ]
    if len(found) == 1:
        return found[0]
    if found:
        raise DataError(f"{named!r} fits {len(found)} peers: give the beginning of the key")
    known = ", ".join(peer_name(peer) for peer in peers.list_peers()) or "there are none"
    raise DataError(f"no peer is called {named!r}; known: {known}")
