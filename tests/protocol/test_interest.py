"""Proofs of interest: good in one session, for one number and the weeks that were signed."""

from dataclasses import replace

import pytest

from qanat_protocol.errors import (
    BadSignature,
    LocalMalformed,
    Malformed,
    NotCertified,
    RemoteError,
    UnknownSuite,
)
from qanat_protocol.frames import DeskInterest
from qanat_protocol.session import (
    sign_desk_interest,
    sign_peer_interest,
    verify_desk_interest,
    verify_peer_interest,
)
from qanat_protocol.signing import SigningKey
from qanat_protocol.statement import Certified, sign_statement

ROOT = SigningKey(bytes(range(32)))
KEY = SigningKey(bytes(range(1, 33)))
STRANGER = SigningKey(bytes(32))
SESSION = bytes(range(32))
STATEMENT = sign_statement(
    ROOT,
    serial=1,
    issued_day=18_990,
    certified=(Certified(KEY.public, 18_990, 19_000),),
    successor=bytes(32),
)


def interest(key: SigningKey = KEY) -> DeskInterest:
    return sign_desk_interest(
        key,
        SESSION,
        number=3,
        statement=STATEMENT,
        first_epoch=2713,
        last_epoch=2720,
        cursor=b"so far",
        estimate=bytes(512),
    )


def test_a_desk_proves_itself_in_its_session() -> None:
    frame = interest()
    assert (frame.signing_key, frame.cursor, frame.estimate) == (KEY.public, b"so far", bytes(512))
    assert verify_desk_interest(frame, SESSION, 18_990).root_key == ROOT.public
    # Where it stands in its own list, and what it has, is the asker's to say and changes nothing
    # of what it may have.
    verify_desk_interest(replace(frame, cursor=None, estimate=None), SESSION, 19_000)


@pytest.mark.parametrize(
    ("frame", "session_hash", "today", "error"),
    [
        (interest(), bytes(32), 18_990, BadSignature),
        (interest(), SESSION, 18_989, NotCertified),
        (interest(), SESSION, 19_001, NotCertified),
        (interest(STRANGER), SESSION, 18_990, NotCertified),
        (replace(interest(STRANGER), signing_key=KEY.public), SESSION, 18_990, BadSignature),
        (replace(interest(), number=4), SESSION, 18_990, BadSignature),
        (replace(interest(), first_epoch=2712), SESSION, 18_990, BadSignature),
        (replace(interest(), last_epoch=2721), SESSION, 18_990, BadSignature),
        (replace(interest(), signature=b"\x02" + bytes(64)), SESSION, 18_990, UnknownSuite),
        (replace(interest(), statement=b"\x90"), SESSION, 18_990, Malformed),
    ],
)
def test_a_proof_that_was_changed_or_moved_is_refused(
    frame: DeskInterest, session_hash: bytes, today: int, error: type[RemoteError]
) -> None:
    with pytest.raises(error):
        verify_desk_interest(frame, session_hash, today)


def test_a_peer_proves_itself_in_its_session() -> None:
    frame = sign_peer_interest(KEY, SESSION, number=0, cursor=b"so far")
    assert (frame.signing_key, frame.cursor) == (KEY.public, b"so far")
    verify_peer_interest(frame, SESSION)
    for wrong, session_hash in [
        (frame, bytes(32)),
        (replace(frame, number=1), SESSION),
        (replace(frame, signing_key=STRANGER.public), SESSION),
    ]:
        with pytest.raises(BadSignature):
            verify_peer_interest(wrong, session_hash)


def test_a_desks_proof_is_none_for_a_peer() -> None:
    frame = interest()
    peer = sign_peer_interest(KEY, SESSION, number=3)
    with pytest.raises(BadSignature):
        verify_peer_interest(replace(peer, signature=frame.signature), SESSION)


@pytest.mark.parametrize("weeks", [(-1, 5), (0, 2**32)])
def test_no_interest_is_signed_in_weeks_that_a_frame_cannot_name(weeks: tuple[int, int]) -> None:
    with pytest.raises(LocalMalformed):
        sign_desk_interest(
            KEY,
            SESSION,
            number=0,
            statement=STATEMENT,
            first_epoch=weeks[0],
            last_epoch=weeks[1],
        )
