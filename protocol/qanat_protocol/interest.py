"""Who may ask for a desk's parcels, or for all (SPEC section 17, INTEREST). A proof is bound to one
session by what the relay has chosen of it, too, so that nobody can say it again."""

from qanat_protocol.frames import AllInterest, DeskInterest
from qanat_protocol.hashing import u32
from qanat_protocol.signing import SigningKey, verify_signature
from qanat_protocol.statement import Statement, parse_statement

__all__ = [
    "sign_desk_interest",
    "sign_peer_interest",
    "verify_desk_interest",
    "verify_peer_interest",
]


def sign_desk_interest(
    key: SigningKey,
    session_hash: bytes,
    *,
    number: int,
    statement: bytes,
    first_epoch: int,
    last_epoch: int,
    cursor: bytes | None = None,
    estimate: bytes | None = None,
) -> DeskInterest:
    """An interest in a desk's epochs; `statement` is the envelope that certifies the key."""
    signature = key.sign("interest", session_hash, _weeks(number, first_epoch, last_epoch))
    return DeskInterest(
        number, statement, key.public, first_epoch, last_epoch, cursor, signature, estimate
    )


def verify_desk_interest(frame: DeskInterest, session_hash: bytes, today: int) -> Statement:
    """The statement of the desk that asks.

    Raises NotCertified where it does not vouch for the key on that day, BadSignature, BadKey or
    UnknownSuite, and what parse_statement raises.
    """
    statement = parse_statement(frame.statement)
    statement.check_certified(frame.signing_key, today)
    verify_signature(
        frame.signing_key,
        frame.signature,
        "interest",
        session_hash,
        _weeks(frame.number, frame.first_epoch, frame.last_epoch),
    )
    return statement


def sign_peer_interest(
    key: SigningKey, session_hash: bytes, *, number: int, cursor: bytes | None = None
) -> AllInterest:
    """A peer's interest in everything, by its relay signing key."""
    signature = key.sign("peer", session_hash, u32(number))
    return AllInterest(number, key.public, cursor, signature)


def verify_peer_interest(frame: AllInterest, session_hash: bytes) -> None:
    """Raise BadSignature, BadKey or UnknownSuite unless the frame's own key signed it.

    Whether that key is a configured peer's is for the relay to say.
    """
    verify_signature(frame.signing_key, frame.signature, "peer", session_hash, u32(frame.number))


def _weeks(number: int, first: int, last: int) -> bytes:
    return u32(number) + u32(first) + u32(last)
